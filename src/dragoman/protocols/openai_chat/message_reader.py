"""Reading the messages of a Chat Completions request."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.hub.request import (
    Cache,
    Document,
    Image,
    Inline,
    Link,
    Opaque,
    Part,
    Refusal,
    Role,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from dragoman.protocols import fields, media
from dragoman.protocols.fields import Object, WrongFieldError

_DIALECT: Final = "openai-chat"
_ROLES: Final[Mapping[str, Role]] = {"system": "system", "developer": "developer", "user": "user"}
_BARE: Final = frozenset({"role", "content"})
_USER: Final = _BARE | {"name"}
_TOOL: Final = _BARE | {"tool_call_id"}
_FUNCTION: Final = _BARE | {"name"}


class _Said(Struct):
    """What a message of the assistant says in strings, but for its content."""

    name: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


_ASSISTANT: Final = _BARE | {*_Said.__struct_fields__, "reasoning_details", "tool_calls", "function_call"}


def read_turn(of: Object, path: str) -> Turn:
    role = of.get("role")
    if role == "assistant":
        return _assistant(of, path)
    if role == "tool":
        call_id = fields.string(of, "tool_call_id")
        return Turn("user", (ToolResult(call_id, _content(of), extra=fields.unnamed(of, _TOOL)),), path=path)
    if role == "function":
        call_id = legacy_id(fields.string(of, "name"))
        return Turn("user", (ToolResult(call_id, _content(of), extra=fields.unnamed(of, _FUNCTION)),), path=path)
    if type(role) is not str or role not in _ROLES:
        role = fields.string(of, "role")
        raise WrongFieldError("role", f"must be system, developer, user, assistant or tool, not {role!r}")
    if of.keys() <= _BARE:
        return Turn(_ROLES[role], _content(of), path=path)
    return Turn(_ROLES[role], _content(of), fields.maybe_string(of, "name"), fields.unnamed(of, _USER), path)


def legacy_id(name: str) -> str:
    """The call id of a legacy function call, which has none: results name the function."""
    return f"call_legacy_{name}"


def _assistant(of: Object, path: str) -> Turn:
    said = fields.values(of, _Said)
    parts: list[Part] = []
    text, details = said.reasoning_content or said.reasoning or "", of.get("reasoning_details")
    if text or details:
        parts.append(Thinking(text, Seal(_DIALECT, "", details, "details") if details else None))
    parts += _content(of)
    if said.refusal:
        parts.append(Refusal(said.refusal))
    if "tool_calls" in of:
        parts += fields.each(of, "tool_calls", _call)
    if (legacy := fields.within_if_any(of, "function_call", _legacy_call)) is not None:
        parts.append(legacy)
    return Turn("assistant", tuple(parts), said.name, fields.unnamed(of, _ASSISTANT), path)


def _call(of: Object) -> ToolCall:
    function = of.get("function")
    if type(function) is dict and function.keys() == _CALLED and of.keys() <= _CALL and of.get("type") == "function":
        call_id, name, said = of.get("id"), function["name"], function["arguments"]
        if type(call_id) is str and type(name) is str and type(said) is str:
            return ToolCall(call_id, name, said)  # nearly all of them
    call_id = fields.string(of, "id")
    if of.get("type") == "custom":
        name, said = fields.within(of, "custom", lambda custom: (fields.string(custom, "name"), _input(custom)))
        extra = {**fields.unnamed(of, _CUSTOM_CALL), **fields.unnamed_within(of, {"custom": _CUSTOM})}
        return ToolCall(call_id, name, said, kind="custom", extra=extra)
    name, said = fields.within(of, "function", lambda called: (fields.string(called, "name"), _arguments(called)))
    extra = {**fields.unnamed(of, _CALL), **fields.unnamed_within(of, {"function": _CALLED})}
    return ToolCall(call_id, name, said, extra=extra)


_CALL: Final = frozenset({"id", "type", "function", "index"})
_CALLED: Final = frozenset({"name", "arguments"})
_CUSTOM_CALL: Final = frozenset({"id", "type", "custom", "index"})
_CUSTOM: Final = frozenset({"name", "input"})


def _legacy_call(of: Object) -> ToolCall:
    name = fields.string(of, "name")
    return ToolCall(legacy_id(name), name, _arguments(of), extra=fields.unnamed(of, _CALLED))


def _arguments(of: Object) -> str:
    if isinstance(of.get("arguments"), dict):
        raise WrongFieldError("arguments", "must be a string holding JSON, not an object")
    return fields.maybe_string(of, "arguments") or ""


def _input(of: Object) -> str:
    return fields.maybe_string(of, "input") or ""


def _content(of: Object) -> tuple[Part, ...]:
    content = of.get("content")
    if type(content) is str:
        return (Text(content),) if content else ()
    return fields.each(of, "content", _part)


def _part(of: Object) -> Part:
    if len(of) == 2 and of.get("type") == "text" and type(text := of.get("text")) is str:
        return Text(text)  # nearly all of them
    kind = fields.string(of, "type")
    match kind:
        case "text":
            return Text(fields.string(of, "text"), read_cache(of), extra=fields.unnamed(of, _TEXT))
        case "refusal":
            return Refusal(fields.string(of, "refusal"))
        case "image_url":
            return _image(of)
        case "file":
            return _file(of)
    return Opaque(_DIALECT, kind, of)


_TEXT: Final = frozenset({"type", "text"})


def read_cache(of: Object) -> Cache | None:
    """OpenAI's `prompt_cache_breakpoint`, or the `cache_control` that OpenRouter and others take in this dialect.

    The mark itself stays in `extra`, where this dialect's writer finds it as it was said.
    """
    if isinstance(mark := of.get("prompt_cache_breakpoint"), dict):
        return Cache({"30m": "5m", "12h": "1h"}.get(str(mark.get("ttl"))))
    if isinstance(mark := of.get("cache_control"), dict):
        return Cache("1h" if mark.get("ttl") == "1h" else None)
    return None


def _image(of: Object) -> Image | Document:
    image = of.get("image_url")
    if isinstance(image, str):  # not in the specification, but common
        of = {**of, "image_url": {"url": image}}
    source, detail = fields.within(
        of,
        "image_url",
        lambda image: (media.source(fields.string(image, "url")), fields.maybe_string(image, "detail")),
    )
    extra = {**fields.unnamed(of, _IMAGE), **fields.unnamed_within(of, {"image_url": _IMAGE_URL})}
    if isinstance(source, Inline) and source.media_type == "application/pdf":
        return Document(source, cache=read_cache(of))
    return Image(source, detail, read_cache(of), extra)


_IMAGE: Final = frozenset({"type", "image_url"})
_IMAGE_URL: Final = frozenset({"url", "detail"})


def _file(of: Object) -> Document:
    source, title = fields.within(of, "file", lambda file: (_file_source(file), fields.maybe_string(file, "filename")))
    extra = {**fields.unnamed(of, _FILE), **fields.unnamed_within(of, {"file": _FILE_INSIDE})}
    return Document(source, title, read_cache(of), extra)


_FILE: Final = frozenset({"type", "file"})
_FILE_INSIDE: Final = frozenset({"file_id", "file_data", "filename"})


def _file_source(of: Object) -> Inline | Link | Stored:
    if file_id := fields.maybe_string(of, "file_id"):
        return Stored(file_id)
    data = fields.string(of, "file_data")
    source = media.source(data)
    if isinstance(source, Link) and not data.startswith(("http://", "https://")):
        return Inline(media.sniffed("application/octet-stream", data), data)
    return source
