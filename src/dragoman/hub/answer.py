"""The reply as a whole, and its equality with the reply as a stream: a whole answer is a fold of the same events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec import Struct

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Running, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    Fetched,
    Opaque,
    Refusal,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from dragoman.hub.usage import Usage

Said = Text | Refusal | Thinking | ToolCall | ToolResult | Opaque | Searched | Fetched


class Answer(Struct, frozen=True, kw_only=True):
    parts: tuple[Said, ...]
    reason: Reason
    raw: str | None = None
    stop_sequence: str | None = None
    explanation: str | None = None
    usage: Usage = Usage()
    id: str | None = None
    model: str | None = None
    tier: str | None = None


class _Block(Struct):
    """One part while it is being said."""

    opened: Opened | Showed
    grown: list[str] = []
    cited: list[Citation] = []
    closed: Closed | None = None

    def part(self) -> Said:
        if isinstance(self.opened, Showed):
            return self.opened.part
        part, text = self.opened.part, "".join(self.grown)
        if isinstance(part, Refusal):
            return msgspec.structs.replace(part, text=text)
        extra = {**part.extra, **self.closed.extra} if self.closed else part.extra
        match part:
            case Text():
                return msgspec.structs.replace(part, text=text, citations=tuple(self.cited), extra=extra)
            case Thinking():
                seal = self.closed.seal if self.closed else None
                return msgspec.structs.replace(part, text=text, seal=seal or part.seal, extra=extra)
            case ToolCall():
                return msgspec.structs.replace(part, arguments=text, extra=extra)
            case _:
                assert_never(part)


class Fold:
    """Gathers events into an Answer. `feed` raises the Problem of a `Failed`.

    A number that opens again is another block: rounds of one conversation may count their blocks alike.
    """

    def __init__(self) -> None:
        self._began = Began()
        self._blocks: list[_Block] = []
        self._at: dict[int, _Block] = {}
        self._usage = Usage()
        self._ended: Ended | None = None

    def feed(self, event: Event) -> None:
        match event:
            case Grew():
                self._at[event.block].grown.append(event.text)
            case Opened() | Showed():
                self._at[event.block] = block = _Block(event)
                self._blocks.append(block)
            case Closed():
                self._at[event.block].closed = event
            case Cited():
                self._at[event.block].cited.append(event.citation)
            case Began():
                self._began = event
            case Noted():
                self._usage = self._usage.updated(event.usage)
            case Ended():
                self._ended = event
            case Failed():
                raise event.problem
            case Running():
                pass  # what came of it is shown
            case _:
                assert_never(event)

    def answer(self) -> Answer:
        """Return the answer. Raise Problem("truncated") if it has not ended."""
        if self._ended is None:
            raise Problem("truncated", "the backend's answer ended before it was complete")
        return Answer(
            parts=self.parts(),
            reason=self._ended.reason,
            raw=self._ended.raw,
            stop_sequence=self._ended.stop_sequence,
            explanation=self._ended.explanation,
            usage=self._usage,
            id=self._began.id,
            model=self._began.model,
            tier=self._ended.tier or self._began.tier,
        )

    def parts(self) -> tuple[Said, ...]:
        """What has been said so far, whether or not it has ended."""
        return tuple([block.part() for block in self._blocks])


def fold(events: Iterable[Event]) -> Answer:
    """Return the answer the events tell, or raise the Problem they end in."""
    gathered = Fold()
    for event in events:
        gathered.feed(event)
    return gathered.answer()


def unfold(answer: Answer) -> list[Event]:
    """Return the shortest stream that tells this answer: `fold(unfold(a)) == a`."""
    events: list[Event] = [Began(answer.id, answer.model, answer.tier)]
    for block, part in enumerate(answer.parts):
        events += _unfold_part(block, part)
    if answer.usage != Usage():
        events.append(Noted(answer.usage))
    events.append(Ended(answer.reason, answer.raw, answer.stop_sequence, answer.explanation))
    return events


def _unfold_part(block: int, part: Said) -> list[Event]:
    match part:
        case ToolResult() | Opaque() | Searched() | Fetched():
            return [Showed(block, part)]
        case Thinking(seal=Seal(form="redacted")):
            return [Showed(block, part)]
        case ToolCall():
            opened = Opened(block, msgspec.structs.replace(part, arguments=""))
            return [opened, *_grown(block, part.arguments), Closed(block)]
        case Text():
            opened = Opened(block, msgspec.structs.replace(part, text="", citations=()))
            cited = [Cited(block, citation) for citation in part.citations]
            return [opened, *_grown(block, part.text), *cited, Closed(block)]
        case Refusal():
            opened = Opened(block, msgspec.structs.replace(part, text=""))
            return [opened, *_grown(block, part.text), Closed(block)]
        case Thinking():
            return [Opened(block, Thinking("", extra=part.extra)), *_grown(block, part.text), Closed(block, part.seal)]
        case _:
            assert_never(part)


def _grown(block: int, text: str) -> list[Event]:
    return [Grew(block, text)] if text else []
