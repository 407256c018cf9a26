"""An answer, as bytes of HTTP/1.1.

Its head leaves together with what comes behind it: uvloop hands each write to the system at once, and a second one costs
the proxy a twentieth of a short request and wakes the client for a head with which it can do nothing yet.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, Protocol

from msgspec import Struct
from uvicorn.server import ServerState

from dragoman.server.flow import Flow

# Bytes up to which it is cheaper to copy a body behind its head than to write twice.
_ONE_WRITE: Final = 64 * 2**10
_BODILESS: Final = frozenset({204, 304})
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode()
    for status in HTTPStatus  # 1.1 whatever the client speaks: it tells what we do
}
_SIZES: Final = [b"%x\r\n" % size for size in range(1024)]  # of chunks: most are as short as a token
_LAST: Final = b"0\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_CLOSE: Final = b"\r\nconnection: close"
_CHUNKED: Final = b"\r\ntransfer-encoding: chunked"


class Asker(Protocol):
    """Who asks for answers, one after the other."""

    def over(self) -> None:
        """The present one is said."""


class HTTPOutlet(Struct, eq=False):
    """Of one request. An Outlet, as the gateway knows it.

    method, version: the request's. state: has the headers of every answer. asker: is told of the end, if anybody is.
    keeps: whether the connection is to serve another request afterwards.
    """

    _flow: Flow
    _method: str
    _version: str
    _state: ServerState
    _asker: Asker | None
    keeps: bool
    begun: bool = False
    ended: bool = False
    _head: bytes = b""  # what of it has not left yet
    _chunked: bool = False

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:
        """Say the head; names in lower case. Without a first piece of the body it leaves in the loop's next turn, if
        nothing is said before.

        Returns what `write` does. Raise ValueError for a header that would end before its time.
        """
        status_line = _STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status
        lines = [status_line, *map(b": ".join, self._state.default_headers), *map(b": ".join, headers)]
        head = b"\r\n".join(lines)
        if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
            raise ValueError("a header of the answer holds a line break")
        if status not in _BODILESS and not head.count(_LENGTH):  # `in` would ask for a number first, and fail
            # Who speaks 1.0 knows no chunks: to him the body ends with the connection.
            self._chunked = self._version != "1.0"
            self.keeps = self.keeps and self._chunked
        self.begun = True
        self._head = b"".join((head, _CHUNKED if self._chunked else b"", b"" if self.keeps else _CLOSE, b"\r\n\r\n"))
        goes_on = self.write(first)
        if self._head:
            asyncio.get_running_loop().call_soon(self.flush)
        return goes_on

    def write(self, data: bytes) -> bool:
        """Say a piece of the body. False: the client is slow, and `drained` waits for it before there is more."""
        if data and self._method != "HEAD":
            if self._chunked:
                size = _SIZES[len(data)] if len(data) < len(_SIZES) else b"%x\r\n" % len(data)
                data = b"".join((size, data, b"\r\n"))
            self._flow.write(self._behind_head(data) if self._head else data)
        return not self._flow.slow

    def end(self, data: bytes = b"") -> None:
        """Say the last piece. From then on the client's going away means nothing."""
        if self.ended:
            return
        self.ended = True
        if self._method == "HEAD":
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n%b" % (len(data), data, _LAST) if data else _LAST
        if self._head:
            data = self._behind_head(data)
        if data:
            self._flow.write(data)
        if self._asker is not None:
            self._asker.over()

    async def drained(self) -> None:
        """Wait until the client has room for more."""
        if self._flow.slow:
            await self._flow.room()

    @property
    def hears(self) -> bool:
        return not self._flow.closed

    def flush(self) -> None:
        """Send the head, if nothing has come behind it yet."""
        if self._head:
            self._flow.write(self._behind_head(b""))

    def _behind_head(self, data: bytes) -> bytes:
        """What is to be written now that this is the first to come behind the head."""
        head, self._head = self._head, b""
        if len(data) > _ONE_WRITE:
            self._flow.write(head)
            return data
        return head + data
