"""Writes one answer to one client, and knows whether the status line has left the house.

Until something was written, a problem is a status; afterwards it can only be said inside the stream.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct, field

from dragoman.gateway.call import Outlet
from dragoman.hub.problems import Problem
from dragoman.protocols.codec import Refused

# On every answer. Browsers are no clients of ours: nothing may frame, sniff or store what we say.
SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
_STREAM: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-store"),
    (b"x-accel-buffering", b"no"),
)
_OWN: Final = frozenset({"request-id", "x-request-id"})  # already among ours
_WHOLE: Final = ((b"cache-control", b"no-store"),)


class Responder(Struct, eq=False):
    """last_said: time of the last write, monotonic, for whoever keeps the line alive.

    written: bytes of the body, as far as they have been handed on. closed: the exchange is over.
    pulse: makes a filler; None = this answer needs none. failure: says a problem inside the stream.
    """

    _outlet: Outlet
    _request_id: str
    started: bool = False
    ended: bool = False
    closed: bool = False
    status: int = 0
    written: int = 0
    last_said: float = field(default_factory=time.monotonic)
    pulse: Callable[[], bytes] | None = None
    failure: Callable[[Problem], bytes] | None = None
    _headers: list[tuple[bytes, bytes]] = []

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """For the head of the answer; too late once it has left."""
        for name, value in headers:
            said = value if value.isprintable() else _printable(value)
            self._headers.append((name.encode("latin-1", "replace"), said.encode("latin-1", "replace")))

    async def stream(self, data: bytes) -> None:
        """Write whole events of a stream, its head first. Fillers may follow at any time."""
        if not (self.say(data) if data else self.open()):
            await self.flushed()

    def open(self, first: bytes = b"", status: int = 200, headers: Iterable[tuple[bytes, bytes]] = _STREAM) -> bool:
        """Write the head of a stream, or what else is said of the answer, if none is written yet.

        first: what follows it at once, if it is written now. Returns what `say` does.
        """
        if self.started:
            return True
        self.started, self.status, self.last_said = True, status, time.monotonic()
        self.written += len(first)
        said = self._request_id.encode()
        ids = (b"request-id", said), (b"x-request-id", said)
        return self._outlet.begin(status, (*SECURITY, *ids, *self._headers, *headers), first)

    def say(self, data: bytes) -> bool:
        """Like `stream`, without waiting. False: the client is slow, and `flushed` waits for it."""
        if not self.started:
            return self.open(data)
        self.last_said = time.monotonic()
        self.written += len(data)
        return self._outlet.write(data)

    async def flushed(self) -> None:
        """Wait until the client has room for more than what was said."""
        await self._outlet.drained()

    def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Write the head of a relayed answer."""
        self.add_headers(headers)
        self.open(b"", status, _WHOLE)

    async def piece(self, data: bytes) -> None:
        """Write a piece of a relayed answer."""
        if data and not self.say(data):
            await self.flushed()

    def end(self, data: bytes = b"") -> None:
        """End what has begun. data: its last words, which leave together with the end."""
        self.pulse = None
        if self.started and not self.ended:
            self.ended = True
            self.written += len(data)
            self._outlet.end(data)

    def fail(self, problem: Problem, refused: Refused) -> None:
        """Say that it went wrong: as a status if that is still possible, else inside the stream, which then ends.

        What is no event stream has no place for it.
        """
        if not self.started:
            self.add_headers(header for header in refused.headers if header[0] not in _OWN)
            self.whole(refused.status, refused.body)
            return
        if self.failure is None:
            return  # and without an end, so that the server hangs up: half an answer must not look whole
        if not self.ended:
            self.end(self.failure(problem))

    def whole(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """Write a whole answer."""
        self.pulse = None
        self.ended = True
        headers = (
            (b"content-type", content_type.encode("latin-1", "replace")),
            (b"content-length", str(len(body)).encode()),
        )
        rest = body if self.started else b""
        self.open(body, status, (*_WHOLE, *headers))
        self._outlet.end(rest)

    async def keep_alive(self) -> None:
        """Say a filler."""
        if self.pulse is not None and not self.ended:
            await self.stream(self.pulse())

    def close(self) -> None:
        """Nothing more is said. Whoever could say it has this responder, so it parts from them: a cycle for each stream
        would be left to the garbage collector, which takes 0.1 s for some hundred of them.
        """
        self.closed = True
        self.pulse = self.failure = None


def _printable(value: str) -> str:
    """Header values end at a line break, so none may hold one."""
    return "".join(c if c.isprintable() else " " for c in value)
