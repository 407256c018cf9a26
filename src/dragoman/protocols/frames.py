"""A backend's bytes as frames, or as one body where it answers whole although a stream was asked for.

Some servers know no streams, and some say errors with status 200 and in JSON whatever was asked for. What stands in
front of them, or a wrong path, answers with a page.
"""

from typing import Final

from msgspec import Struct, field

from dragoman.wire import jsons
from dragoman.wire.sse import MAX_FRAME, Frame, FrameTooLargeError, SSEReader

DONE: Final = b"[DONE]"


class Frames(Struct):
    """body: what has come so far, if it is no stream; else empty."""

    body: bytearray = field(default_factory=bytearray)
    _sse: SSEReader = field(default_factory=SSEReader)
    _undecided: bool = True

    def feed(self, data: bytes) -> list[Frame]:
        """Raise FrameTooLargeError."""
        if self._undecided and (start := data.lstrip()):
            self._undecided = False
            if start.startswith((b"{", b"[", b"<")):  # no line of a stream begins so; "<" is a page's
                self.body += start
                return []
        if self.body:
            self.body += data
            if len(self.body) > MAX_FRAME:
                raise FrameTooLargeError(f"an answer is larger than {MAX_FRAME} bytes")
            return []
        return self._sse.feed(data)

    def unfinished(self) -> list[Frame]:
        """The last event, if only its blank line is missing. One that was cut off in the middle is none."""
        return unfinished(self._sse)


def unfinished(sse: SSEReader) -> list[Frame]:
    """As `Frames.unfinished`, of a reader."""
    return [frame for frame in sse.unfinished() if frame.data.strip() == DONE or _is_json(frame.data)]


def _is_json(data: bytes) -> bool:
    try:
        jsons.read(data)
    except jsons.JSONError:
        return False
    return True
