"""A client's HTTP connection: uvicorn's own, with shorter ways for what is said most often.

An answer's head leaves together with what comes behind it. uvicorn writes the head first and then the body, and uvloop
hands each write to the system at once: a second write costs the proxy a twentieth of a short request, and wakes the
client for a head with which it can do nothing yet.

A piece of a streamed answer is written straight, where nothing has to be waited for: through ASGI it takes a message, a
coroutine and a look at all that a message may be. The application finds the way in `scope["extensions"][STRAIGHT]`.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STRAIGHT: Final = "dragoman.straight"
_HEAD: Final = b"HTTP/1.1 "


class ClientConnection(HttpToolsProtocol):
    """For uvicorn's `http`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(Joining(cast("asyncio.Transport", transport), self.loop))

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.scope["extensions"] = {STRAIGHT: {"write": Straight(self).write}}


class Straight:
    """The straight way to the client of a connection's present request."""

    def __init__(self, connection: ClientConnection) -> None:
        self._cycle: Final = connection.cycle
        self._flow: Final = connection.flow
        self._transport: Final = connection.transport

    def write(self, data: bytes) -> bool:
        """Write a piece of the answer, not an empty one. False: it has to be sent as everything else."""
        cycle = self._cycle
        if not cycle.chunked_encoding or self._flow.write_paused or cycle.disconnected or cycle.response_complete:
            return False
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        return True


class Joining(asyncio.Transport):
    """A transport that holds a head back until something else is written, and no longer than to the loop's next turn."""

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport: Final = transport
        self._loop: Final = loop
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data[: len(_HEAD)] == _HEAD:
            self._head = bytes(data)
            self._loop.call_soon(self._let_go)
            return
        self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def _let_go(self) -> None:
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self._let_go()
        self._transport.close()

    def write_eof(self) -> None:
        self._let_go()
        self._transport.write_eof()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._let_go()
        self._transport.set_protocol(protocol)

    # As they are.

    def abort(self) -> None:
        self._transport.abort()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._transport.get_protocol()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._transport.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size() + len(self._head)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def is_reading(self) -> bool:
        return self._transport.is_reading()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)
