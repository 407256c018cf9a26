"""One reply as its reader sees it."""

import zlib
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.net.connection import Connection, Into
from dragoman.net.headers import Headers
from dragoman.net.inflate import Inflater, inflater_of
from dragoman.net.pool import Pool
from dragoman.net.reply_reader import ReplyReader


class Reply:
    """The head has come; the body is read as it comes. Whoever has one calls close(), in a `finally`.

    pool: where the connection may wait for its next request; None = it serves no other.
    headers: as sent, but for content-encoding and content-length of a body that is decoded here (gzip, deflate).
    """

    __slots__ = ("_connection", "_inflater", "_pool", "_read_to_end", "_reader", "headers", "status")

    def __init__(self, connection: Connection, reader: ReplyReader, pool: Pool | None) -> None:
        self._connection: Connection | None = connection
        self._reader: Final = reader
        self._pool: Final = pool
        self._read_to_end = False
        self.status: Final = reader.status
        self.headers: Headers = reader.headers
        coding = reader.headers.get("content-encoding")
        self._inflater = None if coding is None else inflater_of(coding)
        if self._inflater is not None:
            self.headers = reader.headers.without("content-encoding", "content-length")

    async def read(self) -> bytes:
        """Return everything that has come since the last call; wait if that is nothing; b"" at the end of the body.

        Raise Problem: "truncated", "timeout" or "backend_failed". Cancelled, hang up at once.
        """
        connection = self._connection
        if connection is None:
            return self._nothing()
        if self._inflater is not None:
            return await self._read_inflated(connection, self._inflater)
        data = await connection.read(self._reader)
        if not data:
            self._end()
        return data

    def waiting(self) -> bytes:
        """What has come since the last call, if that can be told without waiting; else b"", and `read` knows more."""
        if self._connection is None or self._inflater is not None:
            return b""
        return self._connection.take(self._reader)

    async def pour(self, into: Into) -> None:
        """Hand on what comes in the moment in which it has come, until `into` says False; then `read` goes on.

        There may be nothing that can be handed on this way: whatever is not is read.
        """
        if self._connection is not None and self._inflater is None:
            await self._connection.pour(self._reader, into)

    async def read_all(self, limit: int) -> bytes:
        """Return the rest of the body, of at most `limit` bytes; Problem("backend_failed") if it is larger."""
        pieces: list[bytes] = []
        size = 0
        while data := await self.read():
            pieces.append(data)
            size += len(data)
            if size > limit:
                self.close()
                raise Problem("backend_failed", f"the backend's answer is larger than {limit} bytes")
        return b"".join(pieces)

    def settle(self) -> None:
        """Whatever still comes means nothing. Part from the connection: into the pool as soon as the body has ended, if
        that is in a moment.
        """
        connection, self._connection = self._connection, None
        if connection is not None and self._pool is not None:
            self._pool.expect(connection)
        elif connection is not None:
            connection.abort()

    def close(self) -> None:
        """Part from the connection: into the pool if the body was read to its end, else hang up at once."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._pool is not None and connection.rest():
            self._pool.give(connection)
        else:
            connection.abort()

    def _end(self) -> None:
        self._read_to_end = True
        self.close()

    def _nothing(self) -> bytes:
        if not self._read_to_end:
            raise Problem("truncated", "the backend's answer was given up before its end")
        return b""

    async def _read_inflated(self, connection: Connection, inflater: Inflater) -> bytes:
        while True:
            data = b"" if inflater.more else await connection.read(self._reader)
            if not data and not inflater.more:
                return self._end_inflated(inflater)
            try:
                inflated = inflater.feed(data)
            except zlib.error as error:
                self.close()
                raise Problem(
                    "backend_failed", "the backend's answer is not in the coding it announces", private=str(error)
                ) from None
            if inflated:
                return inflated

    def _end_inflated(self, inflater: Inflater) -> bytes:
        if not inflater.finished:
            self.close()
            raise Problem("truncated", "the backend's compressed answer broke off before its end")
        self._end()
        return b""
