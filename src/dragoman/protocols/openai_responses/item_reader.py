"""Reading the input items of a Responses request as turns: what the assistant says in a row is one.

What a message has besides its content stands in its turn's `extra`, with its `type`. The assistant's are parts of a
turn: there the first part of each has it, under `item`, and what a part has itself stands under `part`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.hub.request import (
    Cache,
    CallKind,
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
from dragoman.protocols.call_kinds import availability
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_responses.gists import gist
from dragoman.protocols.openai_responses.tool_reader import read_tools
from dragoman.wire import jsons

_DIALECT: Final = "openai-responses"
_ROLES: Final[Mapping[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}
_MESSAGE: Final = frozenset({"role", "content"})
_BARE: Final = _MESSAGE | {"type"}
_Reader = Callable[[Object], Part]


def read_items(of: Object) -> tuple[Turn, ...]:
    """The member `input`, which may be a string."""
    if isinstance(of.get("input"), str):
        return (Turn("user", (Text(of["input"]),), extra={"type": "message"}, path="input"),)
    turns = _joined(fields.placed(of, "input", _turn))
    return _with_shells_by_item(turns) if _has_shell_results(turns) else turns


def _joined(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    done: list[Turn] = []
    run: list[Turn] = []  # of the assistant's
    for turn in turns:
        if turn.role == "assistant":
            run.append(turn)
            continue
        if run:
            done.append(_as_one(run))
            run = []
        done.append(turn)
    return (*done, _as_one(run)) if run else tuple(done)


def _as_one(run: Sequence[Turn]) -> Turn:
    return Turn("assistant", tuple([part for turn in run for part in turn.parts]), path=run[0].path)


def _turn(of: Object, path: str) -> Turn:
    kind = of.get("type") or ("message" if "role" in of else None)
    if kind is None:
        raise fields.missing("type", "the kind of the item")
    if not isinstance(kind, str):
        raise fields.wrong("type", "a string", kind)
    if kind == "message":
        return _message(of, path)
    if (reader := _SAID.get(kind)) is not None:
        return Turn("assistant", (reader(of),), path=path)
    if (call := _OUTPUTS.get(kind)) is not None:
        return Turn("user", (_output(of, call),), path=path)
    if kind == "tool_search_output":
        return Turn("user", (_found_tools(of),), path=path)
    if kind == "additional_tools":
        return Turn("developer", (Opaque(_DIALECT, kind, of, "", read_tools(of)),), path=path)
    role: Role = "assistant" if kind.endswith("_call") else "user"
    return Turn(role, (Opaque(_DIALECT, kind, of, gist(kind, of)),), path=path)


def _message(of: Object, path: str) -> Turn:
    role, content = of.get("role"), of.get("content")
    if type(role) is not str or role not in _ROLES:
        role = fields.string(of, "role")
        raise WrongFieldError("role", f"must be system, developer, user or assistant, not {role!r}")
    if type(content) is str:
        parts: tuple[Part, ...] = (Text(content),) if content else ()
    else:
        parts = fields.each(of, "content", _part)
    extra = {"type": "message"} if of.keys() <= _BARE else {**fields.unnamed(of, _MESSAGE), "type": "message"}
    if role == "assistant":
        return Turn("assistant", _of_assistant(parts, extra, of), path=path)
    return Turn(_ROLES[role], parts, extra=extra, path=path)


def _of_assistant(parts: tuple[Part, ...], extra: Object, of: Object) -> tuple[Part, ...]:
    """A message of nothing that is known, or of nothing at all, is kept whole."""
    said: list[Part] = []
    for part in parts:
        if not isinstance(part, Text | Refusal):
            texts = [part.text for part in parts if isinstance(part, Text)]
            return (Opaque(_DIALECT, "message", of, "\n\n".join(texts) if texts else None),)
        own = {"part": part.extra} if said else {"part": part.extra, "item": extra}
        said.append(msgspec.structs.replace(part, extra=own))
    return tuple(said) or (Opaque(_DIALECT, "message", of, ""),)


def _part(of: Object) -> Part:
    if len(of) == 2 and of.get("type") in _TEXTS and type(text := of.get("text")) is str:
        return Text(text)  # nearly all of them
    kind = fields.string(of, "type")
    match kind:
        case "input_text" | "output_text" | "text":
            return Text(fields.string(of, "text"), _cache(of), extra=fields.unnamed(of, _TEXT))
        case "refusal":
            return Refusal(fields.string(of, "refusal"), fields.unnamed(of, _REFUSAL))
        case "input_image":
            return _image(of)
        case "input_file":
            return _file(of)
    return Opaque(_DIALECT, kind, of)


_TEXTS: Final = ("input_text", "output_text", "text")
_TEXT: Final = frozenset({"type", "text"})
_REFUSAL: Final = frozenset({"type", "refusal"})


def _cache(of: Object) -> Cache | None:
    """The mark itself stays in `extra`, where this dialect's writer finds it as it was said."""
    mark = of.get("prompt_cache_breakpoint")
    return Cache({"30m": "5m", "12h": "1h"}.get(str(mark.get("ttl")))) if isinstance(mark, dict) else None


def _image(of: Object) -> Image | Document:
    detail, extra = fields.maybe_string(of, "detail"), fields.unnamed(of, _IMAGE)
    if file_id := fields.maybe_string(of, "file_id"):
        return Image(Stored(file_id), detail, _cache(of), extra)
    source = media.source(fields.string(of, "image_url"))
    if isinstance(source, Inline) and source.media_type == "application/pdf":
        return Document(source, cache=_cache(of), extra=extra)
    return Image(source, detail, _cache(of), extra)


_IMAGE: Final = frozenset({"type", "image_url", "file_id", "detail"})


