"""Reading what a Chat Completions client asks.

Canonical form, where the dialect has several: string content is one text part, null and "" are no part, `stop` is a
list, both length limits are one (`max_completion_tokens` wins), legacy `functions` are tools.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from dragoman.hub.losses import Losses
from dragoman.hub.problems import bad_request
from dragoman.hub.request import (
    Cache,
    CustomTool,
    Document,
    Effort,
    FunctionTool,
    Image,
    Inline,
    Link,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Refusal,
    Request,
    Role,
    Sampling,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.protocols import fields, media
from dragoman.protocols.sessions import session_in

_DIALECT: Final = "openai-chat"
_NAMED: Final = frozenset(
    [
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
        "response_format",
        "stream",
        "stream_options",
        "prompt_cache_key",
        "service_tier",
        "safety_identifier",
        "user",
        "functions",
        "function_call",
    ]
)
_MESSAGE: Final = frozenset(
    [
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "refusal",
        "function_call",
    ]
)
_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    of = fields.body(body)
    tools = tuple(_tool(tool, f"tools[{i}].") for i, tool in enumerate(fields.objects(of, "tools")))
    legacy = tuple(_function(f, f"functions[{i}].") for i, f in enumerate(fields.objects(of, "functions")))
    options = fields.maybe_object(of, "stream_options") or {}
    if "messages" not in of:
        raise fields.missing("messages", "a list of messages")
    messages = fields.objects(of, "messages")
    if not messages:
        raise bad_request("messages", "must hold at least one message")
    extra = fields.rest(of, _NAMED)
    if legacy:
        extra = {**extra, "functions": True}
    return Request(
        dialect=_DIALECT,
        model=fields.string(of, "model"),
        turns=tuple(_turn(message, f"messages[{i}].") for i, message in enumerate(messages)),
        tools=tools or legacy,
        tool_choice=_tool_choice(of.get("tool_choice", of.get("function_call"))),
        parallel_tools=fields.maybe_bool(of, "parallel_tool_calls"),
        max_tokens=fields.maybe_int(of, "max_completion_tokens") or fields.maybe_int(of, "max_tokens"),
        stop=fields.strings(of, "stop"),
        sampling=_sampling(of),
        reasoning=_reasoning(of),
        output_format=_output_format(of),
        stream=fields.maybe_bool(of, "stream") or False,
        stream_usage=fields.maybe_bool(options, "include_usage", "stream_options.") or False,
        cache_key=fields.maybe_string(of, "prompt_cache_key"),
        service_tier=fields.maybe_string(of, "service_tier"),
        user=fields.maybe_string(of, "safety_identifier") or fields.maybe_string(of, "user"),
        session=session_in(headers) or fields.maybe_string(of, "prompt_cache_key"),
        extra=extra,
    )


# What stands in `extra` and would be missed elsewhere: (why, whether going on would change what was asked for).
_LEAVING: Final[dict[str, tuple[str, bool]]] = {
    "audio": ("audio output is not available on this backend; leave it out", True),
    "web_search_options": ("this backend has no web search of its own", False),
    "verbosity": ("this backend has no verbosity setting", False),
}


def note_losses(request: Request, losses: Losses) -> None:
    if "audio" in (request.extra.get("modalities") or ()):
        losses.refuse("modalities", "audio output is not available on this backend; ask for text")
    for key in request.extra:
        if key in _LEAVING:
            why, refused = _LEAVING[key]
            if refused:
                losses.refuse(key, why)
            losses.warn(key, why)
        elif key != "functions":
            losses.silent(key, "known to Chat Completions only")


def _sampling(of: dict[str, Any]) -> Sampling:
    return Sampling(
        temperature=fields.maybe_number(of, "temperature"),
        top_p=fields.maybe_number(of, "top_p"),
        top_k=fields.maybe_int(of, "top_k"),
        min_p=fields.maybe_number(of, "min_p"),
        frequency_penalty=fields.maybe_number(of, "frequency_penalty"),
        presence_penalty=fields.maybe_number(of, "presence_penalty"),
        repetition_penalty=fields.maybe_number(of, "repetition_penalty"),
        seed=fields.maybe_int(of, "seed"),
        logit_bias=of.get("logit_bias"),
        logprobs=fields.maybe_bool(of, "logprobs"),
        top_logprobs=fields.maybe_int(of, "top_logprobs"),
        n=fields.maybe_int(of, "n"),
    )


def _reasoning(of: dict[str, Any]) -> Reasoning:
    said = fields.maybe_string(of, "reasoning_effort")
    if said is None:
        return Reasoning()
    effort: Effort | None = next((known for known in _EFFORTS if known == said), None)
    if effort is None:
        raise bad_request("reasoning_effort", f"must be one of {', '.join(_EFFORTS)}, not {said!r}")
    return Reasoning(mode="off" if effort == "none" else None, effort=effort)


def _output_format(of: dict[str, Any]) -> OutputFormat | None:
    wanted = fields.maybe_object(of, "response_format")
    kind = wanted.get("type") if wanted else None
    if wanted is None or kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat()
    if kind != "json_schema":
        raise bad_request("response_format.type", f"must be text, json_object or json_schema, not {kind!r}")
    path = "response_format.json_schema."
    schema = fields.object_(wanted, "json_schema", "response_format.")
    return OutputFormat(
        fields.maybe_object(schema, "schema", path) or {"type": "object"},
        fields.maybe_string(schema, "name", path),
        fields.maybe_string(schema, "description", path),
        fields.maybe_bool(schema, "strict", path),
    )


def _tool(of: dict[str, Any], path: str) -> Tool:
    kind = of.get("type", "function")
    if kind == "function":
        return _function(fields.object_(of, "function", path), path + "function.")
    if kind == "custom":
        return _custom(fields.object_(of, "custom", path), path + "custom.")
    raise bad_request(path + "type", f"must be function or custom, not {kind!r}")


def _function(of: dict[str, Any], path: str) -> FunctionTool:
    return FunctionTool(
        fields.string(of, "name", path),
        fields.maybe_string(of, "description", path),
        of.get("parameters"),
        fields.maybe_bool(of, "strict", path),
        extra=fields.rest(of, frozenset({"name", "description", "parameters", "strict"})),
    )


def _custom(of: dict[str, Any], path: str) -> CustomTool:
    wanted = fields.maybe_object(of, "format", path) or {}
    grammar = fields.maybe_object(wanted, "grammar", path + "format.") or {}
    return CustomTool(
        fields.string(of, "name", path),
        fields.maybe_string(of, "description", path),
        fields.maybe_string(grammar, "syntax", path + "format.grammar."),
        fields.maybe_string(grammar, "definition", path + "format.grammar."),
    )


def _tool_choice(choice: Any) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "required" | "none":
            return ToolChoice(choice)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice("named", (name,))
        case {"name": str(name)}:  # the legacy `function_call`
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "allowed_tools": {"mode": str(mode), "tools": list(tools)}}:
            names = [(t.get(t.get("type")) or {}).get("name") for t in tools if isinstance(t, dict)]
            return ToolChoice("allowed", tuple(n for n in names if isinstance(n, str)), required=mode == "required")
    raise bad_request("tool_choice", 'must be "auto", "required", "none" or an object naming a tool')


def _turn(of: dict[str, Any], path: str) -> Turn:
    role = fields.string(of, "role", path)
    extra = fields.rest(of, _MESSAGE)
    name = fields.maybe_string(of, "name", path)
    if role == "assistant":
        return Turn("assistant", _assistant_parts(of, path), name, extra)
    parts = _content(of, path)
    if role == "tool":
        return Turn("user", (ToolResult(fields.string(of, "tool_call_id", path), parts),), name, extra)
    if role == "function":
        return Turn("user", (ToolResult(legacy_id(name or ""), parts),), None, extra)
    if role not in _ROLES:
        raise bad_request(path + "role", f"must be system, developer, user, assistant or tool, not {role!r}")
    return Turn(_ROLES[role], parts, name, extra)


def legacy_id(name: str) -> str:
    """The call id of a legacy function call, which has none: results name the function."""
    return f"call_legacy_{name}"


def _assistant_parts(of: dict[str, Any], path: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    thought = of.get("reasoning_content") or of.get("reasoning")
    details = of.get("reasoning_details")
    if (isinstance(thought, str) and thought) or details:
        seal = Seal(_DIALECT, "", details, "details") if details else None
        parts.append(Thinking(thought if isinstance(thought, str) else "", seal))
    parts += _content(of, path)
    if refusal := fields.maybe_string(of, "refusal", path):
        parts.append(Refusal(refusal))
    for i, call in enumerate(fields.objects(of, "tool_calls", path)):
        parts.append(_call(call, f"{path}tool_calls[{i}]."))
    if (legacy := fields.maybe_object(of, "function_call", path)) is not None:
        name = fields.string(legacy, "name", path + "function_call.")
        parts.append(ToolCall(legacy_id(name), name, _arguments(legacy, path + "function_call.")))
    return tuple(parts)


def _call(of: dict[str, Any], path: str) -> ToolCall:
    call_id = fields.string(of, "id", path)
    if of.get("type") == "custom":
        custom = fields.object_(of, "custom", path)
        name = fields.string(custom, "name", path + "custom.")
        return ToolCall(call_id, name, fields.maybe_string(custom, "input", path + "custom.") or "", kind="custom")
    function = fields.object_(of, "function", path)
    name = fields.string(function, "name", path + "function.")
    return ToolCall(call_id, name, _arguments(function, path + "function."), extra=fields.rest(of, _CALL))


_CALL: Final = frozenset({"id", "type", "function", "index"})


def _arguments(of: dict[str, Any], path: str) -> str:
    value = of.get("arguments")
    if isinstance(value, dict):
        raise bad_request(path + "arguments", "must be a string holding JSON, not an object")
    return fields.maybe_string(of, "arguments", path) or ""


def _content(of: dict[str, Any], path: str) -> tuple[Part, ...]:
    content = of.get("content")
    if content is None or content == "":
        return ()
    if isinstance(content, str):
        return (Text(content),)
    return tuple(_part(part, f"{path}content[{i}].") for i, part in enumerate(fields.objects(of, "content", path)))


def _part(of: dict[str, Any], path: str) -> Part:
    kind = fields.string(of, "type", path)
    match kind:
        case "text":
            return Text(fields.string(of, "text", path), _cache(of), extra=fields.rest(of, _TEXT))
        case "refusal":
            return Refusal(fields.string(of, "refusal", path))
        case "image_url":
            return _image(of, path)
        case "file":
            return _file(fields.object_(of, "file", path), path + "file.", _cache(of))
    return Opaque(_DIALECT, kind, of)


_TEXT: Final = frozenset({"type", "text", "prompt_cache_breakpoint", "cache_control"})


def _cache(of: dict[str, Any]) -> Cache | None:
    """OpenAI's `prompt_cache_breakpoint`, or the `cache_control` that OpenRouter and others take in this dialect."""
    if isinstance(mark := of.get("prompt_cache_breakpoint"), dict):
        return Cache({"30m": "5m", "12h": "1h"}.get(str(mark.get("ttl"))))
    if isinstance(mark := of.get("cache_control"), dict):
        ttl = mark.get("ttl")
        return Cache(ttl if isinstance(ttl, str) else None)
    return None


def _image(of: dict[str, Any], path: str) -> Image | Document:
    image = of.get("image_url")
    if isinstance(image, str):  # not in the specification, but common
        image = {"url": image}
    if not isinstance(image, dict):
        raise fields.wrong(path + "image_url", "an object with a `url`", image)
    source = media.source(fields.string(image, "url", path + "image_url."))
    if isinstance(source, Inline) and source.media_type == "application/pdf":
        return Document(source, cache=_cache(of))
    return Image(source, fields.maybe_string(image, "detail", path + "image_url."), _cache(of))


def _file(of: dict[str, Any], path: str, cache: Cache | None) -> Document:
    title = fields.maybe_string(of, "filename", path)
    if file_id := fields.maybe_string(of, "file_id", path):
        return Document(Stored(file_id), title, cache)
    data = fields.string(of, "file_data", path)
    source = media.source(data)
    if isinstance(source, Link) and not data.startswith(("http://", "https://")):
        source = Inline(media.sniffed("application/octet-stream", data), data)
    return Document(source, title, cache)
