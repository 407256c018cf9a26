"""The reply as a whole, and its equality with the reply as a stream: a whole answer is a fold of the same events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec import Struct

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Extra, Opaque, Refusal, Seal, Text, Thinking, ToolCall, ToolResult
from dragoman.hub.usage import Usage

Said = Text | Refusal | Thinking | ToolCall | ToolResult | Opaque


class Answer(Struct, frozen=True, kw_only=True):
    parts: tuple[Said, ...]
    reason: Reason
    raw: str | None = None
    stop_sequence: str | None = None
    explanation: str | None = None
    usage: Usage = Usage()
    id: str | None = None
    model: str | None = None


class Fold:
    """Gathers events into an Answer. `feed` raises the Problem of a `Failed`."""

    def __init__(self) -> None:
        self._began = Began()
        self._open: dict[int, Opened | Showed] = {}
        self._grown: dict[int, list[str]] = {}
        self._closed: dict[int, Closed] = {}
        self._cited: dict[int, list[Citation]] = {}
        self._usage = Usage()
        self._ended: Ended | None = None

    def feed(self, event: Event) -> None:
        match event:
            case Began():
                self._began = event
            case Opened() | Showed():
                self._open[event.block] = event
            case Grew():
                self._grown.setdefault(event.block, []).append(event.text)
            case Cited():
                self._cited.setdefault(event.block, []).append(event.citation)
            case Closed():
                self._closed[event.block] = event
            case Noted():
                self._usage = self._usage.updated(event.usage)
            case Ended():
                self._ended = event
            case Failed():
                raise event.problem
            case _:
                assert_never(event)

    def answer(self) -> Answer:
        """Return the answer. Raise Problem("truncated") if it has not ended."""
        if self._ended is None:
            raise Problem("truncated", "the backend's answer ended before it was complete")
        return Answer(
            parts=tuple(self._part(opened) for opened in self._open.values()),
            reason=self._ended.reason,
            raw=self._ended.raw,
            stop_sequence=self._ended.stop_sequence,
            explanation=self._ended.explanation,
            usage=self._usage,
            id=self._began.id,
            model=self._began.model,
        )

    def parts(self) -> tuple[Said, ...]:
        """What has been said so far, whether or not it has ended."""
        return tuple(self._part(opened) for opened in self._open.values())

    def _part(self, opened: Opened | Showed) -> Said:
        if isinstance(opened, Showed):
            return opened.part
        text = "".join(self._grown.get(opened.block, ()))
        closed = self._closed.get(opened.block)
        seal, extra = (closed.seal, closed.extra) if closed else (None, {})
        match opened.part:
            case Text():
                return Text(
                    text, citations=tuple(self._cited.get(opened.block, ())), extra={**opened.part.extra, **extra}
                )
            case Refusal():
                return Refusal(text)
            case Thinking():
                return Thinking(text, seal, {**opened.part.extra, **extra})
            case ToolCall():
                return msgspec.structs.replace(opened.part, arguments=text, extra={**opened.part.extra, **extra})
            case _:
                assert_never(opened.part)


def fold(events: Iterable[Event]) -> Answer:
    """Return the answer the events tell, or raise the Problem they end in."""
    gathered = Fold()
    for event in events:
        gathered.feed(event)
    return gathered.answer()


def unfold(answer: Answer) -> list[Event]:
    """Return the shortest stream that tells this answer: `fold(unfold(a)) == a`."""
    events: list[Event] = [Began(answer.id, answer.model)]
    for block, part in enumerate(answer.parts):
        events += _unfold_part(block, part)
    if answer.usage != Usage():
        events.append(Noted(answer.usage))
    events.append(Ended(answer.reason, answer.raw, answer.stop_sequence, answer.explanation))
    return events


def _unfold_part(block: int, part: Said) -> list[Event]:
    match part:
        case ToolResult() | Opaque():
            return [Showed(block, part)]
        case Thinking(seal=Seal(form="redacted")):
            return [Showed(block, part)]
        case ToolCall():
            empty: Text | Refusal | Thinking | ToolCall = msgspec.structs.replace(part, arguments="", extra={})
            return _unfold_block(block, empty, part.arguments, extra=part.extra)
        case Text():
            cited = [Cited(block, citation) for citation in part.citations]
            return _unfold_block(block, Text(""), part.text, extra=part.extra, cited=cited)
        case Refusal():
            return _unfold_block(block, Refusal(""), part.text)
        case Thinking():
            return _unfold_block(block, Thinking(""), part.text, part.seal, part.extra)
        case _:
            assert_never(part)


def _unfold_block(
    block: int,
    empty: Text | Refusal | Thinking | ToolCall,
    text: str,
    seal: Seal | None = None,
    extra: Extra | None = None,
    cited: Iterable[Event] = (),
) -> list[Event]:
    grown: list[Event] = [Grew(block, text)] if text else []
    return [Opened(block, empty), *grown, *cited, Closed(block, seal, extra or {})]
