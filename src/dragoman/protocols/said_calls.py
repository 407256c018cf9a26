"""Tool calls that a model has said as text, because its server did not know them for what they are, become calls.

A filter over events. A false call runs a command, so that in doubt it stays text:

- The request declares the tool, and does not forbid it; no other call is in the answer.
- It stands where models say calls: at the beginning of a line, or behind a token that only calls have, and never in
  code; plain JSON is a call only where it is the whole answer.
- From there to the end there are calls and nothing else, and the answer has not been cut off among them.
- Each one's arguments are an object that fits its tool.
- It does not stand word for word in what the model was told: a file that it was asked to show may hold calls.

What cannot be the beginning of a call flows on at once. An answer that has begun something like a call, and then goes
on otherwise, talks about calls: nothing more is looked for in it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from dragoman.hub.events import Cited, Closed, Ended, Event, Failed, Grew, Opened, Showed
from dragoman.hub.request import FunctionTool, Part, Request, Text, ToolCall, ToolResult
from dragoman.protocols import tool_names
from dragoman.protocols.call_fitting import fits, typed
from dragoman.protocols.call_forms import FORMS, Form, Spoken
from dragoman.protocols.call_ids import CallIds
from dragoman.protocols.call_kinds import Original
from dragoman.protocols.call_places import Place
from dragoman.protocols.call_reading import NotACallError, Reading, Unread
from dragoman.protocols.codec import Stamp
from dragoman.wire import jsons

_MOST_HELD: Final = 2**20  # characters: no call of a tool is longer
_ENDINGS: Final = frozenset({"stop", "stop_sequence", "length", "context_full", "tool_calls"})
_MARKED: Final[Mapping[str, Form]] = {
    opening: form for form in FORMS if form.where != "answer" for opening in form.openings
}
_OPENING: Final = re.compile("|".join(map(re.escape, _MARKED)))
_WHOLE: Final = next(form for form in FORMS if form.where == "answer")
_FIRST: Final = sorted({opening[0] for opening in _MARKED})
_SIGNS: Final = re.compile("[" + re.escape("".join(_FIRST)) + "]")
_SIGNS_OF_WHOLE: Final = frozenset(opening[0] for opening in _WHOLE.openings)
_LONGEST: Final = max(map(len, _MARKED))

_FENCES: Final = re.compile(r"^\s*```\w*\n|\n?```\s*$")

# Is told of each answer that held calls: how many, and in which form.
Told: TypeAlias = Callable[[int, str], None]


def callable_tools(request: Request, originals: Mapping[str, Original]) -> dict[str, FunctionTool]:
    """The tools a model may call in its answer to this request, by all names it may call them by.

    originals: of a request that was lowered (protocols/call_kinds.py).
    """
    choice = request.tool_choice
    if not request.tools or (choice is not None and choice.mode == "none"):
        return {}
    named = choice is not None and choice.mode in ("named", "allowed")
    tools = {
        tool.name: tool
        for tool in request.tools
        if isinstance(tool, FunctionTool) and tool.kind == "function" and tool.namespace is None
        if not named or (choice is not None and tool.name in choice.names)
    }
    by_original = {originals[name]: tool for name, tool in tools.items() if name in originals}
    aliases = {alias: by_original[meant] for alias, meant in originals.items() if meant in by_original}
    return aliases | {tool_names.fit(name): tool for name, tool in tools.items()} | tools


def may_hold_calls(text: str) -> bool:
    """A quick look at a whole text."""
    return text.lstrip().startswith(_WHOLE.openings) or _OPENING.search(text) is not None


class _Candidate:
    """What may be calls, from its beginning on."""

    def __init__(self, form: Form, tools: Mapping[str, FunctionTool]) -> None:
        self.form: Final = form
        self.held: Final[list[str]] = []
        self._tools: Final = tools
        self._unread: Final = Unread(tools)
        self._reading: Final[Reading[list[Spoken]]] = form.grammar(self._unread)
        self._size = 0

    def read(self, text: str) -> bool:
        """Whether it may still be calls."""
        self.held.append(text)
        self._unread.add(text[: _MOST_HELD - self._size])
        self._size += len(text)
        try:
            next(self._reading)
        except (NotACallError, StopIteration):
            return False
        return self._size <= _MOST_HELD

    @property
    def is_too_long(self) -> bool:
        return self._size > _MOST_HELD

    def calls(self) -> list[tuple[str, str]]:
        """Names and arguments, if it was calls up to the end; else nothing."""
        self._unread.over = True
        try:
            next(self._reading)
        except StopIteration as read:
            spoken: list[Spoken] = read.value
        except NotACallError:
            return []
        else:
            return []
        meant = [self._meant(one) for one in spoken]
        return [call for call in meant if call is not None] if None not in meant else []

    def _meant(self, spoken: Spoken) -> tuple[str, str] | None:
        tool = self._tools[spoken.name]
        arguments = dict(spoken.arguments)
        if spoken.untyped:
            arguments = {name: typed(value, name, tool.schema) for name, value in arguments.items()}
        return (tool.name, jsons.write_text(arguments)) if fits(arguments, tool.schema) else None


class SaidCalls:
    """tools: as `callable_tools` finds them in the request. tell: is told of an answer that held calls."""

    cut: Final = False

    def __init__(
        self,
        tools: Mapping[str, FunctionTool],
        request: Request,
        stamp: Stamp,
        tell: Told,
    ) -> None:
        self._tools: Final = tools
        self._request: Final = request
        self._ids: Final = CallIds(request, stamp)
        self._tell: Final = tell
        self._plain_json: Final = request.output_format is None  # else JSON is what the client has asked for
        self._text: Opened | None = None  # the open text block
        self._is_shown = False  # and whether the client knows of it
        self._closed: Closed | None = None  # its end, where that waits for the answer's
        self._visible = False  # whether anything visible was said in this answer
        self._space: list[str] = []  # white space that a call would swallow
        self._tail = ""  # what may become an opening
        self._place = Place()
        self._candidate: _Candidate | None = None
        self._highest = -1  # of the blocks' numbers
        self.off = not tools

    def feed(self, event: Event) -> list[Event]:
        if self.off:
            return [event]
        if type(event) is Grew:
            return self._grew(event) if self._text is not None and event.block == self._text.block else [event]
        if type(event) is Opened or type(event) is Showed:
            self._highest = max(self._highest, event.block)
            return self._opened(event)
        if type(event) is Closed and self._holds(event.block):
            return self._close(event)
        if type(event) is Ended:
            return self._ended(event)
        if type(event) is Failed or (type(event) is Cited and self._holds(event.block)):
            return [*self._give_up(), event]
        return [event]

    def _holds(self, block: int) -> bool:
        return self._text is not None and self._text.block == block

    def _opened(self, event: Opened | Showed) -> list[Event]:
        """Nothing may stand behind calls, or beside them."""
        is_text = type(event.part) is Text
        if self._candidate is not None or type(event.part) is ToolCall or (is_text and self._text is not None):
            return [*self._give_up(), event]
        if not is_text or type(event) is not Opened:
            return [*self._show(), event]
        self._text, self._is_shown, self._place = event, False, Place()
        return []

    def _grew(self, event: Grew) -> list[Event]:
        text = event.text
        if self._candidate is not None:
            return self._read_on(self._candidate, text)
        if (
            self._is_shown
            and not self._space
            and not self._tail
            and not text[-1:].isspace()
            and not _SIGNS.search(text)
        ):
            self._place.pass_over(text)
            return [event]  # the hot path
        text, self._tail = self._tail + text, ""
        return self._watch(text)

    def _watch(self, text: str) -> list[Event]:
        if not self._visible and self._plain_json:
            at = len(text) - len(text.lstrip())
            if text[at : at + 1] in _SIGNS_OF_WHOLE:
                return self._begin(text, at)
        at = 0
        for found in _OPENING.finditer(text):
            self._place.pass_over(text[at : found.start()])
            at = found.start()
            form = _MARKED[found[0]]
            if self._place.is_for(form.where):
                return [*self._say(text[:at]), *self._read_on(self._start(form), text[at:])]
        certain = len(text) - _uncertain(text)
        self._place.pass_over(text[at:certain])
        said = self._say(text[:certain])
        self._tail = text[certain:]
        return said

    def _begin(self, text: str, at: int) -> list[Event]:
        """The answer begins as one would that is nothing but JSON, or with an opening that does so too."""
        head = text[at : at + _LONGEST]
        form = next((form for opening, form in _MARKED.items() if head.startswith(opening)), _WHOLE)
        if form is _WHOLE and any(opening.startswith(head) for opening in _MARKED):
            self._tail = text
            return []
        self._place.pass_over(text[:at])
        self._say(text[:at])
        return self._read_on(self._start(form), text[at:])

    def _start(self, form: Form) -> _Candidate:
        self._candidate = _Candidate(form, self._tools)
        return self._candidate

    def _read_on(self, candidate: _Candidate, text: str) -> list[Event]:
        if candidate.read(text):
            return []
        if candidate.form is not _WHOLE or candidate.is_too_long:
            return self._give_up()
        self._candidate, self._visible = None, True
        return self._watch("".join(candidate.held))

    def _say(self, text: str) -> list[Event]:
        """Pass on what is text, but for white space that a call may follow."""
        if not (said := text.rstrip()):
            self._space += [text] if text else []
            return []
        self._space.append(said)
        shown = self._show()
        self._space = [text[len(said) :]] if len(said) < len(text) else []
        self._visible = True
        return shown

    def _show(self) -> list[Event]:
        """Say everything that is held back as what it is: text."""
        if self._text is None:
            return []
        held = [*self._space, self._tail, *(self._candidate.held if self._candidate is not None else ())]
        self._space, self._tail, self._candidate = [], "", None
        shown: list[Event] = [] if self._is_shown else [self._text]
        self._is_shown = True
        said = "".join(held)
        return [*shown, Grew(self._text.block, said)] if said else shown

    def _give_up(self) -> list[Event]:
        self.off = True
        shown = self._show()
        return [*shown, self._closed] if self._closed is not None else shown

    def _close(self, event: Closed) -> list[Event]:
        if self._candidate is not None:
            self._closed = event
            return []
        shown = self._show()
        self._text = None
        return [*shown, event]

    def _ended(self, event: Ended) -> list[Event]:
        calls = self._candidate.calls() if self._candidate is not None and event.reason in _ENDINGS else []
        if (
            self._candidate is None
            or not calls
            or self._text is None
            or self._is_repeated("".join(self._candidate.held))
        ):
            return [*self._give_up(), event]
        said: list[Event] = [self._closed or Closed(self._text.block)] if self._is_shown else []
        calls = calls[:1] if self._request.parallel_tools is False else calls
        for name, arguments in calls:
            self._highest += 1
            said += [
                Opened(self._highest, ToolCall(self._ids.fresh(None), name)),
                Grew(self._highest, arguments),
                Closed(self._highest),
            ]
        self._tell(len(calls), self._candidate.form.about)
        return [*said, Ended("tool_calls", event.raw, tier=event.tier)]

    def _is_repeated(self, said: str) -> bool:
        """Whether the model says what it was told. Models put what they show into a fence."""
        said = _FENCES.sub("", said).strip()
        return any(said in text for turn in self._request.turns if turn.role == "user" for text in _texts(turn.parts))


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Text):
            yield part.text
        elif isinstance(part, ToolResult):
            yield from _texts(part.parts)


def _uncertain(text: str) -> int:
    """How many characters at the end may be the beginning of an opening. Of an opening, only the first is a sign."""
    at = max(map(text.rfind, _FIRST))
    return len(text) - at if at >= 0 and any(opening.startswith(text[at:]) for opening in _MARKED) else 0
