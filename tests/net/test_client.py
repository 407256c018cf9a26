"""Requests out, replies in, and how many connections that took."""

import asyncio
import socket

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net import connection, dial
from tests.net.scripted import (
    PATIENT,
    Asking,
    Backend,
    Peer,
    Run,
    Script,
    answering,
    ask,
    chunked,
    keeping,
    ok,
    problem_of,
    serving,
    until,
)
from tests.net.test_reply_reader import REPLIES


def test_what_is_asked_arrives(run: Run) -> None:
    heard = []

    async def script(peer: Peer) -> None:
        heard.append(await peer.asked())
        await peer.say(b"HTTP/1.1 201 Created\r\nX-Answer: 42\r\ncontent-length: 2\r\n\r\nhi")

    async def main() -> None:
        async with Asking(script) as (client, backend):
            reply = await client.send("PUT", f"{backend.url}?x=1", [("X-Key", "k")], b"body", PATIENT)
            assert (reply.status, reply.headers.get("x-answer"), await reply.read_all(10)) == (201, "42", b"hi")
            assert heard[0].line == "PUT /v1/chat?x=1 HTTP/1.1"
            assert heard[0].headers == {
                "host": f"127.0.0.1:{backend.port}",
                "x-key": "k",
                "accept-encoding": "identity",
                "content-length": "4",
            }
            assert heard[0].body == b"body"

    run(main())


def test_one_connection_serves_one_request_after_another(run: Run) -> None:

    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            for number in range(20):
                assert await ask(client, backend.url, b"%d" % number) == b"%d" % number
            assert backend.accepted == 1
            assert [asked.body for asked in backend.asked] == [b"%d" % number for number in range(20)]

    run(main())


