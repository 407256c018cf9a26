"""Listens to a relayed answer of the Chat Completions dialect: what did it cost, did it end?"""

from typing import Final

from msgspec import Struct, field

from dragoman.hub.events import Ended, Event, Noted
from dragoman.protocols.frames import DONE, unfinished
from dragoman.protocols.openai_chat.usage import read_usage
from dragoman.wire import jsons
from dragoman.wire.sse import SSEReader

_END: Final = b"\n\n"


class Tap(Struct):
    """Parses only the frames that carry usage. A stream that ends without having said why is told of by `Ended`."""

    _sse: SSEReader = field(default_factory=SSEReader)
    _ended: bool = False
    _reasoned: bool = False
    _whole: bool = True  # what came so far ended an event, so that the reader holds nothing

    def feed(self, data: bytes) -> list[Event]:
        """Raise FrameTooLargeError."""
        whole, self._whole = self._whole, data.endswith(_END)
        if whole and self._whole and not _tells(data):
            return []
        events: list[Event] = []
        for frame in self._sse.feed(data):
            if _tells_reason(frame.data):
                self._ended = self._reasoned = True
            elif frame.data.strip() == DONE:
                self._ended = True
                if not self._reasoned:
                    events.append(Ended("stop"))
            if _has(frame.data, b'"usage"'):
                events += self.hear_whole(frame.data)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            usage = read_usage(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []
        return [] if usage is None else [Noted(usage)]

    @property
    def ended(self) -> bool:
        """The last event may lack its blank line."""
        return self._ended or any(_ends(frame.data) for frame in unfinished(self._sse))


def _tells(data: bytes) -> bool:
    """Whether there may be anything to hear: in most chunks there is not.

    `in` tries to take bytes for a number first (CPython 3.11), and an exception that nobody sees is a third of its time.
    """
    find = data.find
    return (
        find(b'"usage"') >= 0
        or find(b'"finish_reason":"') >= 0
        or find(b'_reason": "') >= 0
        or find(DONE) >= 0
        or find(b'"error"') >= 0
    )


def _ends(data: bytes) -> bool:
    return data.strip() == DONE or _tells_reason(data)


def _tells_reason(data: bytes) -> bool:
    """Whether it says why the answer ends: an error is a reason too."""
    return b'"error"' in data[:12] or _has(data, b'"finish_reason"')


def _has(data: bytes, member: bytes) -> bool:
    """Whether a member is there and is not null. In a text the quotes would be escaped."""
    return member in data and member + b":null" not in data and member + b": null" not in data
