"""Reading the blocks of a Messages request: what stands in its system prompt, its messages and its tool results."""

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.hub.request import (
    Document,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    Part,
    Role,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from dragoman.protocols import fields, media
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache, write_cache
from dragoman.protocols.anthropic_messages.gists import gist
from dragoman.protocols.anthropic_messages.tool_reader import read_tool
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.wire import jsons

_DIALECT: Final = "anthropic-messages"
_BILLING: Final = "x-anthropic-billing-header:"

_Reader = Callable[[Object], Part]


def read_system(of: Object) -> tuple[Turn, ...]:
    system = of.get("system")
    if isinstance(system, str):
        return (Turn("system", (_prompt(Text(system)),), path="system"),) if system else ()
    if parts := tuple(map(_prompt, fields.each(of, "system", _reader(_SYSTEM)))):
        return (Turn("system", parts, path="system"),)
    return ()


def _prompt(part: Part) -> Part:
    """Claude Code opens its system prompt with a line of accounting that changes per request and defeats every prefix
    cache but Anthropic's own (vllm-mlx#277: 50 s instead of 3.7 s a turn), so other dialects do not get to see it.
    """
    if not isinstance(part, Text) or not part.text.startswith(_BILLING):
        return part
    raw: Object = {"type": "text", "text": part.text, **part.extra}
    if part.cache is not None:
        raw["cache_control"] = write_cache(part.cache)
    return Opaque(_DIALECT, "billing_header", raw, gist=part.text.partition("\n")[2].lstrip("\n"))


def read_turn(of: Object, path: str) -> Turn:
    role = fields.string(of, "role")
    if role not in _ROLES:
        raise WrongFieldError("role", f"must be user, assistant or system, not {role!r}")
    known, read = _ROLES[role]
    if of.get("content") is None:
        raise fields.missing("content", "a string or a list of blocks")
    return Turn(known, _content(of, read), None, fields.unnamed(of, _TURN), path)


_TURN: Final = frozenset({"role", "content"})


def _reader(known: Mapping[str, _Reader]) -> _Reader:
    """A reader of the blocks that may stand in one place. What is known but does not belong there is refused."""

    def read(of: Object) -> Part:
        kind = fields.string(of, "type")
        found = known.get(kind)
        if found is not None:
            return found(of)
        if kind in _ALL:
            raise WrongFieldError("type", f"a block of type {kind} may not stand here")
        return _opaque(of, kind)

    return read


def _opaque(of: Object, kind: str) -> Opaque:
    return Opaque(_DIALECT, kind, of, gist(kind, of), _brought(of) if kind == "tool_addition" else ())


def _brought(of: Object) -> tuple[Tool, ...]:
    """The tool whose definition a `tool_addition` holds; one that is only referred to stands in `tools`."""
    tool = of.get("tool")
    if not isinstance(tool, dict) or tool.get("type") != "tool_definition":
        return ()
    return (fields.within(of, "tool", lambda tool: fields.within(tool, "definition", read_tool)),)


def _text(of: Object) -> Text:
    text = fields.string(of, "text")
    return Text(text) if len(of) == 2 else Text(text, read_cache(of), extra=_rest(of, _TEXT))


_TEXT: Final = frozenset({"type", "text", "cache_control"})


def _rest(of: Object, named: frozenset[str], **inner: frozenset[str]) -> Object:
    rest = fields.unnamed(of, named)
    if "cache_control" not in of and not inner:  # most blocks
        return rest
    return {**rest, **fields.unnamed_within(of, {"cache_control": MARK, **inner})}


def _image(of: Object) -> Image:
    source = fields.within(of, "source", _source)
    if isinstance(source, Written | Nested):
        raise WrongFieldError("source.type", "must be base64, url or file")
    return Image(source, None, read_cache(of), _rest(of, _SOURCED, source=_SOURCE))


def _document(of: Object) -> Document:
    source = fields.within(of, "source", _source)
    title = fields.maybe_string(of, "title")
    return Document(source, title, read_cache(of), _rest(of, _TITLED, source=_SOURCE))


_SOURCED: Final = frozenset({"type", "source", "cache_control"})
_TITLED: Final = _SOURCED | {"title"}
_SOURCE: Final = frozenset({"type", "media_type", "data", "url", "file_id", "content"})


def _source(of: Object) -> Inline | Link | Stored | Written | Nested:
    kind = fields.string(of, "type")
    match kind:
        case "base64":
            data = fields.string(of, "data")
            return Inline(media.sniffed(fields.string(of, "media_type"), data), data)
        case "url":
            return Link(fields.string(of, "url"))
        case "file":
            return Stored(fields.string(of, "file_id"))
        case "text":
            return Written(fields.string(of, "data"))
        case "content":
            return Nested(_content(of, _reader(_IN_DOCUMENT)))
    raise WrongFieldError("type", f"must be base64, url, file, text or content, not {kind!r}")


def _content(of: Object, read: _Reader) -> tuple[Part, ...]:
    content = of.get("content")
    if isinstance(content, str):
        return (Text(content),) if content else ()
    return fields.each(of, "content", read)


def _thinking(of: Object) -> Thinking:
    signature = fields.maybe_string(of, "signature")
    seal = Seal(_DIALECT, "anthropic", signature) if signature else None
    return Thinking(fields.maybe_string(of, "thinking") or "", seal, fields.unnamed(of, _THINKING))


_THINKING: Final = frozenset({"type", "thinking", "signature"})


def _redacted(of: Object) -> Thinking:
    seal = Seal(_DIALECT, "anthropic", fields.string(of, "data"), "redacted")
    return Thinking("", seal, fields.unnamed(of, _REDACTED))


_REDACTED: Final = frozenset({"type", "data"})


def _tool_use(of: Object) -> ToolCall:
    value = fields.maybe_object(of, "input")
    return ToolCall(
        fields.string(of, "id"),
        fields.string(of, "name"),
        jsons.write_text(value) if value else "",
        by="backend" if of["type"] == "server_tool_use" else "client",
        cache=read_cache(of),
        extra=_rest(of, _CALL),
    )


_CALL: Final = frozenset({"type", "id", "name", "input", "cache_control"})


def _tool_result(of: Object) -> ToolResult:
    return ToolResult(
        fields.string(of, "tool_use_id"),
        _content(of, _in_result),
        fields.maybe_bool(of, "is_error") or False,
        cache=read_cache(of),
        extra=_rest(of, _RESULT),
    )


_RESULT: Final = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})

_IN_DOCUMENT: Final[Mapping[str, _Reader]] = {"text": _text, "image": _image}
_IN_RESULT: Final[Mapping[str, _Reader]] = {**_IN_DOCUMENT, "document": _document}
_SYSTEM: Final[Mapping[str, _Reader]] = {"text": _text}
_USER: Final[Mapping[str, _Reader]] = {**_IN_RESULT, "tool_result": _tool_result}
_ASSISTANT: Final[Mapping[str, _Reader]] = {
    **_IN_RESULT,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
}
_ALL: Final = _USER.keys() | _ASSISTANT.keys()
_in_result: Final = _reader(_IN_RESULT)
_ROLES: Final[Mapping[str, tuple[Role, _Reader]]] = {
    "user": ("user", _reader(_USER)),
    "assistant": ("assistant", _reader(_ASSISTANT)),
    "system": ("system", _reader(_SYSTEM)),
}
