"""What the reader of a reply sees."""

import asyncio
import gzip
import zlib

import pytest

from dragoman.hub.problems import Problem
from dragoman.net.client import Client
from dragoman.net.reply import Reply
from tests.net.scripted import PATIENT, Backend, Peer, Run, Script, answering, chunked, ok, serving


async def replied(client: Client, backend: Backend) -> Reply:
    return await client.send("POST", backend.url, [("accept-encoding", "gzip, deflate")], b"{}", PATIENT)


def test_read_all_refuses_what_is_too_large_and_hangs_up(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok(b"12345"), ok(b"12345"))) as backend:
            reply = await replied(client, backend)
            assert await reply.read_all(5) == b"12345"
            reply = await replied(client, backend)
            with pytest.raises(Problem, match="larger than 4 bytes") as caught:
                await reply.read_all(4)
            assert caught.value.kind == "backend_failed"
            with pytest.raises(Problem):
                await reply.read()
            await client.close()

    run(main())


def test_reading_on_after_the_end_gives_nothing_more(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok(), ok(b"other"))) as backend:
            first = await replied(client, backend)
            assert await first.read_all(10) == b"hello"
            second = await replied(client, backend)
            assert await first.read() == b""
            first.close()
            assert await second.read_all(10) == b"other"
            assert backend.accepted == 1
            await client.close()

    run(main())


def test_closing_before_the_last_read_is_enough_if_all_was_taken(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok(), ok())) as backend:
            for _ in range(2):
                reply = await replied(client, backend)
                assert await reply.read() == b"hello"
                reply.close()
            assert backend.accepted == 1
            await client.close()

    run(main())


def test_closing_with_the_body_unread_hangs_up(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok())) as backend:
            for _ in range(2):
                (await replied(client, backend)).close()
            assert backend.accepted == 2
            await client.close()

    run(main())


PLAIN = b"data: hello\n\n" * 1000
CODED = {
    b"gzip": gzip.compress(PLAIN),
    b"x-gzip": gzip.compress(PLAIN),
    b"deflate": zlib.compress(PLAIN),
    b"Deflate": zlib.compress(PLAIN, wbits=-zlib.MAX_WBITS),
    b"br": PLAIN,
}


@pytest.mark.parametrize("coding", sorted(CODED))
def test_codings(run: Run, coding: bytes) -> None:
    wire = ok(CODED[coding], b"Content-Encoding: " + coding)

    async def main() -> None:
        client = Client()
        async with serving(answering(wire, wire)) as backend:
            for _ in range(2):
                reply = await replied(client, backend)
                assert await reply.read_all(2**20) == PLAIN
                assert ("content-encoding" in reply.headers) == (coding == b"br")
                assert ("content-length" in reply.headers) == (coding == b"br")
            assert backend.accepted == 1
            await client.close()

    run(main())


def test_a_compressed_stream_stays_a_stream(run: Run) -> None:
    coder = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    turn = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
        for number in range(5):
            await turn.wait()
            turn.clear()
            await peer.say(coder.compress(b"event %d" % number) + coder.flush(zlib.Z_SYNC_FLUSH))
        await peer.say(coder.flush())

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await replied(client, backend)
            for number in range(5):
                turn.set()
                await reply.pour(lambda _: False)  # which hands on what needs no more than that
                assert await reply.read() == b"event %d" % number
            assert await reply.read() == b""
            await client.close()

    run(main())


def test_a_bomb_is_met_with_the_limit(run: Run) -> None:
    wire = ok(gzip.compress(bytes(2**26)), b"content-encoding: gzip")

    async def main() -> None:
        client = Client()
        async with serving(answering(wire)) as backend:
            reply = await replied(client, backend)
            assert len(await reply.read()) <= 2**20
            with pytest.raises(Problem, match="larger than"):
                await reply.read_all(2**21)
            await client.close()

    run(main())


def broken_off() -> Script:
    return answering(ok(gzip.compress(PLAIN)[:-4], b"content-encoding: gzip"))


def miscoded() -> Script:
    return answering(chunked(b"not compressed", fields=b"content-encoding: gzip\r\n"))


@pytest.mark.parametrize(("script", "kind"), [(broken_off(), "truncated"), (miscoded(), "backend_failed")])
def test_a_bad_coding_is_a_problem(run: Run, script: Script, kind: str) -> None:
    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await replied(client, backend)
            with pytest.raises(Problem) as caught:
                await reply.read_all(2**20)
            assert caught.value.kind == kind
            reply.close()
            await client.close()

    run(main())


def test_no_content_needs_no_coding(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(b"HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n")) as backend:
            assert await (await replied(client, backend)).read_all(10) == b""
            await client.close()

    run(main())
