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

import functools
from collections.abc import Mapping
from typing import Any, Final, get_args

from dragoman.hub.losses import Losses
from dragoman.hub.request import Effort, OutputFormat, Reasoning, Request, Sampling, Turn
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_chat.message_reader import read_turn
from dragoman.protocols.openai_chat.tool_reader import read_legacy_function, read_tool, read_tool_choice
from dragoman.protocols.sessions import session_in

_DIALECT: Final = "openai-chat"
# What of these objects the reader names; the rest of them is kept in `extra` under the object's name.
_OBJECTS: Final = {
    "stream_options": frozenset({"include_usage"}),
    "response_format": frozenset({"type", "json_schema"}),
}
_SCHEMA: Final = frozenset({"schema", "name", "description", "strict"})
_NAMED: Final = frozenset(
    [
        *_OBJECTS,
        "model",
        "messages",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "n",
        "reasoning_effort",
        "stream",
        "prompt_cache_key",
        "service_tier",
        "functions",
        "function_call",
    ]
)
_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    return fields.read_body(body, functools.partial(_request, headers=headers))


def _request(of: Object, headers: Mapping[str, str]) -> Request:
    cache_key = fields.maybe_string(of, "prompt_cache_key")
    usage = fields.within_if_any(of, "stream_options", lambda options: fields.maybe_bool(options, "include_usage"))
    limit = fields.maybe_int(of, "max_completion_tokens")
    choice = of.get("tool_choice")
    return Request(
        dialect=_DIALECT,
        model=fields.string(of, "model"),
        turns=_messages(of),
        tools=fields.each(of, "tools", read_tool) + fields.each(of, "functions", read_legacy_function),
        tool_choice=read_tool_choice(of.get("function_call") if choice is None else choice),
        parallel_tools=fields.maybe_bool(of, "parallel_tool_calls"),
        max_tokens=fields.maybe_int(of, "max_tokens") if limit is None else limit,
        stop=fields.strings(of, "stop"),
        sampling=_sampling(of),
        reasoning=_reasoning(of),
        output_format=fields.within_if_any(of, "response_format", _output_format),
        stream=fields.maybe_bool(of, "stream") or False,
        stream_usage=usage or False,
        cache_key=cache_key,
        service_tier=fields.maybe_string(of, "service_tier"),
        # Kept in `extra` as well: what is said to OpenAI itself need not be said to others.
        user=fields.maybe_string(of, "safety_identifier") or fields.maybe_string(of, "user") or None,
        session=session_in(headers) or cache_key,
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
    form = of.get("response_format")
    if form and (inner := fields.unnamed_within(form, {"json_schema": _SCHEMA})):
        extra["response_format"] = {**extra.get("response_format", {}), **inner}
    return extra


def _sampling(of: Object) -> Sampling:
    return Sampling(
        temperature=fields.maybe_number(of, "temperature"),
        top_p=fields.maybe_number(of, "top_p"),
        top_k=fields.maybe_int(of, "top_k"),
        min_p=fields.maybe_number(of, "min_p"),
        frequency_penalty=fields.maybe_number(of, "frequency_penalty"),
        presence_penalty=fields.maybe_number(of, "presence_penalty"),
        repetition_penalty=fields.maybe_number(of, "repetition_penalty"),
        seed=fields.maybe_int(of, "seed"),
        logit_bias=fields.maybe_object(of, "logit_bias"),
        logprobs=fields.maybe_bool(of, "logprobs"),
        top_logprobs=fields.maybe_int(of, "top_logprobs"),
        n=fields.maybe_int(of, "n"),
    )


def _reasoning(of: Object) -> Reasoning:
    said = fields.maybe_string(of, "reasoning_effort")
    if said is None:
        return Reasoning()
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
    "verbosity": ("this backend has no verbosity setting", False),
}


def note_losses(request: Request, losses: Losses) -> None:
    if _wants_audio(request.extra.get("modalities")):
        losses.refuse("modalities", "audio output is not available on this backend; ask for text")
    for key in request.extra:
        why, refused = _LEAVING.get(key, ("known to Chat Completions only", False))
        if refused:
            losses.refuse(key, why)
        elif key in _LEAVING:
            losses.warn(key, why)
        else:
            losses.silent(key, why)


def _wants_audio(modalities: Any) -> bool:
    return isinstance(modalities, list) and "audio" in modalities
