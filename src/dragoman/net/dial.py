"""Opening a connection: a name to addresses, addresses to a socket, a tunnel through a proxy, TLS.

The event loops' own `create_connection(host, ...)` is not used: uvloop's knows no Happy Eyeballs (RFC 8305), and on a
machine whose IPv6 leads nowhere every connection would wait for a timeout first.
"""

import asyncio
import errno
import socket
import ssl
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import chain, zip_longest
from typing import Any, Final, NamedTuple, TypeAlias

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.connection import Connection
from dragoman.net.guard import Guard
from dragoman.net.proxies import Proxy
from dragoman.net.reply_reader import ReplyReader, RubbishError
from dragoman.net.target import Origin, ip_of

# Seconds after which the next address is tried beside the one that does not answer.
STAGGER: Final = 0.25
# After so many seconds of silence the kernel asks whether the peer still lives, so often in so many seconds, and hangs up
# when all of that was in vain: a model may think for minutes, and routers on the way forget connections that say nothing.
# A machine that is gone without a word is known as such after 105 seconds; with what systems usually do, after 12 minutes.
_ALIVE: Final = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
_KEPT_ALIVE: Final = tuple((getattr(socket, name), value) for name, value in _ALIVE if hasattr(socket, name))
# For names from outside. Their servers may let us wait on purpose, and then backends' names must not wait behind them.
_LOOKUPS: Final = ThreadPoolExecutor(4, "lookup")

Address: TypeAlias = tuple[int, Any]  # family, and where in the form that family uses


class _Tunnel(NamedTuple):
    """far: "host:port" to which the proxy is to connect."""

    proxy: Proxy
    far: str


async def dial(
    connection: Connection,
    proxy: Proxy | None,
    tls: ssl.SSLContext | None,
    timeouts: Timeouts,
    *,
    expecting: str,
    guard: Guard | None = None,
) -> None:
    """Connect to the connection's origin, or raise Problem and leave no socket behind.

    proxy: where to connect instead; with `tls` or a guard it is asked for a tunnel, else it is sent whole requests.
    guard: is asked whether the origin's addresses will do. A proxy is told one of them then: a name it would look up
    again, maybe with another outcome.
    expecting: the method of the first request. Its reply may come as soon as the server accepts, but never before TLS
    is asked for: what someone on the way says in plain text must not be taken for the backend's answer.
    """
    origin, seconds = connection.origin, timeouts.connect
    peer = "the backend" if guard is None else origin.host
    whom = peer
    try:
        async with asyncio.timeout(seconds):
            if proxy is None:
                sock, tunnel = await open_socket(await _looked_up(origin, guard)), None
            else:
                far = await _far_end(origin, guard)
                whom = "the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names"
                sock = await open_socket(await resolve(proxy.host, proxy.port))
                tunnel = _Tunnel(proxy, far) if tls or guard else None
            if tls is None:
                connection.expect(expecting, timeouts)
            await _attach(connection, sock, tunnel)
            if tls is not None:
                whom = peer
                connection.expect(expecting, timeouts)
                await _secure(connection, tls, seconds)
    except TimeoutError:
        said = f"no connection to {whom} within {seconds:g} s (`connect_timeout` sets the limit)"
        raise Problem("timeout", said, private=origin.address) from None
    except (OSError, ValueError) as error:
        private = f"{origin.address}: {type(error).__name__}: {error}"
        raise Problem("unreachable", f"{whom} {_happened(error)}", private=private) from None


