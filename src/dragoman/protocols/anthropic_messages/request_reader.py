"""Reading what a Messages client asks.

Canonical form, where the dialect has several:

- string content is one text block; no content, null and empty are none, and are not said for a tool's result;
- a leading system message joins the system prompt;
- of known fields, null, an empty object and a default (`is_error: false`, `stream: false`, a tool of `type: custom`)
  are as good as absent;
- the media type of base64 data is what its first bytes say;
- thinking with neither text nor signature is nothing, as is a message of nothing else;
- `tool_choice` is not said without tools, nor `disable_parallel_tool_use` beside `none`.
"""

import functools
from collections.abc import Mapping
from typing import Any, Final, get_args

from dragoman.hub.losses import Losses
from dragoman.hub.request import Document, Effort, OutputFormat, Reasoning, Request, Sampling, Turn
from dragoman.protocols import fields
from dragoman.protocols.anthropic_messages.block_reader import read_system, read_turn
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache
from dragoman.protocols.anthropic_messages.tool_reader import read_tool, read_tool_choice
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.sessions import session_in, session_in_user

_DIALECT: Final = "anthropic-messages"
# What of these objects the reader names; the rest of them is kept in `extra` under the object's name.
_OBJECTS: Final = {
    "metadata": frozenset({"user_id"}),
    "output_config": frozenset({"effort", "format"}),
    "thinking": frozenset({"type", "budget_tokens", "display"}),
    "tool_choice": frozenset({"type", "name", "disable_parallel_tool_use"}),
    "cache_control": MARK,
}
_NAMED: Final = frozenset(
    [
        *_OBJECTS,
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "stop_sequences",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "service_tier",
    ]
)
_FORMAT: Final = frozenset({"type", "schema"})
_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    return fields.read_body(body, functools.partial(_request, headers=headers))


def _request(of: Object, headers: Mapping[str, str]) -> Request:
    user = fields.within_if_any(of, "metadata", lambda metadata: fields.maybe_string(metadata, "user_id"))
    parallel = fields.within_if_any(
        of, "tool_choice", lambda choice: fields.maybe_bool(choice, "disable_parallel_tool_use")
    )
    return Request(
        dialect=_DIALECT,
        model=fields.string(of, "model"),
        turns=(*read_system(of), *_messages(of)),
        tools=fields.each(of, "tools", read_tool),
        tool_choice=fields.within_if_any(of, "tool_choice", read_tool_choice),
        parallel_tools=None if parallel is None else not parallel,
        max_tokens=fields.maybe_int(of, "max_tokens"),
        stop=fields.strings(of, "stop_sequences"),
        sampling=Sampling(
            temperature=fields.maybe_number(of, "temperature"),
            top_p=fields.maybe_number(of, "top_p"),
            top_k=fields.maybe_int(of, "top_k"),
        ),
        reasoning=_reasoning(of),
        output_format=fields.within_if_any(of, "output_config", _output_format),
        stream=fields.maybe_bool(of, "stream") or False,
        cache=read_cache(of),
        service_tier=fields.maybe_string(of, "service_tier"),
        user=user,
        session=session_in(headers) or session_in_user(user),
        extra=_extra(of),
    )


def _messages(of: Object) -> tuple[Turn, ...]:
    messages = of.get("messages")
    if messages is None:
        raise fields.missing("messages", "a list of messages")
    if messages == []:
        raise WrongFieldError("messages", "must hold at least one message")
    return fields.placed(of, "messages", read_turn)


def _extra(of: Object) -> Object:
    extra = {**fields.unnamed(of, _NAMED), **fields.unnamed_within(of, _OBJECTS)}
    output = of.get("output_config")
    if output and (inner := fields.unnamed_within(output, {"format": _FORMAT})):
        extra["output_config"] = {**extra.get("output_config", {}), **inner}
    return extra


