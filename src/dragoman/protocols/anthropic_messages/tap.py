"""Listens to a relayed answer of the Messages dialect: what did it cost, did it end?"""

from typing import Final

from msgspec import Struct, field

from dragoman.hub.events import Event, Noted
from dragoman.protocols.anthropic_messages import usage
from dragoman.protocols.frames import unfinished
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, SSEReader

_LAST: Final = ("message_stop", "error")


class Tap(Struct):
    """Parses only the frames that carry usage."""

    _sse: SSEReader = field(default_factory=SSEReader)
    _usage: usage.Said = field(default_factory=usage.Said)
    _ended: bool = False

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
            noted = self._usage.updated(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []
        return [] if noted is None else [Noted(noted)]

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
        noted = self._usage.updated(said.get("usage")) if isinstance(said, dict) else None
        return [] if noted is None else [Noted(noted)]
