"""Listens to a relayed answer of the Responses dialect: what did it cost, did it end?"""

import re
from typing import Any, Final

from msgspec import Struct, field

from dragoman.hub.events import Event, Noted
from dragoman.protocols.frames import unfinished
from dragoman.protocols.openai_responses.answer_reader import TERMINAL
from dragoman.protocols.openai_responses.usage import read_usage
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, SSEReader

_LAST: Final = TERMINAL | {"error"}
_MAYBE_LAST: Final = re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed|cancelled)|error)"')


class Tap(Struct):
    """Parses only the terminal frame, which carries the usage."""

    _sse: SSEReader = field(default_factory=SSEReader)
    _ended: bool = False

    def feed(self, data: bytes) -> list[Event]:
        """Raise FrameTooLargeError."""
        events: list[Event] = []
        for frame in self._sse.feed(data):
            if (last := _last(frame)) is not None:
                self._ended = True
                response = last.get("response")
                events += _noted(response.get("usage") if isinstance(response, dict) else None)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            return _noted(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []

    @property
    def ended(self) -> bool:
        """The last event may lack its blank line."""
        return self._ended or any(_last(frame) is not None for frame in unfinished(self._sse))


def _last(frame: Frame) -> dict[str, Any] | None:
    """What the frame says, if it is the last of an answer. Clients need no `event:` line, so it may be missing."""
    if frame.event not in _LAST if frame.event else not _MAYBE_LAST.search(frame.data):
        return None
    try:
        said = jsons.read(frame.data)
    except jsons.JSONError:
        return None
    if not isinstance(said, dict):
        return None
    kind = said.get("type") or frame.event
    return said if isinstance(kind, str) and kind in _LAST else None


def _noted(said: Any) -> list[Event]:
    usage = read_usage(said)
    return [] if usage is None else [Noted(usage)]
