"""Which connection is used next, and what becomes of the others."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from dragoman.net import pool
from dragoman.net.client import Client
from dragoman.net.connection import Connection
from tests.net.scripted import PATIENT, Asking, Peer, Run, ask, chunked, keeping, ok, until


@contextlib.contextmanager
def behind_its_back(peer: Peer) -> Iterator[socket.socket]:
    """A peer's socket, to be used without the event loop's knowledge: what is done to it, only the kernel has seen."""
    sock = socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno()))
    try:
        yield sock
    finally:
        sock.close()


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("junk", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
def test_a_connection_that_was_closed_or_spoke_while_idle_is_of_no_use(run: Run, junk: bytes, seen: bool) -> None:
    """It is not used when the event loop has seen that. When only the kernel has, the request is said once more."""
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        while True:
            await peer.asked()
            await peer.say(ok())

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert await ask(client, backend.url) == b"hello"
            (connection,) = client._open
            with behind_its_back(peers[0]) as sock:
                if junk:
                    sock.sendall(junk)
                else:
                    sock.shutdown(socket.SHUT_WR)
            if seen:
                await connection.lost
            assert await ask(client, backend.url) == b"hello"
            assert backend.accepted == 2
            assert len(backend.asked) == (2 if seen else 3)

    run(main())


def test_idle_connections_are_bounded(run: Run) -> None:
    async def main() -> None:
        async with Asking(keeping(), max_idle_per_host=2) as (client, backend):
            for _ in range(2):
                await asyncio.gather(*(ask(client, backend.url) for _ in range(5)))
            assert backend.accepted == 5 + 3

    run(main())


def test_idle_connections_are_hung_up_after_a_while_each_in_its_turn(run: Run) -> None:
    left: list[Connection] = []

    async def main() -> None:
        async with Asking(keeping(), idle_seconds=0.05) as (client, backend):
            await asyncio.gather(*(ask(client, backend.url) for _ in range(2)))
            (idle,) = client._pool._idle.values()
            older, newer = idle
            newer.idle_since += 0.05
            older.lost.add_done_callback(lambda _: left.append(older))
            newer.lost.add_done_callback(lambda _: left.append(newer))
            await until(lambda: len(left) == 2)
            assert left == [older, newer]
            assert not client._pool._idle
            assert client._pool._timer is None

    run(main())


def test_a_machine_that_has_slept_asks_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's clock stands still meanwhile, and the line is dead without a word: nobody would answer for minutes."""

    async def main() -> None:
        async with Asking(keeping(), idle_seconds=60) as (client, backend):
            await asyncio.gather(*(ask(client, backend.url) for _ in range(2)))
            (slept,) = client._pool._idle.values()
            before, now = list(slept), pool.awake_or_not()
            monkeypatch.setattr(pool, "awake_or_not", lambda: now + 3600)
            await ask(client, backend.url)
            assert backend.accepted == 3
            for connection in before:
                await connection.lost
            await ask(client, backend.url)
            assert backend.accepted == 3

    run(main())


def test_what_is_said_into_the_void_is_given_up_on_a_connection_that_was_at_rest(run: Run) -> None:
    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            (connection,) = client._open
            assert connection.sock is not None
            patience = [connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)]
            while await reply.read():
                pass
            patience.append(connection.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
            assert patience == [0, 90_000]

    run(main())


def test_the_connection_used_last_is_used_next(run: Run) -> None:
    """So that the others can age."""

    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            await asyncio.gather(*(ask(client, backend.url) for _ in range(3)))
            (idle,) = client._pool._idle.values()
            last = idle[-1]
            await ask(client, backend.url)
            assert idle[-1] is last

    run(main())


def test_origins_do_not_share_connections(run: Run) -> None:
    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            for host in ("127.0.0.1", "localhost", "127.0.0.1", "localhost"):
                await ask(client, f"http://{host}:{backend.port}/")
            assert backend.accepted == 2

    run(main())


async def words_without_an_end(peer: Peer, until_then: asyncio.Event) -> None:
    await peer.asked()
    await peer.say(chunked(b"words").removesuffix(b"0\r\n\r\n"))
    await until_then.wait()


async def settled(client: Client, url: str) -> Connection:
    """The connection of an answer of which somebody has heard enough."""
    reply = await client.send("POST", url, [], b"{}", PATIENT)
    (connection,) = client._open
    assert await reply.read() == b"words"
    reply.settle()
    reply.close()
    return connection


@pytest.mark.parametrize("rest", [b"0\r\n\r\n", b"3\r\nand\r\n0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n"])
def test_a_connection_serves_again_when_the_end_has_come_to_which_nobody_listened(run: Run, rest: bytes) -> None:
    async def main() -> None:
        end = asyncio.Event()

        async def script(peer: Peer) -> None:
            await words_without_an_end(peer, end)
            await peer.say(rest)
            await keeping()(peer)

        async with Asking(script) as (client, backend):
            connection = await settled(client, backend.url)
            assert not client._pool._idle
            end.set()
            await until(lambda: bool(client._pool._idle))
            assert not client._pool._ending
            assert await ask(client, backend.url, b"again") == b"again"
            assert client._open == {connection}

    run(main())


def test_an_end_that_has_come_already_leaves_the_connection_at_rest(run: Run) -> None:
    async def main() -> None:
        async def script(peer: Peer) -> None:
            await peer.asked()
            await peer.say(chunked(b"words"))
            await keeping()(peer)

        async with Asking(script) as (client, backend):
            await settled(client, backend.url)
            assert await ask(client, backend.url, b"again") == b"again"
            assert backend.accepted == 1

    run(main())


@pytest.mark.parametrize("rest", [b"", b"zz\r\n", b"5\r\nmore!\r\n"])
def test_an_end_that_does_not_come_soon_is_not_waited_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    monkeypatch.setattr(pool, "SOON", 0.02)

    async def main() -> None:
        parted = asyncio.Event()

        async def script(peer: Peer) -> None:
            await words_without_an_end(peer, parted)
            await peer.say(rest)
            await peer.gone()

        async with Asking(script) as (client, backend):
            connection = await settled(client, backend.url)
            parted.set()
            await connection.lost
            assert not client._pool._idle
            assert not client._pool._ending
            await until(lambda: client._pool._ending_timer is None)

    run(main())


def test_one_that_hangs_up_before_its_end_is_forgotten(run: Run) -> None:
    async def main() -> None:
        parted = asyncio.Event()

        async def script(peer: Peer) -> None:
            await words_without_an_end(peer, parted)

        async with Asking(script) as (client, backend):
            connection = await settled(client, backend.url)
            parted.set()
            await connection.lost
            assert not client._pool._ending
            assert not client._open

    run(main())
