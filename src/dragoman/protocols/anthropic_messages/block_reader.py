"""Reading the blocks of a Messages request: what stands in its system prompt, its messages and its tool results."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

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
from dragoman.protocols.anthropic_messages import accounting
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache, write_cache
from dragoman.protocols.anthropic_messages.gists import gist
from dragoman.protocols.anthropic_messages.tool_reader import read_tool
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.wire import jsons

_DIALECT: Final = "anthropic-messages"

_Reader = Callable[[Object], Part]


def read_system(of: Object) -> tuple[Turn, ...]:
    system = of.get("system")
    if isinstance(system, str):
        return (Turn("system", (_prompt(Text(system)),), path="system"),) if system else ()
    if parts := tuple(map(_prompt, _blocks(of, "system", _SYSTEM))):
        return (Turn("system", parts, path="system"),)
    return ()


def _prompt(part: Part) -> Part:
    """Other dialects do not get to see the line of accounting."""
    if not isinstance(part, Text) or not accounting.is_in(part.text):
        return part
    raw: Object = {"type": "text", "text": part.text, **part.extra}
    if part.cache is not None:
        raw["cache_control"] = write_cache(part.cache)
    return Opaque(_DIALECT, accounting.KIND, raw, gist=accounting.behind(part.text))


def read_turn(of: Object, path: str) -> Turn:
    role, content = of.get("role"), of.get("content")
    if type(role) is not str or role not in _ROLES:
        role = fields.string(of, "role")
        raise WrongFieldError("role", f"must be user, assistant or system, not {role!r}")
    known, blocks = _ROLES[role]
    if content is None:
        raise fields.missing("content", "a string or a list of blocks")
    if type(content) is str:
        parts: tuple[Part, ...] = (Text(content),) if content else ()
    else:
        parts = _blocks(of, "content", blocks)
    return Turn(known, parts, None, {} if len(of) == 2 else fields.unnamed(of, _TURN), path)


_TURN: Final = frozenset({"role", "content"})


def _blocks(of: Object, key: str, known: Mapping[str, _Reader]) -> tuple[Part, ...]:
    """Read the blocks that may stand in one place. What is known but does not belong there is refused."""
    blocks = of.get(key)
    if blocks is None:
        return ()
    if not isinstance(blocks, list):
        raise fields.wrong(key, "a list", blocks)
    parts: list[Part] = []
    try:
        for block in blocks:
            if type(block) is not dict:
                raise fields.wrong("", "an object", block)
            kind = block.get("type")
            read = known.get(kind) if type(kind) is str else None
            parts.append(_other(block) if read is None else read(block))
    except WrongFieldError as error:
        raise error.inside(f"{key}[{len(parts)}]") from None
    return tuple(parts)


def _other(of: Object) -> Opaque:
    kind = fields.string(of, "type")
    if kind in _ALL:
        raise WrongFieldError("type", f"a block of type {kind} may not stand here")
    tools = _brought(of) if kind == "tool_addition" else ()
    return Opaque(_DIALECT, kind, of, gist(kind, of), tools, _fetched(of) if kind == "web_fetch_tool_result" else ())


def _brought(of: Object) -> tuple[Tool, ...]:
    """The tool whose definition a `tool_addition` holds; one that is only referred to stands in `tools`."""
    tool = of.get("tool")
    if not isinstance(tool, dict) or tool.get("type") != "tool_definition":
        return ()
    return (fields.within(of, "tool", lambda tool: fields.within(tool, "definition", read_tool)),)


def _fetched(of: Object) -> tuple[Document, ...]:
    """The file that was fetched. Of a page the gist has the text."""
    match of.get("content"):
        case {"content": {"type": "document", "source": {"type": "base64"}}}:
            return (fields.within(of, "content", lambda page: fields.within(page, "content", _document)),)
    return ()


def _text(of: Object) -> Text:
    text = of.get("text")
    if type(text) is not str:
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
    context = fields.maybe_string(of, "context")
    return Document(source, title, read_cache(of), _rest(of, _TITLED, source=_SOURCE), context)


_SOURCED: Final = frozenset({"type", "source", "cache_control"})
_TITLED: Final = _SOURCED | {"title", "context"}
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
            return Nested(_content(of, _IN_DOCUMENT))
    raise WrongFieldError("type", f"must be base64, url, file, text or content, not {kind!r}")


def _content(of: Object, known: Mapping[str, _Reader]) -> tuple[Part, ...]:
    content = of.get("content")
    if type(content) is str:
        return (Text(content),) if content else ()
    return _blocks(of, "content", known)


class _Thought(Struct):
    thinking: str | None = None
    signature: str | None = None


def _thinking(of: Object) -> Thinking:
    said = fields.values(of, _Thought)
    seal = Seal(_DIALECT, "anthropic", said.signature) if said.signature else None
    return Thinking(said.thinking or "", seal, fields.unnamed(of, _THINKING))


_THINKING: Final = frozenset({"type", "thinking", "signature"})


def _redacted(of: Object) -> Thinking:
    seal = Seal(_DIALECT, "anthropic", fields.string(of, "data"), "redacted")
    return Thinking("", seal, fields.unnamed(of, _REDACTED))


_REDACTED: Final = frozenset({"type", "data"})


class _Call(Struct):
    id: str
    name: str
    input: Object | None = None


def _tool_use(of: Object) -> ToolCall:
    said = fields.values(of, _Call)
    call = ToolCall(said.id, said.name, jsons.write_text(said.input) if said.input else "", by=_BY[of["type"]])
    if of.keys() <= _PLAIN_CALL:
        return call
    return msgspec.structs.replace(call, cache=read_cache(of), extra=_rest(of, _CALL))


_BY: Final[Mapping[str, Literal["client", "backend"]]] = {"tool_use": "client", "server_tool_use": "backend"}
_PLAIN_CALL: Final = frozenset({"type", *_Call.__struct_fields__})
_CALL: Final = _PLAIN_CALL | {"cache_control"}


class _Result(Struct):
    tool_use_id: str
    is_error: bool | None = None


def _tool_result(of: Object) -> ToolResult:
    said = fields.values(of, _Result)
    result = ToolResult(said.tool_use_id, _content(of, _IN_RESULT), said.is_error or False)
    if of.keys() <= _PLAIN_RESULT:
        return result
    return msgspec.structs.replace(result, cache=read_cache(of), extra=_rest(of, _RESULT))


_PLAIN_RESULT: Final = frozenset({"type", "content", *_Result.__struct_fields__})
_RESULT: Final = _PLAIN_RESULT | {"cache_control"}

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
_ROLES: Final[Mapping[str, tuple[Role, Mapping[str, _Reader]]]] = {
    "user": ("user", _USER),
    "assistant": ("assistant", _ASSISTANT),
    "system": ("system", _SYSTEM),
}
