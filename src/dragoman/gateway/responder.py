"""Writes one answer to one client, and knows whether the status line has left the house.

Until something was written, a problem is a status; afterwards it can only be said inside the stream.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

from dragoman.gateway.call import Send, Straight
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
    """straight: as in a Call. last_said: loop time of the last write, for whoever keeps the line alive. over: is told of the last write.

    written: bytes of the body, as far as they have been handed on.
    """

    def __init__(self, send: Send, request_id: str, over: Callable[[], None], straight: Straight | None = None) -> None:
        self._send: Final = send
        self._straight: Final = straight
        self._over: Final = over
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
        self._unsent: _Unsent | None = None
        self.pulse: Callable[[], bytes] | None = None  # makes a filler; None = this answer needs none
        self.failure: Callable[[Problem], bytes] | None = None  # says a problem inside the stream

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """For the head of the answer; too late once it has left."""
        self._headers += [(name.encode("latin-1", "replace"), _printable(value)) for name, value in headers]

    async def stream(self, data: bytes) -> None:
        """Write whole events of a stream, its head first. Fillers may follow at any time."""
        if not self.started:
            await self._start(200, _STREAM)
        self.last_said = self._time()
        if data:
            self.written += len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    def say(self, data: bytes) -> bool:
        """Like `stream`, behind its head, and without waiting. False: the client is slow, and `flushed` waits for it."""
        self.last_said = self._time()
        self.written += len(data)
        if self._straight is not None and self._straight(data):
            return True
        sending = self._send({"type": "http.response.body", "body": data, "more_body": True}).__await__()
        try:
            waits_for = next(sending)
        except StopIteration:
            return True
        self._unsent = _Unsent(waits_for, sending)
        return False

    async def flushed(self) -> None:
        """Wait until the client has room for more than what was said."""
        unsent, self._unsent = self._unsent, None
        if unsent is not None:
            await unsent

    async def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Write the head of a relayed answer."""
        self.add_headers(headers)
        await self._start(status, _WHOLE)

    async def piece(self, data: bytes) -> None:
        """Write a piece of a relayed answer."""
        self.written += len(data)
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        self.pulse = None
        if self.started and not self.ended:
            self.ended = True
            self._over()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def fail(self, problem: Problem, refused: Refused) -> None:
        """Say that it went wrong: as a status if that is still possible, else inside the stream, which then ends.

        What is no event stream has no place for it.
        """
        if not self.started:
            self.add_headers(header for header in refused.headers if header[0] not in _OWN)
            await self.whole(refused.status, refused.body)
            return
        if self.failure is None:
            return  # and without an end, so that the server hangs up: half an answer must not look whole
        if not self.ended:
            await self.stream(self.failure(problem))
        await self.end()

    async def whole(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """Write a whole answer."""
        self.pulse = None
        self.ended = True
        self.written += len(body)
        headers = (
            (b"content-type", content_type.encode("latin-1", "replace")),
            (b"content-length", str(len(body)).encode()),
        )
        await self._start(status, (*_WHOLE, *headers))
        self._over()
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def keep_alive(self) -> None:
        """Say a filler."""
        if self.pulse is not None and not self.ended:
            await self.stream(self.pulse())

    def close(self) -> None:
        """Nothing more is said. Whoever could say it has this responder, so it parts from them: a cycle for each stream
        would be left to the garbage collector, which takes 0.1 s for some hundred of them.
        """
        self.pulse = self.failure = None

    async def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status
        await self._send({"type": "http.response.start", "status": status, "headers": [*self._headers, *headers]})


class _Unsent:
    """A send that has begun outside of any task, and waits for something."""

    def __init__(self, waits_for: Any, rest: Generator[Any, None, None]) -> None:
        self._waits_for: Final = waits_for
        self._rest: Final = rest

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield self._waits_for
        except BaseException:
            self._rest.close()
            raise
        yield from self._rest


def _printable(value: str) -> bytes:
    """Header values end at a line break, so none may hold one."""
    return "".join(c if c.isprintable() else " " for c in value).encode("latin-1", "replace")
