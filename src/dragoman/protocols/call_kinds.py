"""Kinds of tools that a backend does not know, said as the functions it does know, and its calls said back.

Codex (0.169) has tools that take free text (`custom`, with a grammar), tools in namespaces and tools whose calls are
objects of their own (`local_shell`, `shell`, `apply_patch`, `tool_search`). A call that comes back as a plain function,
or under a flattened name, is fatal to it. So a request is lowered, and what it was stands in a table made from the
request itself: nothing is kept between turns, and the same history is always said the same way.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from dragoman.hub.events import Closed, Event, Grew, Opened
from dragoman.hub.request import (
    CallKind,
    CustomTool,
    FunctionTool,
    HostedTool,
    Opaque,
    Part,
    Request,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.protocols import arguments
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
_LONGEST: Final = 64
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_-]")
_INPUT: Final = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}


class Original(NamedTuple):
    """What a tool was before it was lowered."""

    name: str
    namespace: str | None
    kind: CallKind


class Lowered(NamedTuple):
    """originals: by the name that is sent; empty where nothing had to be changed."""

    request: Request
    originals: dict[str, Original]


def lowered(request: Request, *, custom_tools: bool) -> Lowered:
    """Return the request with function tools only. custom_tools: the backend knows tools that take free text."""
    tools = (*request.tools, *_brought(request.turns))
    if not any(_is_special(tool, custom_tools=custom_tools) for tool in tools):
        return Lowered(request, {})
    names = _names(tools)
    originals = {
        names[tool.namespace, tool.name]: Original(tool.name, tool.namespace, _kind(tool))
        for tool in tools
        if _is_special(tool, custom_tools=custom_tools) and not isinstance(tool, HostedTool)
    }
    lowering = _Lowering(names, custom_tools=custom_tools)
    choice = request.tool_choice
    return Lowered(
        _replace(
            request,
            tools=tuple(lowering.tool(tool) for tool in tools),
            turns=tuple(lowering.turn(turn) for turn in request.turns),
            tool_choice=None if choice is None else lowering.choice(choice),
        ),
        originals,
    )


def _brought(turns: Iterable[Turn]) -> Iterable[Tool]:
    """Tools that became known in mid-conversation, in order. They come last, so that the prompt's beginning stays."""
    for turn in turns:
        for part in turn.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            for piece in inner:
                if isinstance(piece, Opaque):
                    yield from piece.tools


def _is_special(tool: Tool, *, custom_tools: bool) -> bool:
    if isinstance(tool, CustomTool):
        return not custom_tools or tool.namespace is not None
    return isinstance(tool, FunctionTool) and (tool.kind != "function" or tool.namespace is not None)


def _kind(tool: FunctionTool | CustomTool) -> CallKind:
    return "custom" if isinstance(tool, CustomTool) else tool.kind


def _names(tools: Iterable[Tool]) -> dict[tuple[str | None, str], str]:
    """The name each tool is sent under, by namespace and name."""
    names: dict[tuple[str | None, str], str] = {}
    taken = {tool.name for tool in tools if not isinstance(tool, HostedTool) and tool.namespace is None}
    for tool in tools:
        if isinstance(tool, HostedTool):
            continue
        place = (tool.namespace, tool.name)
        if place not in names:
            names[place] = tool.name if tool.namespace is None else _flat(tool.namespace, tool.name, taken)
            taken.add(names[place])
    return names


def _flat(namespace: str, name: str, taken: set[str]) -> str:
    """`mcp__github` and `create_issue` become `mcp__github__create_issue`; too long or taken, a digest tells apart."""
    flat = _ILLEGAL.sub("_", f"{namespace}__{name}")
    if len(flat) <= _LONGEST and flat not in taken:
        return flat
    digest = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:6]
    return _ILLEGAL.sub("_", f"{namespace[:20]}__{name[:30]}_{digest}")


class _Lowering:
    def __init__(self, names: dict[tuple[str | None, str], str], *, custom_tools: bool) -> None:
        self._names: Final = names
        self._custom_tools: Final = custom_tools

    def tool(self, tool: Tool) -> Tool:
        if isinstance(tool, HostedTool):
            return tool
        name = self._names[tool.namespace, tool.name]
        if isinstance(tool, FunctionTool):
            if tool.kind == "function" and tool.namespace is None:
                return tool
            return _replace(tool, name=name, namespace=None, kind="function", builtin=None)
        if self._custom_tools:
            return _replace(tool, name=name, namespace=None)
        return FunctionTool(name, _explained(tool), _INPUT)

    def turn(self, turn: Turn) -> Turn:
        if not any(isinstance(part, ToolCall | ToolResult | Opaque) for part in turn.parts):
            return turn
        return _replace(turn, parts=tuple(self._part(part) for part in turn.parts))

    def _part(self, part: Part) -> Part:
        match part:
            case ToolCall():
                return self._call(part)
            case ToolResult():
                inner = tuple(self._part(piece) for piece in part.parts)
                return _replace(part, kind="function", parts=inner)
            case Opaque() if part.tools:
                return _replace(part, tools=())
            case _:
                return part

    def _call(self, call: ToolCall) -> ToolCall:
        if call.kind == "function" and call.namespace is None:
            return call
        name = self._names.get((call.namespace, call.name)) or (
            call.name if call.namespace is None else _flat(call.namespace, call.name, set())
        )
        if call.kind == "custom" and self._custom_tools:
            return _replace(call, name=name, namespace=None)
        said = jsons.write_text({"input": call.arguments}) if call.kind == "custom" else call.arguments
        return _replace(call, name=name, namespace=None, kind="function", arguments=said)

    def choice(self, choice: ToolChoice) -> ToolChoice:
        by_name = {name: sent for (_, name), sent in reversed(self._names.items())}
        return _replace(choice, names=tuple(by_name.get(name, name) for name in choice.names))


