"""Calls and their results, put as every backend wants them.

Clients send results late, twice, in another order or not at all, and results of calls that are no longer in the
history. Backends refuse the whole conversation for any of it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.hub.losses import Losses
from dragoman.hub.request import Part, Text, ToolCall, ToolResult, Turn
from dragoman.protocols import tool_ids

# How an error is said where a result has no field for it. It is read back where there is one.
TOOL_ERROR: Final = "[tool error] "
_MISSING: Final = (Text("(no result recorded)"),)
_PAIRED: Final = frozenset({ToolCall, ToolResult})
_PARAGRAPH: Final = Text("\n\n")
_replace: Final = msgspec.structs.replace


def paired(turns: Sequence[Turn], form: tool_ids.Form, losses: Losses, *, unique: bool) -> Sequence[Turn]:
    """Return the turns with every result at once behind its call.

    Neighbouring assistant turns are one. Behind one with calls stands a user's turn with nothing but one result for
    each, in their order: of several the last counts, a missing one is an error. What else was said in between follows.
    A result without a call becomes text where it stood. Ids have the wanted form and differ within a turn, and in
    the whole conversation if `unique`.
    """
    before = ""
    for turn in turns:
        if not turn.parts or turn.role == before == "assistant" or not _PAIRED.isdisjoint(map(type, turn.parts)):
            break
        before = turn.role
    else:
        return turns  # nothing to pair, nothing to join
    pairing = _Pairing(form, losses, unique=unique)
    done: list[Turn] = []
    for said, replies in _rounds(turns):
        done += pairing.round(said, replies)
    return done


def last_question(turns: Sequence[Turn]) -> int:
    """The place of the last turn in which the user spoke and no tool; -1 where there is none. turns: as `paired`."""
    place = len(turns)
    while place:
        place -= 1
        turn = turns[place]
        if turn.role != "user" or (turn.parts and type(turn.parts[0]) is ToolResult):
            continue
        before = turns[place - 1].parts if place else ()
        if not (before and type(before[0]) is ToolResult):
            return place
    return -1


def _rounds(turns: Sequence[Turn]) -> Iterator[tuple[Sequence[Turn], Sequence[Turn]]]:
    """Runs of assistant turns, each with the run of other turns behind it."""
    start = 0
    while start < len(turns):
        middle = start
        while middle < len(turns) and turns[middle].role == "assistant":
            middle += 1
        end = middle
        while end < len(turns) and turns[end].role != "assistant":
            end += 1
        yield turns[start:middle], turns[middle:end]
        start = end


class _Pairing:
    def __init__(self, form: tool_ids.Form, losses: Losses, *, unique: bool) -> None:
        self._form: Final = form
        self._losses: Final = losses
        self._unique: Final = unique
        self._taken: set[str] = set()

    def round(self, said: Sequence[Turn], replies: Sequence[Turn]) -> list[Turn]:
        waiting = _Waiting()
        turns: list[Turn] = []
        if said:
            turns.append(self._numbered(said[0] if len(said) == 1 else _joined(said), waiting))
        others = [turn for reply in replies if (turn := self._without_results(reply, waiting)).parts]
        if waiting.calls:
            turns.append(Turn("user", waiting.results(), path=(replies or said)[0].path))
        return turns + others

    def _numbered(self, turn: Turn, waiting: "_Waiting") -> Turn:
        """The turn with its calls under legal ids of their own."""
        if not self._unique:
            self._taken.clear()
        parts, changed = list(turn.parts), False
        for place, part in enumerate(turn.parts):
            if type(part) is ToolCall and part.by != "backend":
                sent = tool_ids.fit(part.id, self._form)
                if sent in self._taken:
                    sent = self._free(part.id)
                self._taken.add(sent)
                waiting.calls.append(sent)
                waiting.sent.setdefault(part.id, []).append(sent)
                if sent != part.id:
                    parts[place], changed = _replace(part, id=sent), True
        return _replace(turn, parts=tuple(parts)) if changed else turn

    def _free(self, call_id: str) -> str:
        number = 2
        while (sent := tool_ids.fit(f"{call_id}#{number}", self._form)) in self._taken:
            number += 1
        return sent

    def _without_results(self, turn: Turn, waiting: "_Waiting") -> Turn:
        if ToolResult not in map(type, turn.parts):
            return turn
        others: list[Part] = []
        for part in turn.parts:
            if type(part) is not ToolResult:
                others.append(part)
            elif not waiting.take(part):
                others += _orphan(part)
                self._losses.warn(turn.path, "a tool result without its call is sent as text")
        return _replace(turn, parts=tuple(others))


class _Waiting(Struct):
    """The calls of one turn, under the ids by which they are sent, and the results that came for them.

    sent: by the client's id, which several calls may have.
    """

    calls: list[str] = []
    sent: dict[str, list[str]] = {}
    _came: dict[str, int] = {}
    _results: dict[str, ToolResult] = {}

    def take(self, result: ToolResult) -> bool:
        """Whether there is a call for it. Results for calls of one id are taken in the calls' order."""
        ids = self.sent.get(result.call_id)
        if ids is None:
            return False
        came = self._came.get(result.call_id, 0)
        self._came[result.call_id] = came + 1
        sent = ids[min(came, len(ids) - 1)]
        self._results[sent] = result if sent == result.call_id else _replace(result, call_id=sent)
        return True

    def results(self) -> tuple[ToolResult, ...]:
        return tuple([self._results.get(sent) or ToolResult(sent, _MISSING, is_error=True) for sent in self.calls])


def _joined(said: Sequence[Turn]) -> Turn:
    """Neighbouring assistant turns as one. Where both sides have text, a paragraph ends between them."""
    parts: list[Part] = []
    for turn in said:
        if any(type(part) is Text for part in parts) and any(type(part) is Text for part in turn.parts):
            parts.append(_PARAGRAPH)
        parts += turn.parts
    return _replace(said[0], parts=tuple(parts))


def _orphan(result: ToolResult) -> Iterator[Part]:
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    yield Text(f"[tool result for unknown call {result.call_id}] {text}")
    yield from (part for part in result.parts if not isinstance(part, Text))
