"""Connections that wait for their next request."""

import asyncio
from typing import Final

from dragoman.net.connection import Connection
from dragoman.net.target import Origin


class Pool:
    """Idle connections per origin. The one used last is used next, so that the surplus of a busy hour can age.

    max_idle: how many one origin may have; the longest idle one gives way. idle_seconds: how long one may wait.
    """

    def __init__(self, max_idle: int, idle_seconds: float) -> None:
        self._max_idle: Final = max_idle
        self._idle_seconds: Final = idle_seconds
        self._idle: dict[Origin, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def take(self, origin: Origin) -> Connection | None:
        """Return one that its peer has not closed, as far as we know."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
            connection.abort()
        return None

    def give(self, connection: Connection) -> None:
        """connection: at rest."""
        idle = self._idle.setdefault(connection.origin, [])
        connection.idle_since = asyncio.get_running_loop().time()
        idle.append(connection)
        if len(idle) > self._max_idle:
            idle.pop(0).abort()
        if self._timer is None:
            self._sweep_in(self._idle_seconds)

    def forget(self, connection: Connection) -> None:
        """Its socket is gone."""
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    def _sweep_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """Hang up what has waited too long; look again when the next one will have."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for origin, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since >= self._idle_seconds - 0.002:  # timers may be early
                idle.pop(0).abort()
            if not idle:
                del self._idle[origin]
        if self._idle:
            oldest = min(idle[0].idle_since for idle in self._idle.values())
            self._sweep_in(oldest + self._idle_seconds - now)
