"""The grammar of an answer (dragoman/hub/events.py), as a checker: what is wrong with these events?"""

from collections.abc import Iterable
from typing import assert_never

import msgspec

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Running, Showed
from dragoman.hub.request import Text, Thinking, ToolCall


class Listener:
    """Hears events one by one and notes each breach of the grammar."""

    def __init__(self) -> None:
        self.breaches: list[str] = []
        self._heard = 0
        self._open: dict[int, Opened] = {}
        self._numbers: set[int] = set()
        self._running: set[int] = set()
        self._calls = 0
        self.over = False

    def hear(self, event: Event) -> None:
        if self.over:
            self._breach(event, "after the end")
        self._heard += 1
        match event:
            case Began():
                if self._heard > 1:
                    self._breach(event, "not first")
            case Opened():
                self._opened(event)
            case Grew() | Cited() | Closed():
                self._on_block(event)
            case Running():
                self._new_number(event)
                self._running.add(event.block)
            case Showed() if event.block in self._running:
                self._running.remove(event.block)
            case Showed():
                self._new_number(event)
            case Noted():
                pass
            case Ended():
                self._ended(event)
            case Failed():
                self.over = True
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> None:
        self._new_number(event)
        self._open[event.block] = event
        said = event.part.arguments if isinstance(event.part, ToolCall) else event.part.text
        if said:
            self._breach(event, "opens with something already said")
        if isinstance(event.part, ToolCall):
            self._calls += event.part.by == "client"
            if not event.part.id or not event.part.name:
                self._breach(event, "a call without id or name")

    def _on_block(self, event: Grew | Cited | Closed) -> None:
        opened = self._open.get(event.block)
        if opened is None:
            self._breach(event, "on a block that is not open")
            return
        match event:
            case Grew(text=""):
                self._breach(event, "grows by nothing")
            case Cited() if not isinstance(opened.part, Text):
                self._breach(event, "a citation on something that is no text")
            case Closed():
                del self._open[event.block]
                if event.seal is not None and not isinstance(opened.part, Thinking):
                    self._breach(event, "a seal on something that is no thinking")

    def _new_number(self, event: Opened | Running | Showed) -> None:
        if event.block in self._numbers:
            self._breach(event, "a block number used before")
        self._numbers.add(event.block)

    def _ended(self, event: Ended) -> None:
        self.over = True
        if self._open or self._running:
            self._breach(event, f"blocks {sorted((*self._open, *self._running))} still open")
        if (event.reason == "tool_calls") != (self._calls > 0) and event.reason in ("stop", "tool_calls"):
            self._breach(event, f"although {self._calls} calls were made")

    def _breach(self, event: Event, why: str) -> None:
        self.breaches.append(f"event {self._heard}, {event}: {why}")


def breaches(events: Iterable[Event], *, whole: bool = True) -> list[str]:
    """What is wrong with these events. whole: they must end, exactly once."""
    listener = Listener()
    for event in events:
        listener.hear(event)
    unfinished = ["no Ended and no Failed"] if whole and not listener.over else []
    return listener.breaches + unfinished


def told(events: Iterable[Event]) -> list[Event]:
    """The same story in its one canonical form: growth merged, blocks numbered by order of opening, counts at the end.

    Two sequences that differ only in how they were cut have the same canonical form.
    """
    numbers: dict[int, int] = {}
    merged: list[Event] = []
    counted: list[Event] = []
    for event in events:
        last = merged[-1] if merged else None
        match event:
            case Noted():
                usage = (
                    counted[0].usage.updated(event.usage) if counted and isinstance(counted[0], Noted) else event.usage
                )
                counted = [Noted(usage)]
            case Grew():
                number = numbers.setdefault(event.block, len(numbers))
                if isinstance(last, Grew) and last.block == number:
                    merged[-1] = Grew(number, last.text + event.text)
                else:
                    merged.append(Grew(number, event.text))
            case Opened():
                merged.append(Opened(numbers.setdefault(event.block, len(numbers)), event.part))
            case Closed():
                merged.append(Closed(numbers.setdefault(event.block, len(numbers)), event.seal, event.extra))
            case Cited():
                merged.append(Cited(numbers.setdefault(event.block, len(numbers)), event.citation))
            case Running() | Showed():
                merged.append(msgspec.structs.replace(event, block=numbers.setdefault(event.block, len(numbers))))
            case Ended() | Failed():
                merged += [*counted, event]
                counted = []
            case Began():
                merged.append(event)
            case _:
                assert_never(event)
    return merged + counted