def _file(of: Object) -> Document:
    title, cache, extra = fields.maybe_string(of, "filename"), _cache(of), fields.unnamed(of, _FILE)
    if file_id := fields.maybe_string(of, "file_id"):
        return Document(Stored(file_id), title, cache, extra)
    if url := fields.maybe_string(of, "file_url"):
        return Document(Link(url), title, cache, extra)
    data = fields.string(of, "file_data")
    source = media.source(data)
    if isinstance(source, Link):
        source = Inline(media.sniffed("application/octet-stream", data), data)
    return Document(source, title, cache, extra)


_FILE: Final = frozenset({"type", "filename", "file_id", "file_url", "file_data"})


def _reasoning(of: Object) -> Thinking:
    """The summaries are what a client was shown; the text itself stands in `content`, where it was shown at all.

    The item itself goes back to a backend of this dialect: as its seal where it is sealed, else in `extra`.
    """
    text = "\n\n".join(_texts(of, "content") or _texts(of, "summary"))
    if fields.maybe_string(of, "encrypted_content"):
        return Thinking(text, Seal(_DIALECT, "openai", of, "encrypted"))
    return Thinking(text, extra={"item": of})


def _texts(of: Object, key: str) -> list[str]:
    found = of.get(key)
    pieces = found if isinstance(found, list) else []
    return [piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)]


class _Call(Struct):
    call_id: str
    name: str
    namespace: str | None = None


def _called(kind: CallKind, key: str) -> _Reader:
    named = frozenset({"type", *_Call.__struct_fields__, key})

    def read(of: Object) -> ToolCall:
        call, said = fields.values(of, _Call), of.get(key)
        if type(said) is not str:
            said = fields.maybe_string(of, key) or ""
        extra = fields.unnamed(of, named)
        return ToolCall(call.call_id, call.name, said, kind=kind, namespace=call.namespace, extra=extra)

    return read


def _structured(kind: CallKind, key: str) -> _Reader:
    """A call whose arguments are an object. Its type tells no model anything, except of a patch."""
    named = frozenset({"type", key})

    def read(of: Object) -> ToolCall:
        said = fields.maybe_object(of, key) or {}
        if kind != "apply_patch":
            said = {name: value for name, value in said.items() if name != "type"}
        call_id = fields.maybe_string(of, "call_id") or fields.string(of, "id")
        return ToolCall(call_id, kind, jsons.write_text(said), kind=kind, extra=fields.unnamed(of, named))

    return read


_SAID: Final[Mapping[str, _Reader]] = {
    "reasoning": _reasoning,
    "function_call": _called("function", "arguments"),
    "custom_tool_call": _called("custom", "input"),
    "local_shell_call": _structured("local_shell", "action"),
    "shell_call": _structured("shell", "action"),
    "apply_patch_call": _structured("apply_patch", "operation"),
    "tool_search_call": _structured("tool_search", "arguments"),
}
_OUTPUTS: Final[Mapping[str, CallKind]] = {
    "function_call_output": "function",
    "custom_tool_call_output": "custom",
    "local_shell_call_output": "local_shell",
    "shell_call_output": "shell",
    "apply_patch_call_output": "apply_patch",
}


def _output(of: Object, kind: CallKind) -> ToolResult:
    call_id, output = of.get("call_id"), of.get("output")
    if type(call_id) is not str or not call_id:
        call_id = fields.maybe_string(of, "call_id") or fields.string(of, "id")
    if type(output) is str:
        parts: tuple[Part, ...] = (Text(output),) if output else ()
    else:
        parts = _output_parts(of)
    named = _SHELL_OUTPUT if kind == "local_shell" else _OUTPUT
    return ToolResult(call_id, parts, of.get("status") == "failed", kind, extra=fields.unnamed(of, named))


_SHELL_OUTPUT: Final = frozenset({"type", "output"})
_OUTPUT: Final = _SHELL_OUTPUT | {"call_id"}


def _output_parts(of: Object) -> tuple[Part, ...]:
    output = of.get("output")
    if isinstance(output, list) and any(isinstance(piece, dict) and "type" not in piece for piece in output):
        # Of `shell`: stdout, stderr and outcome of each command.
        return (Opaque(_DIALECT, "shell_output", output, jsons.write_text(output)),)
    return fields.each(of, "output", _part)


def _has_shell_results(turns: Iterable[Turn]) -> bool:
    for turn in turns:
        for part in turn.parts:
            if type(part) is ToolResult and part.kind == "local_shell":
                return True
    return False


def _with_shells_by_item(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """`local_shell_call_output` has no `call_id` and may name its call by the id of its item."""
    calls = {
        part.extra["id"]: part.id
        for turn in turns
        for part in turn.parts
        if isinstance(part, ToolCall) and part.kind == "local_shell" and isinstance(part.extra.get("id"), str)
    }
    return tuple(
        msgspec.structs.replace(turn, parts=tuple(_of_call(part, calls) for part in turn.parts)) for turn in turns
    )


def _of_call(part: Part, calls: Mapping[Any, str]) -> Part:
    if isinstance(part, ToolResult) and part.kind == "local_shell" and part.call_id in calls:
        return msgspec.structs.replace(part, call_id=calls[part.call_id])
    return part


def _found_tools(of: Object) -> ToolResult:
    """What a search for tools found: from here on they may be called."""
    tools = read_tools(of)
    said = availability([str(getattr(tool, "name", "")) for tool in tools])
    call_id = fields.maybe_string(of, "call_id") or fields.maybe_string(of, "id") or ""
    return ToolResult(call_id, (Opaque(_DIALECT, "tool_search_output", of, said, tools),), kind="tool_search")