def test_requests_side_by_side_have_a_connection_each_and_leave_them_to_the_next(run: Run) -> None:
    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            for _ in range(3):
                bodies = [b"%d" % number for number in range(8)]
                assert await asyncio.gather(*(ask(client, backend.url, body) for body in bodies)) == bodies
            assert backend.accepted == 8

    run(main())


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3_000_000])
def test_bodies_of_any_size_arrive_and_return(run: Run, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            for _ in range(2):
                assert await ask(client, backend.url, body) == body
            assert backend.accepted == 1

    run(main())


@pytest.mark.parametrize(
    ("reply", "reused"),
    [
        (ok(), True),
        (chunked(b"hello"), True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", True),
        (ok(b"hello", b"Connection: close"), False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", False),
        (ok() + b"junk", False),
        (ok() + ok(b"a reply to nothing"), False),
    ],
)
def test_whether_a_connection_is_used_again(run: Run, reply: bytes, reused: bool) -> None:
    async def main() -> None:
        async with Asking(answering(reply, reply)) as (client, backend):
            first = await ask(client, backend.url)
            assert await ask(client, backend.url) == first
            assert backend.accepted == (1 if reused else 2)

    run(main())


@pytest.mark.parametrize("reset", [True, False])
def test_a_reused_connection_that_dies_without_a_byte_is_replaced_once(run: Run, reset: bool) -> None:
    """The backend closes it exactly when the next request arrives: the race every pool loses now and then."""
    heard = []

    async def script(peer: Peer) -> None:
        heard.append((await peer.asked()).body)
        await peer.say(ok())
        heard.append((await peer.asked()).body)
        if reset:
            peer.reset()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert await ask(client, backend.url, b"1") == b"hello"
            assert await ask(client, backend.url, b"2") == b"hello"
            assert backend.accepted == 2

    run(main())
    assert heard == [b"1", b"2", b"2"]


def test_the_replacement_is_a_fresh_connection_and_has_no_second_chance(run: Run) -> None:
    async def script(peer: Peer) -> None:
        if backends[0].accepted > 2:
            await peer.asked()  # and hang up
            return
        await peer.asked()
        await together.wait()
        await peer.say(ok())
        await peer.asked()  # and hang up

    backends: list[Backend] = []
    together = asyncio.Barrier(2)

    async def main() -> None:
        async with Asking(script) as (client, backend):
            backends.append(backend)
            await asyncio.gather(ask(client, backend.url), ask(client, backend.url))
            problem = await problem_of(client, backend.url)
            assert problem.kind == "truncated"
            assert "without an answer" in problem.public
            # Of the two idle connections one was tried, then a fresh one: never the other idle one.
            assert backend.accepted == 3

    run(main())


def test_a_fresh_connection_that_dies_is_not_replaced(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert (await problem_of(client, backend.url)).kind == "truncated"
            assert backend.accepted == 1

    run(main())


@pytest.mark.parametrize("beginning", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
def test_a_reused_connection_that_has_said_something_is_not_replaced(run: Run, beginning: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(ok())
        await peer.asked()
        await peer.say(beginning)

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert await ask(client, backend.url) == b"hello"
            assert (await problem_of(client, backend.url)).kind == "truncated"
            assert backend.accepted == 1

    run(main())


def test_a_farewell_to_an_idle_connection_is_no_answer_to_the_request_it_crosses(run: Run) -> None:
    tired = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    async def main() -> None:
        async with Asking(answering(ok(), tired)) as (client, backend):
            assert await ask(client, backend.url) == b"hello"
            assert await ask(client, backend.url) == b"hello"
            assert backend.accepted == 2

        async with Asking(answering(tired)) as (client, backend):  # to the first request of a connection it is one
            reply = await client.send("POST", backend.url, [], b"", Timeouts())
            reply.close()
            assert reply.status == 408
            assert backend.accepted == 1

    run(main())


def test_a_backend_that_gives_up_a_request_after_a_while_is_not_asked_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As gateways do that have waited for a model."""
    gives_up = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\n\r\nslow"
    monkeypatch.setattr(connection, "CROSSING", 0)

    async def main() -> None:
        async with Asking(answering(ok(), gives_up)) as (client, backend):
            assert await ask(client, backend.url) == b"hello"
            reply = await client.send("POST", backend.url, [], b"", Timeouts())
            assert (reply.status, await reply.read_all(10)) == (408, b"slow")
            assert backend.accepted == 1

    run(main())


def test_a_reused_connection_that_is_merely_slow_is_not_replaced(run: Run) -> None:
    async def main() -> None:
        async with Asking(answering(ok())) as (client, backend):
            assert await ask(client, backend.url) == b"hello"
            assert (await problem_of(client, backend.url, Timeouts(first_byte=0.05))).kind == "timeout"
            assert backend.accepted == 1

    run(main())


def test_close_hangs_up_idle_and_busy_connections_and_refuses_more(run: Run) -> None:
    async def script(peer: Peer) -> None:
        heard = await peer.asked()
        await peer.say(ok(b"hello") if heard.body == b"{}" else b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await peer.gone()
        gone.append(peer)

    gone: list[Peer] = []

    async def main() -> None:
        async with Asking(script) as (client, backend):
            busy = await client.send("POST", backend.url, [], b"long", PATIENT)
            await ask(client, backend.url)
            await client.close()
            await until(lambda: len(gone) == 2)
            with pytest.raises(Problem, match="shutting down"):
                await busy.read()
            assert (await problem_of(client, backend.url)).kind == "unreachable"
            await client.close()

    run(main())


def test_close_reaches_a_connection_that_is_just_being_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_socket = dial.open_socket

    async def main() -> None:
        async with Asking(answering(ok())) as (client, backend):

            async def open_and_close(waiting: list[dial.Address]) -> socket.socket:
                await client.close()
                return await open_socket(waiting)

            monkeypatch.setattr(dial, "open_socket", open_and_close)
            assert "shutting down" in (await problem_of(client, backend.url)).public
            assert not backend.asked

    run(main())


def test_a_reply_that_comes_before_the_request_is_read(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(ok(b"too busy", b"connection: close"))

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert await ask(client, backend.url) == b"too busy"

    run(main())


def test_a_reply_that_comes_before_the_request_has_left_is_read_and_the_connection_not_used_again(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await peer.gone()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            for _ in range(2):
                assert await ask(client, backend.url, bytes(20_000_000)) == b"no"
            assert backend.accepted == 2

    run(main())


def test_redirects_are_not_followed(run: Run) -> None:
    async def main() -> None:
        moved = b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"
        async with Asking(answering(moved)) as (client, backend):
            reply = await client.send("GET", backend.url, [], b"", PATIENT)
            assert (reply.status, reply.headers.get("location")) == (302, "/elsewhere")
            reply.close()

    run(main())


def saying(wire: bytes, sizes: list[int]) -> Script:
    """Say it in pieces of these sizes, each in a write of its own, then hang up."""

    async def script(peer: Peer) -> None:
        rest = wire
        await peer.asked()
        for size in sizes:
            await peer.say(rest[:size])
            rest = rest[size:]
        await peer.say(rest)

    return script


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(REPLIES)), sizes=st.lists(st.integers(1, 30), max_size=12))
def test_any_cutting_on_the_way_gives_the_same(run: Run, name: str, sizes: list[int]) -> None:
    wire, (status, body, _, wrong) = REPLIES[name]

    async def main() -> None:
        async with Asking(saying(wire, sizes)) as (client, backend):
            if wrong:
                problem = await problem_of(client, backend.url)
                assert problem.kind == {"cut off": "truncated", "rubbish": "backend_failed"}[wrong]
                assert "127.0.0.1" not in problem.public
                assert f"127.0.0.1:{backend.port}" in problem.private
            else:
                reply = await client.send("POST", backend.url, [], b"", PATIENT)
                assert (reply.status, await reply.read_all(1000)) == (status, body)

    run(main())


# Where aiohttp differs, and how. A reply that is whole is not worth less for junk behind it: we only part with the
# connection. And we cannot upgrade to anything.
AIOHTTP_READS: dict[str, tuple[int, bytes] | str] = {
    "junk behind": "error",
    "junk behind, told to close": "error",
    "junk behind no content": "error",
    "a body behind not modified": "error",
    "an upgrade nobody asked for": (101, b""),
    "an upgrade to nothing": (101, b""),
    "a folded header": (200, b""),
}


@pytest.mark.parametrize("name", REPLIES)
def test_aiohttp_reads_the_same(run: Run, name: str) -> None:
    wire, (status, body, _, wrong) = REPLIES[name]

    async def main() -> tuple[int, bytes] | str:
        timeout = aiohttp.ClientTimeout(total=5)
        async with serving(saying(wire, [])) as backend, aiohttp.ClientSession(timeout=timeout) as session:
            try:
                async with session.post(backend.url, allow_redirects=False) as reply:
                    return reply.status, await reply.read()
            except aiohttp.ClientError:
                return "error"

    ours = "error" if wrong else (status, body)
    assert run(main()) == AIOHTTP_READS.get(name, ours)
