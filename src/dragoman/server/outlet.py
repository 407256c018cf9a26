"""An answer, as bytes of HTTP/1.1.

Its head leaves together with what comes behind it: uvloop hands each write to the system at once, and a second one costs
the proxy a twentieth of a short request and wakes the client for a head with which it can do nothing yet.
"""

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final

from uvicorn.server import ServerState

from dragoman.server.flow import Flow

# Bytes up to which it is cheaper to copy a body behind its head than to write twice.
_ONE_WRITE: Final = 64 * 2**10
_BODILESS: Final = frozenset({204, 304})
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in HTTPStatus  # 1.1 whatever the client speaks: it tells what we do
}
_LAST: Final = b"0\r\n\r\n"
_CLOSE: Final = b"connection: close\r\n"
_CHUNKED: Final = b"transfer-encoding: chunked\r\n"


class HTTPOutlet:
    """Of one request. An Outlet, as the gateway knows it.

    method, version: the request's. state: has the headers of every answer. over: is told of the end. keeps: whether the
    connection is to serve another request afterwards.
    """

    __slots__ = (
        "_chunked",
        "_flow",
        "_head",
        "_method",
        "_over",
        "_state",
        "_version",
        "begun",
        "ended",
        "keeps",
    )

    def __init__(
        self,
        flow: Flow,
        method: str,
        version: str,
        state: ServerState,
        over: Callable[[], None],
        *,
        keeps: bool,
    ) -> None:
        self._flow: Final = flow
        self._method: Final = method
        self._version: Final = version
        self._state: Final = state
        self._over: Final = over
        self._head = b""
        self._chunked = False
        self.keeps = keeps
        self.begun = self.ended = False

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Say the head; names in lower case. It leaves in the loop's next turn if nothing is said before.

        Raise ValueError for a header that would end before its time.
        """
        lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        has_length = False
        for name, value in (*self._state.default_headers, *headers):
            lines.append(b"%b: %b\r\n" % (name, value))
            has_length = has_length or name == b"content-length"
        if status not in _BODILESS and not has_length:
            # Who speaks 1.0 knows no chunks: to him the body ends with the connection.
            self._chunked = self._version != "1.0"
            self.keeps = self.keeps and self._chunked
            if self._chunked:
                lines.append(_CHUNKED)
        if not self.keeps:
            lines.append(_CLOSE)
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise ValueError("a header of the answer holds a line break")
        self.begun = True
        self._head = head + b"\r\n"
        asyncio.get_running_loop().call_soon(self.flush)

    def write(self, data: bytes) -> bool:
        """Say a piece of the body. False: the client is slow, and `drained` waits for it before there is more."""
        if data and self._method != "HEAD":
            self._send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
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
        if data or self._head:
            self._send(data)
        self._over()

    async def drained(self) -> None:
        """Wait until the client has room for more."""
        if self._flow.slow:
            await self._flow.room()

    def flush(self) -> None:
        """Send the head, if nothing has come behind it yet."""
        if self._head:
            self._send(b"")

    def _send(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            if len(data) > _ONE_WRITE:
                self._flow.write(head)
            else:
                data = head + data
        self._flow.write(data)
