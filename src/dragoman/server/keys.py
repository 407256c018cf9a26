"""Who is calling? Finds the caller's token and lets the snapshot decide; slows down who guesses."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from dragoman.config.snapshot import Key, Snapshot
from dragoman.hub.problems import Problem
from dragoman.server.limits import FailedLogins, Verdict

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "host.docker.internal", "host.containers.internal"})


def token_in(headers: Mapping[str, str]) -> str | None:
    """`x-api-key` wins, as at Anthropic; newer Anthropic SDKs and everybody else send a Bearer token."""
    if key := headers.get("x-api-key"):
        return key.strip()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


class Door:
    """Admits one call. address: finds the caller's; asked only where somebody has guessed keys."""

    def __init__(self, failed: FailedLogins, address: Callable[[], str], headers: Mapping[str, str]) -> None:
        self._failed: Final = failed
        self._address: Final = address
        self._headers: Final = headers

    async def __call__(self, snapshot: Snapshot) -> Key:
        """Raise Problem: "unauthorized", "rate_limited" after many failures, "forbidden" for a foreign web page."""
        if not snapshot.keys:
            self._refuse_web_pages(snapshot)
            return snapshot.admit(None)
        verdict = self._failed.verdict(self._address(), time.monotonic()) if len(self._failed) else Verdict()
        if verdict.refuse_for is not None:
            wait = math.ceil(verdict.refuse_for)
            raise Problem(
                "rate_limited", f"too many failed logins from this address; try again in {wait}s", retry_after=wait
            )
        if verdict.delay:
            await asyncio.sleep(verdict.delay)
        try:
            return snapshot.admit(token_in(self._headers))
        except Problem:
            self._failed.failed(self._address(), time.monotonic())
            raise

    def _refuse_web_pages(self, snapshot: Snapshot) -> None:
        """Without keys every page in the user's browser could spend his credit: by asking 127.0.0.1 directly, or under
        a name of its own that it lets point there (DNS rebinding).
        """
        if snapshot.config.allow_unauthenticated:
            return
        origin = self._headers.get("origin")
        if origin is not None and not _is_local(urlsplit(origin).hostname or ""):
            raise Problem("forbidden", "requests of web pages need a key: add `keys` to the proxy's config")
        said = self._headers.get("host", "")
        host = said.rpartition(":")[0] or said
        host = host if host in _LOCAL else urlsplit(f"//{said}").hostname or ""
        if host and not _is_local(host):
            raise Problem(
                "forbidden", f"the host name {host!r} is not this machine's: add `keys` to the proxy's config"
            )


def _is_local(host: str) -> bool:
    if host in _LOCAL or host.endswith(".localhost"):
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
