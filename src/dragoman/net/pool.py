"""Connections that wait for their next request."""

import asyncio
import functools
import socket
import time
from typing import Final

from dragoman.net.connection import Connection
from dragoman.net.target import Origin

# Seconds within which a body ends to which nobody listens any more; else it is not worth waiting for.
SOON: Final = 1.0
# Seconds by which an event loop may fire a timer early.
_EARLY: Final = 0.002
# Seconds, also while the machine sleeps: the loop's clock stands still then, on Linux and macOS. Behind a lid that was
# closed a connection dies without a word.
awake_or_not: Final = functools.partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


# What nobody acknowledges on a connection that was at rest may have gone into the void: another network is used, or the
# other end is off. TCP would say it again for a quarter of an hour; this long, and it is asked anew. Not on the first
# request, which a server that does one thing at a time may leave in its buffers for longer; and not shorter, or a single
# probe that is lost (dial.py) would end an answer that is thought about. None = not of this system.
_UNANSWERED: Final[int | None] = getattr(socket, "TCP_USER_TIMEOUT", None)
_MILLISECONDS_UNANSWERED: Final = 90_000


class Pool:
    """Idle connections per origin. The one used last is used next, so that the surplus of a busy hour can age.

    max_idle: how many one origin may have; the longest idle one gives way. idle_seconds: how long one may wait.
    """

    def __init__(self, max_idle: int, idle_seconds: float) -> None:
        self._max_idle: Final = max_idle
        self._idle_seconds: Final = idle_seconds
        self._idle: dict[Origin, list[Connection]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ending: Final[dict[Connection, float]] = {}  # until when they may take, in order
        self._ending_timer: asyncio.TimerHandle | None = None  # one for all of them

    def take(self, origin: Origin) -> Connection | None:
        """Return one that its peer has not closed, as far as we know."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_open and awake_or_not() - connection.idle_since < self._idle_seconds:
                return connection
            connection.abort()
        return None

    def give(self, connection: Connection) -> None:
        """connection: at rest."""
        idle = self._idle.setdefault(connection.origin, [])
        if not connection.idle_since and connection.sock is not None and _UNANSWERED is not None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, _UNANSWERED, _MILLISECONDS_UNANSWERED)
        connection.idle_since = awake_or_not()
        idle.append(connection)
        if len(idle) > self._max_idle:
            idle.pop(0).abort()
        if self._timer is None:
            self._sweep_in(self._idle_seconds)

    def expect(self, connection: Connection) -> None:
        """connection: at rest as soon as its reply has ended, to which nobody listens."""
        loop = asyncio.get_running_loop()
        self._ending[connection] = loop.time() + SOON
        if self._ending_timer is None:
            self._ending_timer = loop.call_later(SOON, self._part)
        connection.unheard(self._has_ended)

    def forget(self, connection: Connection) -> None:
        """Its socket is gone."""
        self._ending.pop(connection, None)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ending_timer is not None:
            self._ending_timer.cancel()
            self._ending_timer = None
        for connection in list(self._ending):
            connection.abort()
        for idle in self._idle.values():
            for connection in idle:
                connection.abort()
        self._idle.clear()

    def _has_ended(self, connection: Connection) -> None:
        self._ending.pop(connection, None)
        self.give(connection)

    def _part(self) -> None:
        """Hang up what takes too long to end; look again when the next one will have."""
        self._ending_timer = None
        now = asyncio.get_running_loop().time()
        for connection, until in list(self._ending.items()):
            if until > now + _EARLY:
                self._ending_timer = asyncio.get_running_loop().call_at(until, self._part)
                return
            del self._ending[connection]
            connection.abort()

    def _sweep_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        """Hang up what has waited too long; look again when the next one will have."""
        self._timer = None
        now = awake_or_not()
        for origin, idle in list(self._idle.items()):
            while idle and now - idle[0].idle_since >= self._idle_seconds - _EARLY:
                idle.pop(0).abort()
            if not idle:
                del self._idle[origin]
        if self._idle:
            oldest = min(idle[0].idle_since for idle in self._idle.values())
            self._sweep_in(oldest + self._idle_seconds - now)
