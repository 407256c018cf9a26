"""Reading the messages of a Chat Completions request."""

from collections.abc import Iterator, Mapping
from typing import Final

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
_USER: Final = frozenset({"role", "content", "name"})
_TOOL: Final = frozenset({"role", "content", "tool_call_id"})
_FUNCTION: Final = frozenset({"role", "content", "name"})
_ASSISTANT: Final = frozenset(
    [
        "role",
        "content",
        "name",
        "tool_calls",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "refusal",
        "function_call",
    ]
)


def read_turn(of: Object, path: str) -> Turn:
    role = fields.string(of, "role")
    if role == "assistant":
        extra = fields.unnamed(of, _ASSISTANT)
        return Turn("assistant", tuple(_said(of)), fields.maybe_string(of, "name"), extra, path)
    if role == "tool":
        call_id = fields.string(of, "tool_call_id")
        return Turn("user", (ToolResult(call_id, _content(of), extra=fields.unnamed(of, _TOOL)),), path=path)
    if role == "function":
        call_id = legacy_id(fields.string(of, "name"))
        return Turn("user", (ToolResult(call_id, _content(of), extra=fields.unnamed(of, _FUNCTION)),), path=path)
    if role not in _ROLES:
        raise WrongFieldError("role", f"must be system, developer, user, assistant or tool, not {role!r}")
    return Turn(_ROLES[role], _content(of), fields.maybe_string(of, "name"), fields.unnamed(of, _USER), path)


def legacy_id(name: str) -> str:
    """The call id of a legacy function call, which has none: results name the function."""
    return f"call_legacy_{name}"


def _said(of: Object) -> Iterator[Part]:
    text = fields.maybe_string(of, "reasoning_content") or fields.maybe_string(of, "reasoning") or ""
    details = of.get("reasoning_details")
    if text or details:
        yield Thinking(text, Seal(_DIALECT, "", details, "details") if details else None)
    yield from _content(of)
    if refusal := fields.maybe_string(of, "refusal"):
        yield Refusal(refusal)
    yield from fields.each(of, "tool_calls", _call)
    if (legacy := fields.within_if_any(of, "function_call", _legacy_call)) is not None:
        yield legacy


def _call(of: Object) -> ToolCall:
    call_id = fields.string(of, "id")
    if of.get("type") == "custom":
        name, said = fields.within(of, "custom", lambda custom: (fields.string(custom, "name"), _input(custom)))
        extra = {**fields.unnamed(of, _CUSTOM_CALL), **fields.unnamed_within(of, {"custom": _CUSTOM})}
        return ToolCall(call_id, name, said, kind="custom", extra=extra)
    function = fields.object_(of, "function")
    if (
        len(of) == 3 and len(function) == 2 and "type" in of and "arguments" in function
    ):  # the rest is what nearly all calls are spared
        return ToolCall(call_id, *_name_and_arguments(of))
    extra = {**fields.unnamed(of, _CALL), **fields.unnamed_within(of, {"function": _CALLED})}
    return ToolCall(call_id, *_name_and_arguments(of), extra=extra)


_CALL: Final = frozenset({"id", "type", "function", "index"})
_CALLED: Final = frozenset({"name", "arguments"})
_CUSTOM_CALL: Final = frozenset({"id", "type", "custom", "index"})
_CUSTOM: Final = frozenset({"name", "input"})


def _name_and_arguments(of: Object) -> tuple[str, str]:
    return fields.within(of, "function", lambda function: (fields.string(function, "name"), _arguments(function)))


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
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return fields.each(of, "content", _part)


def _part(of: Object) -> Part:
    kind = fields.string(of, "type")
    match kind:
        case "text":
            text = fields.string(of, "text")
            return Text(text) if len(of) == 2 else Text(text, read_cache(of), extra=fields.unnamed(of, _TEXT))
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
