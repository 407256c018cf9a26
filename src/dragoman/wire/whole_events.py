"""Cutting a relayed stream between its events: bytes in, the same bytes out, as soon as their event is whole.

An event that is passed on by halves would swallow whatever is said behind it, were it a filler or an error.
"""

from typing import Final

from msgspec import Struct

from dragoman.wire.sse import MAX_FRAME, FrameTooLargeError

# A blank line, however lines end.
_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END: Final = 4


class WholeEvents(Struct):
    """limit: bytes one event may have. A huge one costs linear time, however small its pieces are."""

    limit: int = MAX_FRAME
    _pieces: list[bytes] = []
    _held: int = 0
    _tail: bytes = b""  # the last bytes of the pieces: an end may be cut in two

    def feed(self, data: bytes) -> bytes:
        """What is whole by now. Raise FrameTooLargeError."""
        if not self._pieces and data.endswith(b"\n\n"):
            return data
        return self._cut(data)

    def last(self) -> bytes:
        """The stream has ended: the event that has not, as if its blank line had not been left out; b"" if none has."""
        return b"".join(self._pieces) + b"\n\n" if self._pieces else b""

    def _cut(self, data: bytes) -> bytes:
        seen = self._tail + data
        end = _last_end(seen) - len(self._tail)
        if end <= 0:
            self._hold(data)
            return b""
        whole = b"".join((*self._pieces, data[:end]))
        self._pieces.clear()
        self._held, self._tail = 0, b""
        if end < len(data):
            self._hold(data[end:])
        return whole

    def _hold(self, data: bytes) -> None:
        self._held += len(data)
        if self._held > self.limit:
            raise FrameTooLargeError(f"one event is larger than {self.limit} bytes")
        self._pieces.append(data)
        self._tail = (self._tail + data)[1 - _LONGEST_END :]


def _last_end(data: bytes) -> int:
    """Where the last event ends, 0 where none does."""
    return max(at + len(end) if (at := data.rfind(end)) >= 0 else 0 for end in _ENDS)
