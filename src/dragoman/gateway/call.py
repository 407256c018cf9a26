"""One request of a client, as far as the gateway needs to know about HTTP."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from dragoman.config.snapshot import Key, Snapshot

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ReadBody(Protocol):
    async def __call__(self, limit: int) -> bytes:
        """The body, decompressed. Raise Problem("too_large") above `limit` bytes."""


class Admit(Protocol):
    async def __call__(self, snapshot: Snapshot) -> Key:
        """Who is calling? Raise Problem("unauthorized" or "rate_limited")."""


class Call(Struct, frozen=True):
    """path: as routed, without prefixes that were forgiven. query: without "?". headers: names in lower case."""

    id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    admit: Admit
    read_body: ReadBody
    send: Send