def _explained(tool: CustomTool) -> str:
    """What a model has to know of a tool whose grammar nobody enforces."""
    said = [tool.description or "", "Pass the complete raw text as `input`."]
    if tool.definition is not None:
        said.append(f"The text follows this {tool.syntax or ''} grammar:\n```\n{tool.definition}\n```")
    return "\n".join(line for line in said if line)


class Restored:
    """A filter over the backend's events: calls become again what their tools were.

    originals: of the request that was lowered. A tool called by its bare name is taken for the one that has it.
    """

    def __init__(self, originals: dict[str, Original]) -> None:
        bare: dict[str, list[Original]] = {}
        for original in originals.values():
            bare.setdefault(original.name, []).append(original)
        self._originals: Final = {name: found[0] for name, found in bare.items() if len(found) == 1} | originals
        self._texts: dict[int, InputText] = {}

    cut: Final = False

    def feed(self, event: Event) -> list[Event]:
        if isinstance(event, Grew):
            text = self._texts.get(event.block)
            if text is None:
                return [event]
            said = text.feed(event.text)
            return [Grew(event.block, said)] if said else []
        if isinstance(event, Opened) and isinstance(event.part, ToolCall):
            return [self._opened(event, event.part)]
        if isinstance(event, Closed) and (ending := self._texts.pop(event.block, None)) is not None:
            said = ending.finish()
            return [Grew(event.block, said), event] if said else [event]
        return [event]

    def _opened(self, event: Opened, call: ToolCall) -> Opened:
        original = self._originals.get(call.name)
        if original is None:
            return event
        if original.kind == "custom" and call.kind != "custom":
            self._texts[event.block] = InputText()
        name, namespace, kind = original
        return Opened(event.block, _replace(call, name=name, namespace=namespace, kind=kind))


_OPENING: Final = '{"input":"'
_SPECIAL: Final = re.compile(r'["\\]')
_OTHER_NAMES: Final = ("input", "patch", "text", "content", "code", "arguments")


class InputText:
    """Finds the text in `{"input": "<text>"}` while the JSON is still coming, and decodes it piece by piece.

    Escapes and surrogate pairs may be cut anywhere. What does not begin like that is kept to its end and understood
    then: raw text for what is no object, the only string of an object that has one, else the JSON itself.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._state = "opening"  # then "inside" and "behind"; or "whole"

    def feed(self, piece: str) -> str:
        self._rest += piece
        if self._state == "opening":
            self._open()
        if self._state != "inside":
            return ""
        return self._decode()

    def finish(self) -> str:
        """What is left to say when nothing more comes."""
        if self._state == "behind":
            return ""
        if self._state == "inside":  # cut short
            return _unescaped(self._rest.rstrip("\\"))
        return _understood(self._rest)

    def _open(self) -> None:
        squeezed = re.sub(r"\s+", "", self._rest[:64])
        if squeezed.startswith(_OPENING):
            at = self._rest.index('"', self._rest.index(":"))
            self._rest, self._state = self._rest[at + 1 :], "inside"
        elif not _OPENING.startswith(squeezed):
            self._state = "whole"

    def _decode(self) -> str:
        text, at = self._rest, 0
        while (found := _SPECIAL.search(text, at)) is not None:
            if found[0] == '"':
                self._rest, self._state = "", "behind"
                return _unescaped(text[: found.start()])
            size = _escape_size(text, found.start())
            if size is None:
                at = found.start()
                break
            at = found.start() + size
        else:
            at = len(text)
        self._rest = text[at:]
        return _unescaped(text[:at])


def _escape_size(text: str, at: int) -> int | None:
    """Characters of the escape that begins at `at`, both halves of a surrogate pair; None if it is not all there."""
    if at + 1 >= len(text):
        return None
    if text[at + 1] != "u":
        return 2
    if at + 6 > len(text):
        return None
    if text[at + 2 : at + 4].lower() not in ("d8", "d9", "da", "db"):
        return 6
    following = text[at + 6 : at + 8]
    if not "\\u".startswith(following):
        return 6
    return 12 if at + 12 <= len(text) else None


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        value = jsons.read(f'"{text}"')
    except jsons.JSONError:
        return text
    return value if isinstance(value, str) else text


def _understood(text: str) -> str:
    found = arguments.repaired(text) if text.lstrip().startswith("{") else None
    if found is None:
        return text
    for name in _OTHER_NAMES:
        if isinstance(found.get(name), str):
            return str(found[name])
    strings = [value for value in found.values() if isinstance(value, str)]
    return strings[0] if len(strings) == 1 and len(found) == 1 else text
