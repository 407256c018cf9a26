"""One request of a client, as far as the gateway needs to know about HTTP."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from dragoman.config.snapshot import Key, Snapshot

Message: TypeAlias = MutableMapping[str, Any]
# What is done at once, as it is unless the client is slow, must not need to run in a task.
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Straight: TypeAlias = Callable[[bytes], bool]


class ClientGoneError(Exception):
    """The client hung up before its request was whole."""


class ReadBody(Protocol):
    async def __call__(self, limit: int) -> bytes:
        """The body, decompressed. Raise Problem("too_large") above `limit` bytes, ClientGoneError."""


class Admit(Protocol):
    async def __call__(self, snapshot: Snapshot) -> Key:
        """Who is calling? Raise Problem("unauthorized" or "rate_limited")."""


class Call(Struct, frozen=True):
    """path: as routed, without prefixes that were forgiven. query: without "?". headers: names in lower case.

    straight: writes a piece of a streamed answer, if it can be done without waiting. None = it never can.
    over: to be called when the last of the answer is said; from then on the client's going away means nothing.
    """

    id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    admit: Admit
    read_body: ReadBody
    send: Send
    over: Callable[[], None]
    straight: Straight | None = None
