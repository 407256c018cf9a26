"""A backend's bytes as frames, or as one body where it answers whole although a stream was asked for.

Some servers know no streams, and some say errors with status 200 and in JSON whatever was asked for. What stands in
front of them, or a wrong path, answers with a page.
"""

import re
from typing import Final

from msgspec import Struct, field

from dragoman.wire import jsons
from dragoman.wire.sse import MAX_FRAME, Frame, FrameTooLargeError, SSEReader

DONE: Final = b"[DONE]"
# Half a character as JSON escapes it, at the end and at the beginning of a text.
_FIRST_HALF: Final = re.compile(rb'(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})"')
_SECOND_HALF: Final = re.compile(rb'(?<!\\)"(?=\\u[dD][c-fC-F][0-9a-fA-F]{2})')


class Frames(Struct):
    """body: what has come so far, if it is no stream; else empty."""

    body: bytearray = field(default_factory=bytearray)
    _sse: SSEReader = field(default_factory=SSEReader)
    _undecided: bool = True
    _half: bytes = b""

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

    def mend(self, data: bytes) -> bytes:
        """Put a character together that was cut in two: one half ends a piece of text, the other begins a later one.

        Servers in JavaScript cut texts so, between two units of UTF-16. data: of a frame that is no JSON to the letter.
        """
        if self._half and (second := _SECOND_HALF.search(data)):
            data, self._half = data[: second.end()] + self._half + data[second.end() :], b""
        if first := _FIRST_HALF.search(data):
            data, self._half = data[: first.start(1)] + data[first.end(1) :], first[1]
        return data

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
