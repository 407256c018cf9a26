"""Who is calling? Finds the caller's token and lets the snapshot decide; slows down who guesses."""

import asyncio
import functools
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config.snapshot import ANONYMOUS, Key, Snapshot
from dragoman.hub.problems import Problem
from dragoman.server.limits import FailedLogins

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal"})


def token_in(headers: Mapping[str, str]) -> str | None:
    """`x-api-key` wins, as at Anthropic; newer Anthropic SDKs and everybody else send a Bearer token."""
    if key := headers.get("x-api-key"):
        return key.strip()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Door(Struct, frozen=True, eq=False):
    """Admits one call. address: finds the caller's, by peer and headers; asked only where somebody has guessed keys.

    clock: seconds, monotonic.
    """

    _failed: FailedLogins
    _address: Callable[[str | None, Mapping[str, str]], str]
    _peer: str | None
    _headers: Mapping[str, str]
    _clock: Callable[[], float] = time.monotonic
    _sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def __call__(self, snapshot: Snapshot) -> Key:
        """Raise Problem: "unauthorized", "rate_limited" after many failures, "forbidden" for a foreign web page."""
        if not snapshot.config.keys:
            if not snapshot.config.allow_unauthenticated:
                _refuse_web_pages(self._headers.get("host", ""), self._headers.get("origin"))
            return ANONYMOUS
        if self._failed.strikes:
            await self.slow_down()
        token = token_in(self._headers)
        try:
            return snapshot.admit(token)
        except Problem:
            if token:  # who says none is not guessing
                self.guessed()
            raise

    def guessed(self) -> None:
        """What this address said was wrong."""
        self._failed.failed(self.address, self._clock())

    @property
    def address(self) -> str:
        """The caller's, as far as proxies in front of us are trusted."""
        return self._address(self._peer, self._headers)

    async def slow_down(self) -> None:
        """Wait if this address has guessed, and look again afterwards: others may have gone on guessing meanwhile.

        Raise Problem("rate_limited") after many failures.
        """
        if not self._failed.strikes:
            return
        address = self._address(self._peer, self._headers)
        waited = 0.0
        while True:
            verdict = self._failed.verdict(address, self._clock())
            if verdict.refuse_for is not None:
                wait = math.ceil(verdict.refuse_for)
                raise Problem(
                    "rate_limited", f"too many failed logins from this address; try again in {wait}s", retry_after=wait
                )
            if verdict.delay <= waited:
                return
            await self._sleep(verdict.delay - waited)
            waited = verdict.delay


@functools.lru_cache(maxsize=64)  # of what passes: the same few clients come again and again
def _refuse_web_pages(host: str, origin: str | None) -> None:
    """Without keys every page in the user's browser could spend his credit: by asking 127.0.0.1 directly, or under
    a name of its own that it lets point there (DNS rebinding).

    host: as every browser says it; "" = not said.
    """
    is_ours = not host or host in _LOCAL or host.rpartition(":")[0] in _LOCAL or _is_address_or_local(_host(host))
    if not is_ours:
        raise Problem(
            "forbidden", f"the host name {host[:100]!r} is not this machine's: add `keys` to the proxy's config"
        )
    if origin is not None and not _is_of_here(origin, host):
        raise Problem("forbidden", "requests of web pages need a key: add `keys` to the proxy's config")


def _is_of_here(origin: str, host: str) -> bool:
    """Whether a page comes from this machine, or from where it was sent to: an address, as `host` was looked at first.

    Any other page may come from an address as well, so that being one says nothing.
    """
    scheme, _, place = origin.partition("://")
    if scheme not in ("http", "https"):
        return False
    if place == host:
        return True
    name = _host(place)
    return name in _LOCAL or name.endswith(".localhost") or name == "::1"


def _host(authority: str) -> str:
    """The host of "host:port"; "?" of what is neither."""
    try:
        return urlsplit(f"//{authority}").hostname or "?"
    except ValueError:
        return "?"


def _is_address_or_local(host: str) -> bool:
    """No page can let an address point elsewhere, as it can a name."""
    if host in _LOCAL or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
