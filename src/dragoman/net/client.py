"""The HTTP/1.1 client towards backends, and whatever else we ask on the web.

Redirects are not followed, cookies not kept, bodies not interpreted: who asks gets what was said. Answers are asked
for uncompressed, unless the caller says otherwise: most are streams on a short way.
"""

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.connection import Connection
from dragoman.net.dial import dial
from dragoman.net.guard import Guard
from dragoman.net.head import write_head
from dragoman.net.pool import Pool
from dragoman.net.proxies import Proxies, Proxy
from dragoman.net.reply import Reply
from dragoman.net.target import Origin, Target, read_target

__all__ = ["Asked", "Client", "Reply"]


class Client:
    """One per process and event loop. The environment's proxies are read when it is made.

    max_idle_per_host: connections kept open per origin without a request. idle_seconds: how long one is kept.
    tls: what to trust instead of the system's authorities.
    """

    def __init__(
        self, *, max_idle_per_host: int = 64, idle_seconds: float = 60, tls: ssl.SSLContext | None = None
    ) -> None:
        self._pool: Final = Pool(max_idle_per_host, idle_seconds)
        self._proxies: Final = Proxies()
        self._tls = tls
        self._open: Final[set[Connection]] = set()
        self._closed = False

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, timeouts: Timeouts
    ) -> Reply:
        """Send one request and wait for the head of its reply. Cancelled, hang up at once.

        headers: without `host`, `content-length` and what belongs to a connection; those are ours and left out.
        Raise Problem: "unreachable", "timeout", "truncated" or "backend_failed"; "internal" for an unsayable header.
        """
        return await self.ask(method, url, headers, body, timeouts).reply()

    def ask(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, timeouts: Timeouts
    ) -> "Asked":
        """Like `send`, but wait for nothing: there may be things to do meanwhile.

        Where no connection is at rest, it is sent by who waits for the reply.
        """
        target = read_target(url)
        proxy = self._proxies.find(target.origin)
        plain = proxy if target.origin.scheme == "http" else None
        head = write_head(method, target, headers, len(body), plain)
        reused = self._pool.take(target.origin)
        if reused is not None:
            reused.ask(method, head, body, timeouts)
        anew = functools.partial(self._dial_and_ask, target.origin, proxy, method, head, body, timeouts)
        return Asked(reused, self._pool, anew)

    async def send_guarded(
        self, method: str, target: Target, headers: Sequence[tuple[str, str]], timeouts: Timeouts, guard: Guard
    ) -> Reply:
        """Like `send`, without a body and to a URL from outside: on a connection of its own, which nobody uses again.

        One that is kept was made to a place that a guard, or none, approved of for another reason.
        """
        head = write_head(method, target, headers, 0, None)
        connection = await self._dial(target.origin, self._proxies.find(target.origin), method, timeouts, guard)
        connection.send(head, b"")
        return Reply(connection, await connection.head(), None)

    async def close(self) -> None:
        """Hang up everything, at rest or not, and wait until the sockets are gone. Nothing can be sent afterwards."""
        self._closed = True
        self._pool.close()
        lost = [connection.lost for connection in self._open]
        for connection in list(self._open):
            connection.abort(_closed())
        if lost:
            await asyncio.wait(lost)

    async def _dial_and_ask(
        self, origin: Origin, proxy: Proxy | None, method: str, head: bytes, body: bytes, timeouts: Timeouts
    ) -> Connection:
        connection = await self._dial(origin, proxy, method, timeouts)
        connection.send(head, body)
        return connection

    async def _dial(
        self, origin: Origin, proxy: Proxy | None, method: str, timeouts: Timeouts, guard: Guard | None = None
    ) -> Connection:
        if self._closed:
            raise _closed()
        connection = Connection(origin, self._forget)
        tls = self._trust() if origin.scheme == "https" else None
        await dial(connection, proxy, tls, timeouts, expecting=method, guard=guard)
        self._adopt(connection)
        return connection

    def _adopt(self, connection: Connection) -> None:
        if self._closed:
            connection.abort(_closed())
        elif not connection.lost.done():
            self._open.add(connection)

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._pool.forget(connection)

    def _trust(self) -> ssl.SSLContext:
        """Made when first needed: reading the system's authorities takes 10 to 30 ms."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


class Asked(Struct, eq=False):
    """A request that is on its way. Whoever has one waits for its reply, or closes it.

    connection: which was at rest; None = none was. anew: asks the same on a new one.
    """

    _connection: Connection | None
    _pool: Pool
    _anew: Callable[[], Awaitable[Connection]]

    async def reply(self) -> Reply:
        """Wait for the head of the reply, and raise what `Client.send` raises. Cancelled, hang up at once."""
        if (reused := self._connection) is not None:
            try:
                reader = await reused.head()
            except Problem as problem:
                # It may have been closed while our request was on its way. Once it has said something, or is merely
                # slow, the request may have been acted upon.
                if reused.heard or problem.kind != "truncated":
                    raise
            else:
                if not reused.parted(reader):
                    return Reply(reused, reader, self._pool)
                reused.abort()
        connection = await self._anew()
        return Reply(connection, await connection.head(), self._pool)

    def close(self) -> None:
        """Nobody waits for the reply any more: hang up."""
        if self._connection is not None:
            self._connection.abort()


def _closed() -> Problem:
    return Problem("unreachable", "the proxy is shutting down")
