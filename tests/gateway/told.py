"""An outlet that keeps what it is told."""

import asyncio
from collections.abc import Iterable

from dragoman.gateway.call import Outlet


class Told(Outlet):
    """reads: whether the client does; set it anew to let it go on. status 0: nothing was said."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.ends = 0
        self.reads = asyncio.Event()
        self.reads.set()

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:
        assert not self.status, "begun twice"
        self.status, self.headers = status, list(headers)
        return not first or self.write(first)

    def write(self, data: bytes) -> bool:
        assert data
        assert self.status, "a body without a head"
        assert not self.ends, "a word behind the end"
        self.pieces.append(data)
        return self.reads.is_set()

    def end(self, data: bytes = b"") -> None:
        assert not self.ends, "ended twice"
        if data:
            self.write(data)
        self.ends += 1

    async def drained(self) -> None:
        await self.reads.wait()

    @property
    def hears(self) -> bool:
        return True

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)
