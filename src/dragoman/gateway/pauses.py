"""Answers that pause (`pause_turn`): the backend's own tools have run for long, and it waits to be asked to go on.

A Messages client does that itself. Clients of other dialects know no such pause, so it is done for them: the backend is
asked once more with what it has said, and the pieces are one answer.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from dragoman.gateway.sources import Into, Source
from dragoman.hub.answer import Fold, Said
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Grew, Noted, Opened, Showed
from dragoman.hub.request import Fetched, Opaque, Part, Request, Searched, ToolCall, Turn
from dragoman.hub.usage import Usage
from dragoman.protocols import arguments

_MOST: Final = 5  # pauses of one answer; then it ends where it is
_replace: Final = msgspec.structs.replace

_Numbered: TypeAlias = Opened | Grew | Closed | Cited | Showed
# Asks the same backend again.
Again: TypeAlias = Callable[[Request], Awaitable[Source]]


class Unpaused:
    """One answer to `request` of which `first` is the first piece."""

    def __init__(self, first: Source, request: Request, again: Again) -> None:
        self._source = first
        self._request = request
        self._again: Final = again
        self._said: list[_Numbered] = []  # in this piece
        self._usage = Usage()  # of this piece
        self._spent = Usage()  # of those before it
        self._pauses = 0
        self._paused = False
        self._offset = 0  # of this piece's block numbers

    async def read(self) -> list[Event]:
        if self._paused:
            await self._go_on()
        return self._heard(await self._source.read())

    async def pour(self, into: Into) -> None:
        if not self._paused:
            await self._source.pour(lambda events: into(self._heard(events)) and not self._paused)

    def settle(self) -> None:
        self._source.settle()

    def close(self) -> None:
        self._source.close()

    def _heard(self, events: list[Event]) -> list[Event]:
        if len(events) == 1 and not self._offset and type(growth := events[0]) is Grew:  # the hot path first
            self._said.append(growth)
            return events
        return [told for event in events for told in self._hear(event)]

    def _hear(self, event: Event) -> list[Event]:
        if type(event) is Began:
            return [] if self._pauses else [event]
        if type(event) is Noted:
            self._usage = self._usage.updated(event.usage)
            return [Noted(self._spent.plus(self._usage))]
        match event:
            case Opened() | Grew() | Closed() | Cited() | Showed():
                self._said.append(event)
                return [_replace(event, block=event.block + self._offset) if self._offset else event]
            case Ended(reason="paused") if self._pauses < _MOST:
                self._paused = True
                return []
            case _:
                return [event]

    async def _go_on(self) -> None:
        self._source.settle()
        self._source.close()
        fold = Fold()
        for event in self._said:
            fold.feed(event)
        said = tuple(map(_as_it_was, fold.parts()))
        self._request = _replace(self._request, turns=_continued(self._request.turns, said))
        self._paused, self._pauses = False, self._pauses + 1
        self._offset += max([0, *(event.block + 1 for event in self._said)])
        self._spent, self._usage, self._said = self._spent.plus(self._usage), Usage(), []
        self._source = await self._again(self._request)


def _as_it_was(part: Said) -> Part:
    """What was said, as the backend wants it back: its own calls to the letter, for their results go with them."""
    match part:
        case ToolCall(by="backend"):
            given = arguments.repaired(part.arguments) or {}
            raw = {"type": "server_tool_use", "id": part.id, "name": part.name, "input": given}
            return Opaque("anthropic-messages", "server_tool_use", raw)
        case Searched() | Fetched():
            raise AssertionError("a Messages backend says its searches as blocks of its own")
        case _:
            return part


def _continued(turns: tuple[Turn, ...], said: tuple[Part, ...]) -> tuple[Turn, ...]:
    """The conversation with what was said at its end: of several pieces one turn is made, as the API wants it."""
    if turns and turns[-1].role == "assistant" and not turns[-1].path:
        return (*turns[:-1], _replace(turns[-1], parts=(*turns[-1].parts, *said)))
    return (*turns, Turn("assistant", said))
