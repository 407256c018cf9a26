"""A client's HTTP request: its head, and its body as it comes, within limits."""

import asyncio
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from dragoman.hub.problems import Problem
from dragoman.server.flow import Flow
from dragoman.server.outlet import HTTPOutlet
from dragoman.wire import inflate

_MEBI: Final = 2**20
_UNASKED: Final = 2**16  # bytes of a body that may come before anybody wants to read it


class Body(Struct, eq=False):
    """Collects what comes and reads it, once. Of the request whose headers these are, on a connection with this flow."""

    _headers: Mapping[str, str]
    _flow: Flow
    _pieces: list[bytes] | None = []  # None = nobody wants it any more
    _size: int = 0
    _limit: int | None = None  # None = nobody reads yet
    _whole: bool = False
    _problem: Problem | None = None
    _waiter: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """A piece has come."""
        if self._pieces is None:
            return
        self._pieces.append(data)
        self._size += len(data)
        if self._limit is None:
            if self._size > _UNASKED:
                self._flow.hold()
        elif self._size > self._limit:
            self._wake()

    def complete(self, data: bytes) -> None:
        """All of it has come, with this piece."""
        if self._pieces is not None and data:
            self._pieces.append(data)
            self._size += len(data)
        self._whole = True
        if self._waiter is not None:
            self._wake()

    def fail(self, problem: Problem) -> None:
        """The rest of it will never come."""
        self._problem = problem
        self._wake()

    def drop(self) -> None:
        """It is answered: whatever still comes is of no use."""
        self._pieces = None

    async def read(self, limit: int) -> bytes:
        """The body, decompressed. Raise Problem: "too_large" above `limit` bytes, "bad_encoding", "bad_request"."""
        if not self._whole:
            await self._rest(limit)
        if self._size > limit:
            raise _too_large(limit)
        pieces, self._pieces = self._pieces or [], None
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        coding = self._headers.get("content-encoding")
        return body if coding is None else _inflated(body, coding, limit)

    async def _rest(self, limit: int) -> None:
        """Wait until it is whole or too large, or until it is clear that it will be."""
        length = self._headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        self._limit = limit
        if not self._size and self._headers.get("expect", "").lower() == "100-continue":
            self._flow.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._flow.go_on()
        while not self._whole and self._size <= limit:
            if self._problem is not None:
                raise self._problem
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class HTTPRequest(Struct, frozen=True):
    """path: with its percent signs decoded. query: without "?". headers: names in lower case, and of a repeated one the
    values joined, as HTTP allows. peer: the address it comes from; None = it has none.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    peer: str | None
    body: Body
    outlet: HTTPOutlet


def _inflated(body: bytes, coding: str, limit: int) -> bytes:
    try:
        return inflate.inflate(body, coding, limit)
    except inflate.TooLargeError:
        raise _too_large(limit) from None
    except inflate.UnknownCodingError as error:
        raise Problem("bad_encoding", f"content-encoding: {error}; use gzip, deflate, zstd or none") from None
    except inflate.GarbledError as error:
        raise Problem("bad_request", f"body: is not what its content-encoding {coding!r} says: {error}") from None


def _too_large(limit: int) -> Problem:
    """The config key is named: whoever meets this limit can lift it."""
    return Problem(
        "too_large", f"the request body is larger than {limit / _MEBI:g} MiB; raise `max_body_mb` in the proxy's config"
    )
