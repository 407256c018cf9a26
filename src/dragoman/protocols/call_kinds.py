"""Kinds of tools that a backend does not know, said as the functions it does know, and its calls said back.

Codex (0.169) has tools that take free text (`custom`, with a grammar), tools in namespaces and tools whose calls are
objects of their own (`local_shell`, `shell`, `apply_patch`, `tool_search`). A call that comes back as a plain function,
or under a flattened name, is fatal to it. So a request is lowered, and what it was stands in a table made from the
request itself: nothing is kept between turns, and the same history is always said the same way.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

import msgspec

from dragoman.hub.events import Closed, Ended, Event, Failed, Grew, Opened
from dragoman.hub.problems import Problem
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
from dragoman.protocols.input_text import InputText
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
_LONGEST: Final = 64
_TELLING: Final = frozenset({ToolCall, ToolResult, Opaque})  # the parts that may tell of a tool
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_-]")
_INPUT: Final = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
# Reasons for which an answer ends where it is, and clients run nothing of what it ends in.
_CUT_SHORT: Final = frozenset({"length", "context_full", "filtered"})
_HALF_A_TEXT: Final = "the model's call of a tool broke off in the middle of its text"


class Original(NamedTuple):
    """What a tool was before it was lowered."""

    name: str
    namespace: str | None
    kind: CallKind


def lowered(request: Request, *, custom_tools: bool) -> tuple[Request, dict[str, Original]]:
    """Return the request with function tools only, and what these were, by the names a model may call them.

    Where nothing had to be changed, there are none. custom_tools: the backend knows tools that take free text.

    Past calls are lowered even where their tools are not declared any more: Codex has its sessions summarised so.
    """
    brought: Sequence[Tool] = ()
    called = False
    for turn in request.turns:
        if not _TELLING.isdisjoint(map(type, turn.parts)):
            brought, called = _heard_of(request.turns)
            break
    tools = (*request.tools, *brought) if brought else request.tools
    if not called and not (tools and _are_special(tools, custom_tools=custom_tools)):
        return request, {}
    lowering = _Lowering(_names(tools), custom_tools=custom_tools)
    choice = request.tool_choice
    return (
        _replace(
            request,
            tools=lowering.tools(tools),
            turns=tuple(lowering.turn(turn) for turn in request.turns),
            tool_choice=None if choice is None else lowering.choice(choice),
        ),
        lowering.originals(tools),
    )


def _heard_of(turns: Iterable[Turn]) -> tuple[list[Tool], bool]:
    """Tools that became known in mid-conversation, in order, and whether there are calls that have to be lowered.

    Such tools come last, so that the prompt's beginning stays.
    """
    brought: list[Tool] = []
    called = False
    for turn in turns:
        for part in turn.parts:
            if type(part) is ToolCall:
                called = called or part.kind != "function" or part.namespace is not None
            elif type(part) is Opaque:
                brought += part.tools
            elif type(part) is ToolResult:
                for piece in part.parts:
                    if type(piece) is Opaque:
                        brought += piece.tools
    return brought, called


def _are_special(tools: Iterable[Tool], *, custom_tools: bool) -> bool:
    for tool in tools:
        if type(tool) is FunctionTool and tool.kind == "function" and tool.namespace is None:
            continue  # nearly all of them
        if _is_special(tool, custom_tools=custom_tools):
            return True
    return False


def _is_special(tool: Tool, *, custom_tools: bool) -> bool:
    if isinstance(tool, CustomTool):
        return not custom_tools or tool.namespace is not None
    return isinstance(tool, FunctionTool) and (tool.kind != "function" or tool.namespace is not None)


def _kind(tool: FunctionTool | CustomTool) -> CallKind:
    return "custom" if isinstance(tool, CustomTool) else tool.kind


_Names = dict[tuple[str | None, str], str]


def _names(tools: Iterable[Tool]) -> _Names:
    """The name each tool is sent under, by namespace and name."""
    declared = [tool for tool in tools if not isinstance(tool, HostedTool)]
    names: _Names = {(None, tool.name): tool.name for tool in declared if tool.namespace is None}
    taken = set(names.values())
    for tool in declared:
        if tool.namespace is not None and (tool.namespace, tool.name) not in names:
            name = _flat(tool.namespace, tool.name, taken)
            names[tool.namespace, tool.name] = name
            taken.add(name)
    return names


def _flat(namespace: str, name: str, taken: AbstractSet[str] = frozenset()) -> str:
    """`mcp__github` and `create_issue` become `mcp__github__create_issue`; too long or taken, a digest tells apart."""
    flat = f"{namespace}__{name}"
    if len(flat) <= _LONGEST and flat not in taken and not _ILLEGAL.search(flat):
        return flat
    digest = hashlib.sha256(f"{namespace}\0{name}".encode()).hexdigest()[:6]
    return _ILLEGAL.sub("_", f"{namespace[:20]}__{name[:30]}_{digest}")


class _Lowering:
    def __init__(self, names: _Names, *, custom_tools: bool) -> None:
        self._names: Final = names
        self._custom_tools: Final = custom_tools

    def originals(self, tools: Iterable[Tool]) -> dict[str, Original]:
        """What was lowered, by the name it is sent under, and by others that models call it by and that are unique."""
        found: dict[str, Original] = {}
        aliases: dict[str, set[Original]] = {}
        declared: dict[str, FunctionTool | CustomTool] = {}
        for tool in tools:
            if not isinstance(tool, HostedTool):
                declared.setdefault(self._names[tool.namespace, tool.name], tool)
        for name, tool in declared.items():
            if not _is_special(tool, custom_tools=self._custom_tools):
                continue
            original = found[name] = Original(tool.name, tool.namespace, _kind(tool))
            if tool.namespace is not None:
                for alias in (tool.name, f"{tool.namespace}.{tool.name}"):
                    aliases.setdefault(alias, set()).add(original)
        taken = set(self._names.values())
        return {name: of.pop() for name, of in aliases.items() if len(of) == 1 and name not in taken} | found

    def tools(self, tools: Iterable[Tool]) -> tuple[Tool, ...]:
        """Each once: what a search has found may have been declared before."""
        done: dict[str, Tool] = {}
        for number, tool in enumerate(tools):
            if isinstance(tool, HostedTool):
                done[f"hosted tool {number}"] = tool
            else:
                done.setdefault(self._names[tool.namespace, tool.name], self._tool(tool))
        return tuple(done.values())

    def _tool(self, tool: FunctionTool | CustomTool) -> Tool:
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
            case ToolCall() if part.kind != "function" or part.namespace is not None:
                return self._call(part)
            case ToolResult():
                inner = tuple(self._part(piece) for piece in part.parts)
                return _replace(part, kind="function", parts=inner)
            case Opaque() if part.tools:
                return self._opaque(part)
            case _:
                return part

    def _opaque(self, part: Opaque) -> Opaque:
        """Where what it makes known has a name in its gist, it is the name it can be called by."""
        names = [self._names[t.namespace, t.name] for t in part.tools if not isinstance(t, HostedTool)]
        return _replace(part, tools=(), gist=availability(names) if part.gist else part.gist)

    def _call(self, call: ToolCall) -> ToolCall:
        name = self._names.get((call.namespace, call.name))
        if name is None:
            name = call.name if call.namespace is None else _flat(call.namespace, call.name)
        if call.kind == "custom" and self._custom_tools:
            return _replace(call, name=name, namespace=None)
        said = jsons.write_text({"input": call.arguments}) if call.kind == "custom" else call.arguments
        return _replace(call, name=name, namespace=None, kind="function", arguments=said)

    def choice(self, choice: ToolChoice) -> ToolChoice:
        by_name = {name: sent for (_, name), sent in reversed(self._names.items())}
        return _replace(choice, names=tuple(by_name.get(name, name) for name in choice.names))


def availability(names: Sequence[str]) -> str:
    """What a model is told of the tools that a search has found."""
    return f"These tools are now available: {', '.join(names)}." if names else "No tools were found."


def _explained(tool: CustomTool) -> str:
    """What a model has to know of a tool whose grammar nobody enforces."""
    said = [tool.description] if tool.description else []
    said.append("Call it with one argument, `input`: the complete raw text, as a JSON string.")
    if tool.definition is not None:
        said.append(f"The text has to match this {tool.syntax or ''} grammar:\n```\n{tool.definition}\n```")
    return "\n".join(said)


class Restored:
    """A filter over the backend's events: calls become again what their tools were.

    A text whose string never ends is half a text, and there is no way to tell the client so but by an error: half a
    patch or program would be run. Where the answer was cut short its reason says it.

    originals: of the request that was lowered.
    """

    cut: Final = False

    def __init__(self, originals: dict[str, Original]) -> None:
        self._originals: Final = originals
        self._texts: dict[int, InputText] = {}
        self._open: list[Closed] = []

    def feed(self, event: Event) -> list[Event]:
        if type(event) is Grew:
            text = self._texts.get(event.block)
            if text is None:
                return [event]
            said = text.feed(event.text)
            return [Grew(event.block, said)] if said else []
        if type(event) is Opened and type(event.part) is ToolCall:
            return [self._opened(event, event.part)]
        if type(event) is Closed and (ending := self._texts.pop(event.block, None)) is not None:
            said = ending.finish()
            ended: list[Event] = [Grew(event.block, said)] if said else []
            if ending.is_open:
                self._open.append(event)
                return ended
            return [*ended, event]
        if type(event) is Ended and self._open:
            return (
                [*self._open, event]
                if event.reason in _CUT_SHORT
                else [Failed(Problem("backend_failed", _HALF_A_TEXT))]
            )
        return [event]

    def _opened(self, event: Opened, call: ToolCall) -> Opened:
        original = self._originals.get(call.name)
        if original is None:
            return event
        if original.kind == "custom" and call.kind != "custom":
            self._texts[event.block] = InputText()
        name, namespace, kind = original
        return Opened(event.block, _replace(call, name=name, namespace=namespace, kind=kind))
