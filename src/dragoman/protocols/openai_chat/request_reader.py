"""Reading what a Chat Completions client asks.

Canonical form, where the dialect has several:

- string content is one text part; null, "" and no part at all are no content, said as "" (or null beside tool calls,
  as the backend likes it);
- `stop` is a list without empty strings; both length limits are one (`max_completion_tokens` wins);
- reasoning stands in the field that the backend reads;
- a `refusal` part is the field `refusal`; an `image_url` that is a PDF is a `file`; file data is a data URL in base64,
  with a file name;
- legacy `functions`, `function_call` and messages of role `function` are tools;
- tool arguments that are no JSON object are repaired or wrapped; `index` in a past call means nothing;
- of known fields, null and an empty object are as good as absent, as are a `response_format` of text and
  `stream: false`;
- `stream_options` are said for streams only, and always ask for usage; `tool_choice` and `parallel_tool_calls` are not
  said without tools.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from msgspec import Struct

from dragoman.hub.losses import Losses
from dragoman.hub.request import Effort, OutputFormat, Reasoning, Request, Sampling, Tool
from dragoman.protocols import fields
from dragoman.protocols.fields import Integer, Number, Object, WrongFieldError
from dragoman.protocols.openai_chat.message_reader import read_turn
from dragoman.protocols.openai_chat.tool_reader import read_legacy_function, read_tool, read_tool_choice
from dragoman.protocols.sessions import session_in

_DIALECT: Final = "openai-chat"


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Values(Struct):
    """The members that are nothing but themselves."""

    model: str
    max_tokens: Integer | None = None
    max_completion_tokens: Integer | None = None
    stream: bool | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    top_k: Integer | None = None
    min_p: Number | None = None
    frequency_penalty: Number | None = None
    presence_penalty: Number | None = None
    repetition_penalty: Number | None = None
    seed: Integer | None = None
    logit_bias: Object | None = None
    logprobs: bool | None = None
    top_logprobs: Integer | None = None
    n: Integer | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    stream_options: _StreamOptions | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    # Kept in `extra` as well: what is said to OpenAI itself need not be said to others.
    safety_identifier: str | None = None
    user: str | None = None


# What of these objects the reader names; the rest of them is kept in `extra` under the object's name.
_OBJECTS: Final = {
    "stream_options": frozenset(_StreamOptions.__struct_fields__),
    "response_format": frozenset({"type", "json_schema"}),
}
_SCHEMA: Final = frozenset({"schema", "name", "description", "strict"})
_NAMED: Final = frozenset(
    [
        *_OBJECTS,
        *_Values.__struct_fields__,
        "messages",
        "tools",
        "tool_choice",
        "stop",
        "functions",
        "function_call",
    ]
) - {"safety_identifier", "user"}
_PLAIN: Final = _NAMED - _OBJECTS.keys()
_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    of = fields.body(body)
    said = fields.values(of, _Values)
    turns = fields.placed(of, "messages", read_turn)
    if not turns:
        raise fields.no_messages(of)
    tools: tuple[Tool, ...] = fields.each(of, "tools", read_tool) if "tools" in of else ()
    if "functions" in of:
        tools += fields.each(of, "functions", read_legacy_function)
    choice = of.get("tool_choice")
    if choice is None:
        choice = of.get("function_call")
    return Request(  # with more than 30 names and values CPython makes a dictionary of them first
        _DIALECT,
        said.model,
        turns,
        tools,
        None if choice is None else read_tool_choice(choice),
        said.parallel_tool_calls,
        said.max_tokens if said.max_completion_tokens is None else said.max_completion_tokens,
        fields.strings(of, "stop") if "stop" in of else (),
        sampling=Sampling(
            said.temperature,
            said.top_p,
            said.top_k,
            said.min_p,
            said.frequency_penalty,
            said.presence_penalty,
            said.repetition_penalty,
            said.seed,
            said.logit_bias,
            said.logprobs,
            said.top_logprobs,
            said.n,
        ),
        reasoning=Reasoning() if said.reasoning_effort is None else _reasoning(said.reasoning_effort),
        output_format=fields.within_if_any(of, "response_format", _output_format) if "response_format" in of else None,
        verbosity=said.verbosity,
        stream=said.stream or False,
        stream_usage=said.stream_options is not None and said.stream_options.include_usage is True,
        cache_key=said.prompt_cache_key,
        service_tier=said.service_tier,
        user=said.safety_identifier or said.user or None,
        session=session_in(headers) or said.prompt_cache_key,
        extra={} if of.keys() <= _PLAIN else _extra(of),
    )


def _extra(of: Object) -> Object:
    extra = {**fields.unnamed(of, _NAMED), **fields.unnamed_within(of, _OBJECTS)}
    form = of.get("response_format")
    if form and (inner := fields.unnamed_within(form, {"json_schema": _SCHEMA})):
        extra["response_format"] = {**extra.get("response_format", {}), **inner}
    return extra


def _reasoning(said: str) -> Reasoning:
    effort: Effort | None = next((known for known in _EFFORTS if known == said), None)
    if effort is None:
        raise WrongFieldError("reasoning_effort", f"must be one of {', '.join(_EFFORTS)}, not {said!r}")
    return Reasoning(mode="off" if effort == "none" else None, effort=effort)


def _output_format(of: Object) -> OutputFormat | None:
    kind = fields.string(of, "type")
    match kind:
        case "text":
            return None
        case "json_object":
            return OutputFormat()
        case "json_schema":
            return fields.within(of, "json_schema", _schema)
    raise WrongFieldError("type", f"must be text, json_object or json_schema, not {kind!r}")


def _schema(of: Object) -> OutputFormat:
    return OutputFormat(
        fields.maybe_object(of, "schema") or {"type": "object"},
        fields.maybe_string(of, "name"),
        fields.maybe_string(of, "description"),
        fields.maybe_bool(of, "strict"),
    )


# What stands in `extra` and would be missed elsewhere: (why, whether going on would change what was asked for).
_LEAVING: Final[dict[str, tuple[str, bool]]] = {
    "audio": ("audio output is not available on this backend; leave it out", True),
    "web_search_options": ("this backend has no web search of its own", False),
}


def note_losses(request: Request, losses: Losses) -> None:
    if "modalities" in request.extra and _wants_audio(request.extra["modalities"]):
        losses.refuse("modalities", "audio output is not available on this backend; ask for text")
    for key, value in request.extra.items():
        why, refused = _LEAVING.get(key, ("known to Chat Completions only", False))
        if fields.asks_nothing(value):
            losses.silent(key, why)
        elif refused:
            losses.refuse(key, why)
        elif key in _LEAVING:
            losses.warn(key, why)
        else:
            losses.silent(key, why)


def _wants_audio(modalities: Any) -> bool:
    return isinstance(modalities, list) and "audio" in modalities
