"""Where an answer comes from, as events: a backend, streaming or whole, or the built-in demo model."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from dragoman.gateway.gateway import MAX_ANSWER, Gateway
from dragoman.hub.events import Event
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Backend, Route
from dragoman.net.client import Reply
from dragoman.protocols import BACKENDS
from dragoman.protocols.codec import BackendSide, Stamp, StreamReader

_MAX_ERROR: Final = 2**20  # bytes
_SETTLE: Final = 1.0  # seconds


class Source(Protocol):
    async def read(self) -> list[Event]:
        """What came since the last call, maybe nothing of meaning. `Ended` or `Failed` is the last there is."""

    async def settle(self) -> None:
        """The answer has ended: see the connection through to its end, so that it can be used again."""

    def close(self) -> None:
        """Part from the backend: its generation stops if it has not ended."""


async def open_source(
    request: Request, route: Route, backend: Backend, gateway: Gateway, losses: Losses, stamp: Stamp
) -> Source:
    """Ask the backend. Raise the Problem it answers with, if it does not answer with success."""
    side = BACKENDS[backend.dialect]
    body = side.write_request(request, route, backend, losses)
    reply = await gateway.net.send("POST", side.url(backend), request_headers(side, backend), body, route.timeouts)
    try:
        if reply.status != 200:
            raise await problem_of(side, reply)  # noqa: TRY301 - the reply is closed on every way out
        if request.stream:
            return _Streamed(side.stream_reader(request, backend.profile, stamp), reply)
        body = await reply.read_all(MAX_ANSWER)
    except BaseException:
        reply.close()
        raise
    reply.close()
    return _Whole(side.read_answer(body, request, backend.profile, stamp))


def request_headers(side: BackendSide, backend: Backend) -> list[tuple[str, str]]:
    return [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        *side.headers(backend),
    ]


async def problem_of(side: BackendSide, reply: Reply) -> Problem:
    """Read a backend's error answer. A redirect is one too: keys are not carried to another place."""
    if 300 <= reply.status < 400:
        private = f"{reply.status} to {reply.headers.get('location')}"
        return Problem(
            "backend_failed",
            "the backend redirects to another address; put that address into the model's `url`",
            private=private,
        )
    try:
        body = await reply.read_all(_MAX_ERROR)
    except Problem as problem:
        body = problem.public.encode()
    headers: Mapping[str, str] = dict(reply.headers.items())
    return side.read_problem(reply.status, headers, body)


class _Streamed:
    def __init__(self, reader: StreamReader, reply: Reply) -> None:
        self._reader: Final = reader
        self._reply: Final = reply

    async def read(self) -> list[Event]:
        data = await self._reply.read()
        return self._reader.feed(data) if data else self._reader.finish()

    async def settle(self) -> None:
        await settle(self._reply)

    def close(self) -> None:
        self._reply.close()


class _Whole:
    def __init__(self, events: list[Event]) -> None:
        self._events: Final = events

    async def read(self) -> list[Event]:
        return self._events

    async def settle(self) -> None:
        """Nothing is left open."""

    def close(self) -> None:
        """Nothing is left open."""


async def settle(reply: Reply) -> None:
    """Wait a moment for the end of a body whose meaning has ended. The client has its answer already."""
    try:
        async with asyncio.timeout(_SETTLE):
            while await reply.read():
                pass
    except (TimeoutError, Problem):
        reply.close()
