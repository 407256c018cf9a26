"""Reading what a Responses client asks.

Canonical form, where the dialect has several:

- a string as input is one message of the user, string content is one text, an item with a role is a message;
- texts of the assistant are `output_text` with `annotations`, others `input_text`; a tool's output of one plain text is
  a string; images have a `detail`, inline files a `filename`, and base64 data the media type that its first bytes say;
- arguments and input of a call are never absent; an action of a local shell has its type, and a custom tool its format;
- a namespace stands once, where its first tool was;
- of the request's own members null is as good as absent, as are `stream: false`, empty instructions and no tools, with
  which goes what is said of choosing among them;
- nothing is stored at the backend, and reasoning always comes back encrypted.
"""

from collections.abc import Mapping
from typing import Final, get_args

from msgspec import Struct

from dragoman.hub.losses import Losses
from dragoman.hub.request import Effort, OutputFormat, Reasoning, Request, Sampling, Text, Turn
from dragoman.protocols import fields
from dragoman.protocols.fields import Integer, Number, Object, WrongFieldError
from dragoman.protocols.openai_responses.item_reader import read_items
from dragoman.protocols.openai_responses.response import ECHOED, said_in
from dragoman.protocols.openai_responses.tool_reader import read_tool_choice, read_tools
from dragoman.protocols.sessions import session_in

_DIALECT: Final = "openai-responses"
_LOGPROBS: Final = "message.output_text.logprobs"


class _Values(Struct):
    """The members that are nothing but themselves."""

    model: str
    instructions: str | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: Integer | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_logprobs: Integer | None = None
    stream: bool | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    user: str | None = None


_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_NO_FORM: Final = (None, None)
_ULTRA: Final = "ultra"  # Codex (0.169) offers it for some models; nobody else has a word beyond "max"


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    return read_object(fields.body(body), headers)


def read_object(of: Object, headers: Mapping[str, str]) -> Request:
    """The request as an object: over a WebSocket it comes as a frame's members."""
    if of.get("input") is None and of.get("previous_response_id") is None:
        raise fields.missing("input", "a string or a list of items")
    said = fields.values(of, _Values)
    turns = read_items(of)
    if said.instructions:
        turns = (_instructions(said.instructions), *turns)
    latest, include = _latest_configuration(of), of.get("include")
    wishes = of | latest if latest else of
    form, verbosity = (fields.within_if_any(wishes, "text", _text) or _NO_FORM) if "text" in wishes else _NO_FORM
    return Request(  # with more than 30 names and values CPython makes a dictionary of them first
        _DIALECT,
        said.model,
        turns,
        read_tools(of) if "tools" in of else (),
        read_tool_choice(of["tool_choice"]) if "tool_choice" in of else None,
        parallel_tools=said.parallel_tool_calls,
        max_tokens=said.max_output_tokens,
        sampling=Sampling(
            said.temperature,
            said.top_p,
            logprobs=True if said.top_logprobs or (type(include) is list and _LOGPROBS in include) else None,
            top_logprobs=said.top_logprobs or None,
        ),
        reasoning=(fields.within_if_any(wishes, "reasoning", _reasoning) if "reasoning" in wishes else None)
        or Reasoning(),
        output_format=form,
        verbosity=verbosity,
        stream=said.stream or False,
        cache_key=said.prompt_cache_key,
        service_tier=said.service_tier,
        user=said.safety_identifier or said.user,
        session=session_in(headers) or said.prompt_cache_key,
        extra={"said": {name: value for name, value in of.items() if name != "input"}},
    )


def _latest_configuration(of: Object) -> Object:
    """What the last `configuration_update` among the items changes: how to reason, and the form of the answer."""
    items = of.get("input")
    for item in reversed(items if isinstance(items, list) else []):
        if isinstance(item, dict) and item.get("type") == "configuration_update":
            return {name: item[name] for name in ("reasoning", "text") if isinstance(item.get(name), dict)}
    return {}


def _instructions(said: str) -> Turn:
    return Turn("system", (Text(said),), extra={"instructions": True}, path="instructions")


def _reasoning(of: Object) -> Reasoning:
    said = fields.maybe_string(of, "effort")
    effort: Effort | None = "max" if said == _ULTRA else next((known for known in _EFFORTS if known == said), None)
    if said is not None and effort is None:
        raise WrongFieldError("effort", f"must be one of {', '.join(_EFFORTS)}, not {said!r}")
    summary = fields.maybe_string(of, "summary") or fields.maybe_string(of, "generate_summary")
    return Reasoning("off" if effort == "none" else None, effort, display=None if summary == "none" else summary)


def _text(of: Object) -> tuple[OutputFormat | None, str | None]:
    return fields.within_if_any(of, "format", _format), fields.maybe_string(of, "verbosity")


def _format(of: Object) -> OutputFormat | None:
    kind = of.get("type")
    match kind:
        case None | "text":
            return None
        case "json_object":
            return OutputFormat()
        case "json_schema":
            return OutputFormat(
                fields.maybe_object(of, "schema") or {"type": "object"},
                fields.maybe_string(of, "name"),
                fields.maybe_string(of, "description"),
                fields.maybe_bool(of, "strict"),
            )
    raise WrongFieldError("type", f"must be text, json_object or json_schema, not {kind!r}")


# What other dialects have a place for, or nobody misses.
_CARRIED: Final = frozenset([*ECHOED, "model", "stream", "type"])
# What is missed elsewhere: (why, class). The classes are those of hub/losses.py.
_LEAVING: Final[dict[str, tuple[str, str]]] = {
    "background": ("answers in the background are not available here; leave it out", "refuse"),
    "conversation": ("this backend keeps no conversations; send the whole input", "refuse"),
    "prompt": ("this backend keeps no prompts; send the text itself", "refuse"),
}
_UNMISSED: Final = _CARRIED - _LEAVING.keys()


def note_losses(request: Request, losses: Losses) -> None:
    said = said_in(request)
    for key, value in said.items():
        if key in _UNMISSED:
            continue
        why, loss = _LEAVING.get(key, ("known to Responses only", "silent"))
        if loss == "refuse" and value not in (None, False):
            losses.refuse(key, why)
        elif key not in _CARRIED and value is not None:
            losses.silent(key, why)
