"""Writes one answer to one client, and knows whether the status line has left the house.

Until something was written, a problem is a status; afterwards it can only be said inside the stream.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

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


class Responder:
    """last_said: loop time of the last write, for whoever keeps the line alive.

    written: bytes of the body, as far as they have been handed on.
    """

    def __init__(self, outlet: Outlet, request_id: str) -> None:
        self._outlet: Final = outlet
        self._headers: list[tuple[bytes, bytes]] = [
            *SECURITY,
            (b"request-id", request_id.encode()),
            (b"x-request-id", request_id.encode()),
        ]
        self.started = False
        self.ended = False
        self.status = 0
        self.written = 0
        self._time: Final = asyncio.get_running_loop().time
        self.last_said = self._time()
        self.pulse: Callable[[], bytes] | None = None  # makes a filler; None = this answer needs none
        self.failure: Callable[[Problem], bytes] | None = None  # says a problem inside the stream

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """For the head of the answer; too late once it has left."""
        self._headers += [(name.encode("latin-1", "replace"), _printable(value)) for name, value in headers]

    async def stream(self, data: bytes) -> None:
        """Write whole events of a stream, its head first. Fillers may follow at any time."""
        self.open()
        if data and not self.say(data):
            await self.flushed()

    def open(self) -> None:
        """Write the head of a stream, if it is not written yet."""
        if not self.started:
            self._start(200, _STREAM)

    def say(self, data: bytes) -> bool:
        """Like `stream`, behind its head, and without waiting. False: the client is slow, and `flushed` waits for it."""
        self.last_said = self._time()
        self.written += len(data)
        return self._outlet.write(data)

    async def flushed(self) -> None:
        """Wait until the client has room for more than what was said."""
        await self._outlet.drained()

    def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Write the head of a relayed answer."""
        self.add_headers(headers)
        self._start(status, _WHOLE)

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
        self.written += len(body)
        headers = (
            (b"content-type", content_type.encode("latin-1", "replace")),
            (b"content-length", str(len(body)).encode()),
        )
        self._start(status, (*_WHOLE, *headers))
        self._outlet.end(body)

    async def keep_alive(self) -> None:
        """Say a filler."""
        if self.pulse is not None and not self.ended:
            await self.stream(self.pulse())

    def close(self) -> None:
        """Nothing more is said. Whoever could say it has this responder, so it parts from them: a cycle for each stream
        would be left to the garbage collector, which takes 0.1 s for some hundred of them.
        """
        self.pulse = self.failure = None

    def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status
        self.last_said = self._time()
        self._outlet.begin(status, [*self._headers, *headers])


def _printable(value: str) -> bytes:
    """Header values end at a line break, so none may hold one."""
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    return value.encode("latin-1", "replace")
