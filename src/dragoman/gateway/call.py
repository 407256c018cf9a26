"""One request of a client, as far as the gateway needs to know about HTTP."""

import os
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from dragoman.config.snapshot import Key, Snapshot

_DRAWN_AT_ONCE: Final = 256  # ids: each draw is a system call
_ids: Final[list[str]] = []
# What of a client's headers concerns the backend. Everything else stays here: keys, cookies, addresses.
_PASSED: Final = frozenset(
    {"accept", "user-agent", "idempotency-key", "http-referer", "x-title", "session-id", "thread-id", "originator"}
)
_PASSED_PREFIXES: Final = ("anthropic-", "openai-", "x-stainless-", "x-claude-code-", "x-session-", "x-codex-")


def new_id() -> str:
    """Of a request: in the log, in the ledger, and in the answer's headers."""
    try:
        return _ids.pop()
    except IndexError:
        drawn = os.urandom(12 * _DRAWN_AT_ONCE).hex()
        _ids.extend(f"req_{drawn[at : at + 24]}" for at in range(0, len(drawn), 24))
        return _ids.pop()


class ClientGoneError(Exception):
    """What was said to the client did not reach it: it has hung up. Over HTTP its exchange is cancelled instead."""


class ReadBody(Protocol):
    async def __call__(self, limit: int) -> bytes:
        """The body, decompressed. Raise Problem("too_large") above `limit` bytes."""


class Admit(Protocol):
    async def __call__(self, snapshot: Snapshot) -> Key:
        """Who is calling? Raise Problem("unauthorized" or "rate_limited")."""


class Outlet(Protocol):
    """Where an answer leaves for its client: its head, its body in pieces, its end. What is said is not waited for.

    Who has gone may be told as well: his exchange is about to be cancelled. Or ClientGoneError is raised.
    """

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:
        """Say the head, and the first piece of the body; without one it leaves with what comes, or soon by itself.

        Returns what `write` does.
        """

    def write(self, data: bytes) -> bool:
        """Say a piece of the body. False: the client is slow, and `drained` waits for it before there is more."""

    def end(self, data: bytes = b"") -> None:
        """Say the last piece. From then on the client's going away means nothing."""

    async def drained(self) -> None:
        """Wait until the client has room for more."""

    @property
    def hears(self) -> bool:
        """Whether somebody is there to whom it can still be said why there is no more."""


class Call(Struct, frozen=True):
    """path: as routed, without prefixes that were forgiven. query: without "?". headers: names in lower case."""

    id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    admit: Admit
    read_body: ReadBody
    outlet: Outlet


def passed_headers(call: Call, own: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The client's headers that concern the backend, and ours; where both say something, the client's counts.

    Credentials are ours alone: the client's never pass.
    """
    passed = {
        name: value for name, value in call.headers.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)
    }
    for name, value in own:
        passed.setdefault(name, value)
    return [*passed.items()]


def with_query(url: str, call: Call) -> str:
    return f"{url}?{call.query}" if call.query else url
