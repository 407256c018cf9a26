"""Listens to a relayed answer of the Messages dialect: what did it cost, did it end?"""

from typing import Any, Final

from dragoman.hub.events import Event, Noted
from dragoman.protocols.anthropic_messages import usage
from dragoman.protocols.frames import unfinished
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, SSEReader

_LAST: Final = ("message_stop", "error")


class Tap:
    """Parses only the frames that carry usage."""

    def __init__(self) -> None:
        self._sse: Final = SSEReader()
        self._usage: Final = usage.Said()
        self._ended = False

    def feed(self, data: bytes) -> list[Event]:
        """Raise FrameTooLargeError."""
        events: list[Event] = []
        for frame in self._sse.feed(data):
            if frame.event in _LAST:
                self._ended = True
            elif frame.event in ("message_start", "message_delta"):
                events += self._hear(frame)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            return _noted(self._usage, jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []

    @property
    def ended(self) -> bool:
        """The last event may lack its blank line."""
        return self._ended or any(frame.event in _LAST for frame in unfinished(self._sse))

    def _hear(self, frame: Frame) -> list[Event]:
        try:
            said = jsons.read(frame.data)
        except jsons.JSONError:
            return []
        if isinstance(said, dict) and frame.event == "message_start":
            said = said.get("message")
        return _noted(self._usage, said.get("usage")) if isinstance(said, dict) else []


def _noted(so_far: usage.Said, said: Any) -> list[Event]:
    noted = so_far.updated(said)
    return [] if noted is None else [Noted(noted)]
