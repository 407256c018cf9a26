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

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct

from dragoman.hub.losses import Losses
from dragoman.hub.request import Document, Effort, Mode, OutputFormat, Reasoning, Request, Sampling
from dragoman.protocols import fields
from dragoman.protocols.anthropic_messages.block_reader import read_system, read_turn
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache
from dragoman.protocols.anthropic_messages.threads import demand_all_of
from dragoman.protocols.anthropic_messages.tool_reader import read_tool, read_tool_choice
from dragoman.protocols.fields import Integer, Number, Object, WrongFieldError
from dragoman.protocols.sessions import session_in, session_in_user

_DIALECT: Final = "anthropic-messages"
_replace: Final = msgspec.structs.replace


class _Values(Struct):
    """The members that are no objects."""

    model: str
    max_tokens: Integer | None = None
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Integer | None = None
    service_tier: str | None = None


_PLAIN: Final = frozenset({*_Values.__struct_fields__, "messages", "system", "tools", "stop_sequences"})
# What of these objects the reader names; the rest of them is kept in `extra` under the object's name.
_OBJECTS: Final = {
    "metadata": frozenset({"user_id"}),
    "output_config": frozenset({"effort", "format"}),
    "thinking": frozenset({"type", "budget_tokens", "display"}),
    "tool_choice": frozenset({"type", "name", "disable_parallel_tool_use"}),
    "cache_control": MARK,
}
_NAMED: Final = _PLAIN | _OBJECTS.keys()
_FORMAT: Final = frozenset({"type", "schema"})
_EFFORTS: Final[Mapping[str, Effort]] = {word: word for word in get_args(Effort)}
_MODES: Final[Mapping[str, Mode]] = {
    "enabled": "budget",
    "disabled": "off",
    "adaptive": "adaptive",
    "between_tools": "between_tools",
}


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    of = fields.body(body)
    said = fields.values(of, _Values)
    turns = fields.placed(of, "messages", read_turn)
    if not turns:
        raise fields.no_messages(of)
    request = Request(
        dialect=_DIALECT,
        model=said.model,
        turns=read_system(of) + turns if "system" in of else turns,
        tools=fields.each(of, "tools", read_tool) if "tools" in of else (),
        max_tokens=said.max_tokens,
        stop=fields.strings(of, "stop_sequences") if "stop_sequences" in of else (),
        sampling=Sampling(said.temperature, said.top_p, said.top_k),
        stream=said.stream or False,
        service_tier=said.service_tier,
        session=session_in(headers),
    )
    return request if of.keys() <= _PLAIN else _with_rest(request, of)


class _Metadata(Struct):
    user_id: str | None = None


class _Thinking(Struct):
    type: str | None = None
    budget_tokens: Integer | None = None
    display: str | None = None


class _OutputConfig(Struct):
    effort: str | None = None


class _Objects(Struct):
    metadata: _Metadata | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None


def _with_rest(request: Request, of: Object) -> Request:
    """The request with what is said in objects, and with what has no name here."""
    said = fields.values(of, _Objects)
    rest: Object = {"reasoning": _reasoning(said), "extra": _extra(of)}
    if said.metadata is not None and said.metadata.user_id is not None:
        rest["user"] = said.metadata.user_id
        if request.session is None:
            rest["session"] = session_in_user(said.metadata.user_id)
    if "tool_choice" in of:
        rest["tool_choice"] = fields.within_if_any(of, "tool_choice", read_tool_choice)
        alone = fields.within_if_any(of, "tool_choice", lambda it: fields.maybe_bool(it, "disable_parallel_tool_use"))
        rest["parallel_tools"] = None if alone is None else not alone
    if said.output_config is not None:
        rest["output_format"] = fields.within(of, "output_config", _output_format)
    if "cache_control" in of:
        rest["cache"] = read_cache(of)
    return _replace(request, **rest)


def _extra(of: Object) -> Object:
    extra = {**fields.unnamed(of, _NAMED), **fields.unnamed_within(of, _OBJECTS)}
    output = of.get("output_config")
    if output and (inner := fields.unnamed_within(output, {"format": _FORMAT})):
        extra["output_config"] = {**extra.get("output_config", {}), **inner}
    return extra


def _reasoning(of: _Objects) -> Reasoning:
    said = None if of.output_config is None else of.output_config.effort
    effort = None if said is None else _EFFORTS.get(said)
    if said is not None and effort is None:
        known = ", ".join([*_EFFORTS][2:])
        raise WrongFieldError("output_config.effort", f"must be one of {known}, not {said!r}")
    thinking = of.thinking
    if thinking is None:
        return Reasoning(effort=effort)
    if thinking.type is not None and thinking.type not in _MODES:
        known = "adaptive, enabled, disabled or between_tools"
        raise WrongFieldError("thinking.type", f"must be {known}, not {thinking.type!r}")
    mode = None if thinking.type is None else _MODES[thinking.type]
    return Reasoning(mode, effort, thinking.budget_tokens, thinking.display)


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
        if fields.asks_nothing(value):
            losses.silent(key, why)
        elif key == "context_management":
            _note_context_management(value, losses)
        elif key == "thread":
            demand_all_of(value)
            losses.silent("thread", "this backend keeps no threads")
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
            if type(part) is Document and _wants_citations(part):
                losses.warn(turn.path, "this backend does not cite documents")


def _wants_citations(document: Document) -> bool:
    citations = document.extra.get("citations")
    return isinstance(citations, dict) and bool(citations.get("enabled"))


def _note_context_management(value: Any, losses: Losses) -> None:
    """Claude Code (2.1) always sends `clear_thinking ... keep: all`, which asks for nothing."""
    edits = value.get("edits") if isinstance(value, dict) else None
    for edit in edits if isinstance(edits, list) else ():
        kind = edit.get("type") if isinstance(edit, dict) else None
        if isinstance(kind, str) and kind.startswith("clear_thinking_"):
            losses.silent("context_management", "other backends decide themselves which reasoning they see again")
        else:
            losses.warn("context_management", "this backend does not edit the conversation")