def _reasoning(of: Object) -> Reasoning:
    effort = fields.within_if_any(of, "output_config", _effort)
    return fields.within_if_any(of, "thinking", lambda thinking: _thinking(thinking, effort)) or Reasoning(
        effort=effort
    )


def _effort(of: Object) -> Effort | None:
    said = fields.maybe_string(of, "effort")
    effort: Effort | None = next((known for known in _EFFORTS if known == said), None)
    if said is not None and effort is None:
        raise WrongFieldError("effort", f"must be one of {', '.join(_EFFORTS[2:])}, not {said!r}")
    return effort


def _thinking(of: Object, effort: Effort | None) -> Reasoning:
    kind = fields.maybe_string(of, "type")
    budget, display = fields.maybe_int(of, "budget_tokens"), fields.maybe_string(of, "display")
    match kind:
        case None:
            return Reasoning(None, effort, budget, display)
        case "enabled":
            return Reasoning("budget", effort, budget, display)
        case "disabled":
            return Reasoning("off", effort, budget, display)
        case "adaptive" | "between_tools":
            return Reasoning(kind, effort, budget, display)
    raise WrongFieldError("type", f"must be adaptive, enabled, disabled or between_tools, not {kind!r}")


def _output_format(of: Object) -> OutputFormat | None:
    def read(wanted: Object) -> OutputFormat:
        if wanted.get("type") != "json_schema":
            raise WrongFieldError("type", f"must be json_schema, not {wanted.get('type')!r}")
        return OutputFormat(fields.object_(wanted, "schema"))

    return fields.within_if_any(of, "format", read)


# What stands in `extra` and is missed elsewhere: (why, class). The classes are those of hub/losses.py; "stays" is
# refused whatever the model's policy.
_LEAVING: Final[dict[str, tuple[str, str]]] = {
    "container": ("this backend has no containers; leave it out", "refuse"),
    "mcp_servers": ("this backend cannot call MCP servers; configure them in the client", "refuse"),
    "fallbacks": ("this backend has no model fallbacks; list several backends in the proxy's config", "refuse"),
    "inference_geo": ("a promise about where data is processed cannot be kept by this backend; leave it out", "stays"),
    "compaction": ("this backend has no compaction of its own", "warn"),
    "output_config": ("this backend has no task budgets", "warn"),
}


def note_losses(request: Request, losses: Losses) -> None:
    for key, value in request.extra.items():
        why, loss = _LEAVING.get(key, ("known to Anthropic Messages only", "silent"))
        if key == "context_management":
            _note_context_management(value, losses)
        elif key == "thread":
            _note_thread(value, losses)
        elif loss in ("refuse", "stays"):
            losses.refuse(key, why, lenient=loss == "refuse")
        elif loss == "warn":
            losses.warn(key, why)
        else:
            losses.silent(key, why)
    if request.user is not None:
        losses.silent("metadata.user_id", "who asks is no concern of other vendors")
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Document) and _wants_citations(part):
                losses.warn(turn.path, "this backend does not cite documents")


def _wants_citations(document: Document) -> bool:
    citations = document.extra.get("citations")
    return isinstance(citations, dict) and bool(citations.get("enabled"))


def _note_thread(value: Any, losses: Losses) -> None:
    if isinstance(value, dict) and value.get("type") == "continue":
        losses.refuse("thread", "this backend keeps no threads; send the whole conversation")
    losses.silent("thread", "this backend keeps no threads")


def _note_context_management(value: Any, losses: Losses) -> None:
    """Claude Code (2.1) always sends `clear_thinking ... keep: all`, which asks for nothing."""
    edits = value.get("edits") if isinstance(value, dict) else None
    for edit in edits if isinstance(edits, list) else ():
        kind = edit.get("type") if isinstance(edit, dict) else None
        if isinstance(kind, str) and kind.startswith("clear_thinking_"):
            losses.silent("context_management", "other backends decide themselves which reasoning they see again")
        else:
            losses.warn("context_management", "this backend does not edit the conversation")