async def resolve(host: str, port: int, threads: Executor | None = None) -> list[Address]:
    """Return the addresses of a host in the order to try them: families take turns (RFC 8305, 4).

    threads: where to look up a name, if not where the event loop does.
    """
    ip = ip_of(host)
    if ip is not None and "%" not in host:
        return [(socket.AF_INET if ip.version == 4 else socket.AF_INET6, (host, port))]
    loop = asyncio.get_running_loop()
    if threads is None:
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    else:
        infos = await loop.run_in_executor(threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    first = [(family, address) for family, _, _, _, address in infos if family == infos[0][0]]
    others = [(family, address) for family, _, _, _, address in infos if family != infos[0][0]]
    return [address for address in chain.from_iterable(zip_longest(first, others)) if address is not None]


async def _looked_up(origin: Origin, guard: Guard | None) -> list[Address]:
    """Where the origin is to be found, if the guard agrees to all of it."""
    if guard is None:
        return await resolve(origin.host, origin.port)
    addresses = await resolve(origin.host, origin.port, _LOOKUPS)
    guard.check(origin, [where[0] for _, where in addresses])
    return addresses


async def _far_end(origin: Origin, guard: Guard | None) -> str:
    """Where a proxy is to connect to, as in CONNECT."""
    if guard is None or guard.trusts(origin):
        return origin.address
    (_, where), *_ = await _looked_up(origin, guard)
    return origin._replace(host=where[0]).address


async def open_socket(waiting: list[Address]) -> socket.socket:
    """Connect to the first address that answers, each getting a head start of STAGGER over the next."""
    if len(waiting) == 1:
        return await _open(waiting[0])
    attempts: set[asyncio.Task[socket.socket]] = set()
    try:
        return await _first_of(waiting, attempts)
    finally:
        for attempt in attempts:
            attempt.cancel()
            attempt.add_done_callback(_drop)


async def _first_of(waiting: list[Address], attempts: set[asyncio.Task[socket.socket]]) -> socket.socket:
    """attempts: filled with what is under way, for the caller to give up in the end."""
    error: BaseException = OSError("no address")
    while waiting or attempts:
        if waiting:
            attempts.add(asyncio.get_running_loop().create_task(_open(waiting.pop(0))))
        patience = STAGGER if waiting else None
        done, _ = await asyncio.wait(attempts, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            attempts.discard(attempt)
            failure = attempt.exception()
            if failure is None:
                return attempt.result()
            error = failure
    raise error


def _drop(attempt: asyncio.Task[socket.socket]) -> None:
    """It came too late, or not at all."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()


async def _open(address: Address) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEPT_ALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


async def _attach(connection: Connection, sock: socket.socket, tunnel: _Tunnel | None) -> None:
    """Hand the socket over to the connection, after the proxy has connected it on, if one is to."""
    try:
        if tunnel is not None:
            await _dig(sock, *tunnel)
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock)
    except BaseException:
        sock.close()
        raise
    connection.sock = sock


async def _dig(sock: socket.socket, proxy: Proxy, far: str) -> None:
    """Have the proxy connect this socket to its far end."""
    loop = asyncio.get_running_loop()
    authorization = f"proxy-authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    head = f"CONNECT {far} HTTP/1.1\r\nhost: {far}\r\n{authorization}\r\n"
    await loop.sock_sendall(sock, head.encode())
    reply = ReplyReader("HEAD")  # like that to HEAD, a good reply to CONNECT ends with its head
    while not reply.headed:
        data = await loop.sock_recv(sock, 4096)
        if not data:
            raise _no_tunnel("hung up on CONNECT", far)
        try:
            reply.feed(data)
        except RubbishError as error:
            raise _no_tunnel("did not answer CONNECT in HTTP", f"{far}: {error}") from None
    if not 200 <= reply.status < 300:
        raise _no_tunnel(f"answered CONNECT with status {reply.status}", far)


def _no_tunnel(how: str, private: str) -> Problem:
    said = f"the proxy that HTTPS_PROXY or ALL_PROXY names {how}; NO_PROXY may name hosts to reach without it"
    return Problem("unreachable", said, private=private)


async def _secure(connection: Connection, tls: ssl.SSLContext, seconds: float) -> None:
    plain = connection.transport
    if plain is None:
        raise ConnectionAbortedError("closed before TLS began")
    try:
        transport = await asyncio.get_running_loop().start_tls(
            plain,
            connection,
            tls,
            server_hostname=connection.origin.host,
            ssl_handshake_timeout=seconds + 1,  # ours comes first, and has the better words
        )
    except BaseException:
        plain.abort()
        raise
    if transport is None:
        raise ConnectionAbortedError("closed while TLS began")
    connection.secured(transport)


def _happened(error: Exception) -> str:
    match error:
        case socket.gaierror():
            return "could not be found: its host name has no address"
        case ConnectionRefusedError():
            return "refused the connection; is it running?"
        case ssl.SSLCertVerificationError():
            return "has a TLS certificate that is not trusted here (SSL_CERT_FILE can name its authority)"
        case ssl.SSLError():
            return "could not agree on TLS with us; does its URL want http:// in place of https://?"
        case OSError(errno=errno.EMFILE):
            return "could not be connected to: the proxy has too many files open; raise its `ulimit -n`"
        case _:
            return "could not be connected to"
