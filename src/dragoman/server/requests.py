"""A client's HTTP request: its body within limits, and the moment it goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from dragoman.gateway.call import ClientGoneError, Message
from dragoman.hub.problems import Problem
from dragoman.wire import inflate

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
_MEBI: Final = 2**20
_MOMENT: Final = 0.02  # seconds


def headers_of(scope: Scope) -> dict[str, str]:
    """Names in lower case; of a repeated name the values are joined, as HTTP allows."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


class Body:
    """Reads and decompresses the body, once."""

    def __init__(self, receive: Receive, headers: Mapping[str, str]) -> None:
        self._receive: Final = receive
        self._headers: Final = headers

    async def __call__(self, limit: int) -> bytes:
        """Raise Problem: "too_large" above `limit` bytes, "bad_encoding", "bad_request"; ClientGoneError."""
        length = self._headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        pieces: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
            more = message.get("more_body", False)
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        coding = self._headers.get("content-encoding")
        return body if coding is None else _inflated(body, coding, limit)


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


class Watch:
    """While this lasts, the client's going away cancels the task that answers it: the backend stops at once.

    Start it when the body has been read; afterwards `receive` has nothing to say but that. It begins a moment later:
    most whole answers are there by then, and a task for each of them would cost a tenth of the exchange.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive: Final = receive
        self._answering: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watching: asyncio.Task[None] | None = None
        self.gone = False

    def start(self) -> None:
        self._answering = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_MOMENT, self._begin)

    async def __aenter__(self) -> Self:
        return self

    def stop(self) -> None:
        """The answer is complete. The server says so in the same words as that the client has gone.

        What was cancelled leads back to us, through its callback or its error's frames: so we let go of it.
        """
        if self._timer is not None:
            self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        self._timer = self._watching = None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        answering, self._answering = self._answering, None
        if not self.gone or answering is None:
            return False
        answering.uncancel()
        return kind is not None and issubclass(kind, asyncio.CancelledError)

    def _begin(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._answering is not None:
            self._answering.cancel()
