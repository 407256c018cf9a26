"""Server-sent events as frames: read tolerantly, written strictly.

Lines end at CR, LF or CRLF and nowhere else: text may hold U+2028 and friends. A reader accepts any cutting of the
bytes. A writer never emits `id:`, `retry:` or an empty `data:`, which the OpenAI Python SDK (3.54) dies of.
"""

from typing import Final

from msgspec import Struct, field

MAX_FRAME: Final = 64 * 2**20
_BOM: Final = b"\xef\xbb\xbf"


class Frame(Struct, frozen=True, gc=False):
    event: str
    data: bytes


class FrameTooLargeError(ValueError):
    """One event exceeds the reader's limit."""


class SSEReader(Struct):
    """Bytes in, whole frames out, however the bytes were cut.

    limit: bytes one event may have. An unfinished line is kept apart and joined once, so a huge event costs linear
    time however small its pieces are.
    """

    limit: int = MAX_FRAME
    _rest: bytearray = field(default_factory=bytearray)  # an unfinished line, or what may become a BOM
    _event: str = ""
    _data: list[bytes] = []
    _size: int = 0  # of `_data`
    _after_cr: bool = False
    _begun: bool = False
    _idle: bool = True  # nothing is half said

    def feed(self, data: bytes) -> list[Frame]:
        """Raise FrameTooLargeError; the reader is of no use afterwards."""
        if not self._idle or not data.endswith(b"\n\n") or data.find(b"\r") >= 0 or len(data) > self.limit:
            frames = self._lines(data)
            self._idle = self._begun and not (self._rest or self._data or self._event or self._after_cr)
            return frames
        # The usual case, in which nothing waits and nothing is cut: one `data:` line, alone or behind `event:`.
        frames = []
        lines = data.split(b"\n")
        at, end = 0, len(lines) - 2  # behind the last event are its blank line and nothing
        while at < end:
            start, name, line = at, "", lines[at]
            if line.startswith(b"event: "):
                name, at = line[7:].strip().decode("utf-8", "replace"), at + 1
                line = lines[at]
            if line.startswith(b"data: ") and not lines[at + 1]:
                frames.append(Frame(name, line[6:]))
                if not self._begun:
                    self._begun = True
                at += 2
            else:
                at = lines.index(b"", at) + 1
                frames += self._lines(b"\n".join(lines[start:at]) + b"\n")
        return frames

    def _lines(self, data: bytes) -> list[Frame]:
        if not self._begun:
            data = self._without_bom(data)
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")  # the second half of a CRLF that was cut in two
        if b"\n" not in data and b"\r" not in data:
            self._hold(data)
            return []
        if self._rest:
            data = bytes(self._rest) + data
            self._rest.clear()
        lines = data.splitlines()  # bytes end their lines at CR, LF and CRLF and nowhere else
        self._after_cr = data.endswith(b"\r")
        if not data.endswith((b"\n", b"\r")):
            self._hold(lines.pop())
        frames: list[Frame] = []
        for line in lines:
            if line:
                self._line(line)
            elif self._data:
                frames.append(self._frame())
            else:
                self._event = ""
        return frames

    def unfinished(self) -> list[Frame]:
        """What has come of an event that lacks its blank line: some servers leave out the last one. Changes nothing."""
        twin = SSEReader(2 * self.limit)
        twin._begun = True
        twin._event, twin._data, twin._size = self._event, list(self._data), self._size
        return twin._lines(bytes(self._rest) + b"\n\n")

    def _frame(self) -> Frame:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        frame = Frame(self._event, data)
        self._event, self._size = "", 0
        self._data.clear()
        return frame

    def _line(self, line: bytes) -> None:
        if line.startswith(b"data:"):
            self._append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._append(b"")

    def _append(self, value: bytes) -> None:
        self._data.append(value)
        self._size += len(value) + 1
        self._check()

    def _hold(self, data: bytes) -> None:
        self._rest += data
        self._check()

    def _check(self) -> None:
        if self._size + len(self._rest) > self.limit:
            raise FrameTooLargeError(f"one event is larger than {self.limit} bytes")

    def _without_bom(self, data: bytes) -> bytes:
        head = bytes(self._rest) + data
        self._rest.clear()
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._rest += head
            return b""
        self._begun = True
        return head.removeprefix(_BOM)


def write(event: str, body: bytes) -> bytes:
    """A frame with its `event:` line, as Messages and Responses want it. body: one line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), body)


def write_data(body: bytes) -> bytes:
    """A frame without an `event:` line, as Chat Completions wants it."""
    return b"data: %b\n\n" % body
