"""What a URL leads to, and what it may not lead to on the way."""

import asyncio
import gzip
import socket
import threading
from typing import Any

import pytest

from dragoman.hub.allowed import NOTHING, Allowed, read_place
from dragoman.hub.problems import Problem
from dragoman.net import dial
from dragoman.net.client import Client
from dragoman.net.fetch import MAX_REDIRECTS, Found, fetch
from dragoman.net.guard import NOT_ALLOWED
from tests.net.scripted import Asking, Backend, Peer, Run, Script, answering, ask, chunked, keeping, ok, serving

HTML = b"content-type: text/html; charset=ISO-8859-1"


def here(*backends: Backend) -> Allowed:
    return Allowed(tuple(read_place(f"127.0.0.1:{backend.port}") for backend in backends))


async def get(client: Client, backend: Backend, **options: Any) -> Found:
    return await fetch(client, backend.url, **{"limit": 1000, "allowed": here(backend), **options})


async def trouble(client: Client, url: str, allowed: Allowed, **options: Any) -> Problem:
    try:
        found = await fetch(client, url, allowed=allowed, **{"limit": 1000, **options})
    except Problem as problem:
        return problem
    raise AssertionError(f"no problem, but {found!r}")


def moved(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n".encode()


def by_path(replies: dict[str, bytes]) -> Script:
    async def script(peer: Peer) -> None:
        asked = await peer.asked()
        await peer.say(replies[asked.line.split()[1]])
        await peer.gone()

    return script


def test_what_is_there(run: Run) -> None:
    async def main() -> None:
        async with Asking(answering(ok(b"<p>hi", HTML))) as (client, backend):
            assert await get(client, backend, accept="text/html") == Found(
                backend.url, "text/html", "iso-8859-1", b"<p>hi"
            )
            asked = backend.asked[0]
            assert asked.line == "GET /v1/chat HTTP/1.1"
            assert asked.headers["accept"] == "text/html"
            assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding"}

    run(main())


def test_a_page_that_does_not_say_what_it_is(run: Run) -> None:
    async def main() -> None:
        async with Asking(answering(ok(b"x"))) as (client, backend):
            found = await get(client, backend)
            assert (found.media_type, found.charset) == ("application/octet-stream", "")

    run(main())


def test_compressed_pages_count_as_what_they_are_uncompressed(run: Run) -> None:
    packed = gzip.compress(b"a" * 10_000)

    async def main() -> None:
        async with Asking(answering(ok(packed, b"content-encoding: gzip"))) as (client, backend):
            assert (await get(client, backend, limit=10_000)).body == b"a" * 10_000
            problem = await trouble(client, backend.url, here(backend), limit=9_999)
            assert (problem.kind, problem.code) == ("too_large", "url_not_accessible")

    run(main())


def test_a_coding_nobody_asked_for(run: Run) -> None:
    async def main() -> None:
        async with Asking(answering(ok(b"??", b"content-encoding: br"))) as (client, backend):
            assert "coding" in (await trouble(client, backend.url, here(backend))).public

    run(main())


@pytest.mark.parametrize("reply", [ok(b"x" * 101), chunked(b"x" * 60, b"x" * 60)])
def test_what_is_too_large(run: Run, reply: bytes) -> None:
    async def main() -> None:
        async with Asking(answering(reply)) as (client, backend):
            problem = await trouble(client, backend.url, here(backend), limit=100)
            assert problem.kind == "too_large"
            assert "100 bytes" in problem.public

    run(main())


def test_too_large_is_said_before_the_body_has_come(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        await peer.gone()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            assert (await trouble(client, backend.url, here(backend))).kind == "too_large"

    run(main())


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "url_not_accessible", "no such page"),
        (500, "url_not_accessible", "500"),
        (304, "url_not_accessible", "304"),
        (429, "too_many_requests", "later"),
    ],
)
def test_pages_that_are_none(run: Run, status: int, code: str, says: str) -> None:
    async def main() -> None:
        async with Asking(answering(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % status)) as (client, backend):
            problem = await trouble(client, backend.url, here(backend))
            assert problem.code == code
            assert says in problem.public

    run(main())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_where_they_end(run: Run, status: int) -> None:
    pages = {"/v1/chat": moved("../b?q=1#part", status), "/b?q=1": ok(b"end")}

    async def main() -> None:
        async with Asking(by_path(pages)) as (client, backend):
            found = await get(client, backend)
            assert found.body == b"end"
            assert found.url == f"http://127.0.0.1:{backend.port}/b?q=1"

    run(main())


def test_redirects_end(run: Run) -> None:
    async def main() -> None:
        async with Asking(by_path({"/v1/chat": moved("/v1/chat")})) as (client, backend):
            assert "redirects" in (await trouble(client, backend.url, here(backend))).public
            assert len(backend.asked) == MAX_REDIRECTS + 1

    run(main())


@pytest.mark.parametrize(
    ("elsewhere", "code"),
    [
        ("http://127.0.0.1:{port}/", NOT_ALLOWED),
        ("//0x7f.1:{port}/", NOT_ALLOWED),
        ("http://[::1]:{port}/", NOT_ALLOWED),
        ("http://169.254.169.254/latest/meta-data/", NOT_ALLOWED),
        ("file:///etc/passwd", "invalid_tool_input"),
        ("gopher://127.0.0.1:{port}/_x", "invalid_tool_input"),
        ("http://user:password@127.0.0.1:{port}/", "invalid_tool_input"),
        ("http://[", "url_not_accessible"),
    ],
)
def test_no_redirect_leads_inside(run: Run, elsewhere: str, code: str) -> None:
    async def main() -> None:
        async with serving(answering(ok(b"secret"))) as inside:
            async with Asking(answering(moved(elsewhere.format(port=inside.port)))) as (client, backend):
                assert (await trouble(client, backend.url, here(backend))).code == code
            assert not inside.accepted

    run(main())


def test_domains_are_asked_for_at_each_step(run: Run) -> None:
    asked: list[str] = []

    def may_visit(url: str) -> bool:
        asked.append(url)
        return "localhost" not in url

    async def main() -> None:
        async with serving(answering(ok(b"secret"))) as other:
            async with Asking(answering(moved(f"http://localhost:{other.port}/"))) as (client, backend):
                allowed = here(backend, other)
                problem = await trouble(client, backend.url, allowed, may_visit=may_visit)
                assert problem.code == NOT_ALLOWED
                assert "domains" in problem.public
            assert asked == [backend.url, f"http://localhost:{other.port}/"]
            assert not other.accepted

    run(main())


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://a.example/", "http://", "http://u:p@a.example/", "javascript:alert(1)"]
)
def test_what_is_no_url_to_fetch(run: Run, url: str) -> None:
    async def main() -> None:
        client = Client()
        problem = await trouble(client, url, NOTHING)
        await client.close()
        assert (problem.kind, problem.code) == ("bad_request", "invalid_tool_input")
        assert "backend" not in problem.public
        assert "configuration" not in problem.public

    run(main())


def test_a_name_is_looked_up_once_and_that_address_is_used(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second answer, and every one after it, leads inside."""
    looked_up: list[str] = []
    connected: list[list[dial.Address]] = []

    async def resolve(host: str, port: int, _threads: object) -> list[dial.Address]:
        looked_up.append(host)
        address = "93.184.216.34" if len(looked_up) == 1 else "127.0.0.1"
        return [(2, (address, port))]

    async def open_socket(waiting: list[dial.Address]) -> Any:
        connected.append(waiting)
        raise ConnectionRefusedError

    monkeypatch.setattr(dial, "resolve", resolve)
    monkeypatch.setattr(dial, "open_socket", open_socket)

    async def main() -> None:
        client = Client()
        assert (await trouble(client, "http://rebinding.example/", NOTHING)).code == "url_not_accessible"
        assert connected == [[(2, ("93.184.216.34", 80))]]
        assert looked_up == ["rebinding.example"]
        assert (await trouble(client, "http://rebinding.example/", NOTHING)).code == NOT_ALLOWED
        assert len(connected) == 1
        await client.close()

    run(main())


def test_connections_of_others_are_not_used_nor_left_to_them(run: Run) -> None:
    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            assert await ask(client, backend.url, b"1") == b"1"
            assert (await trouble(client, backend.url, NOTHING)).code == NOT_ALLOWED
            assert backend.accepted == 1
            await get(client, backend)
            await get(client, backend)
            assert backend.accepted == 3
            assert await ask(client, backend.url, b"2") == b"2"
            assert backend.accepted == 3

    run(main())


def test_a_proxy_is_told_the_address_that_was_looked_at(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = dial.resolve
    leads_to = {"page.example": "93.184.216.34", "inside.example": "10.0.0.1"}

    async def scripted(host: str, port: int, _threads: object = None) -> list[dial.Address]:
        return await resolve(leads_to.get(host, host), port)

    monkeypatch.setattr(dial, "resolve", scripted)

    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\n")
        await peer.asked()
        await peer.say(ok(b"page"))
        await peer.gone()

    async def main() -> None:
        async with serving(script) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            client = Client()
            found = await fetch(client, "http://page.example/x", limit=10, allowed=NOTHING)
            assert found.body == b"page"
            assert [asked.line for asked in proxy.asked] == [
                "CONNECT 93.184.216.34:80 HTTP/1.1",
                "GET /x HTTP/1.1",
            ]
            assert proxy.asked[1].headers["host"] == "page.example"
            assert (await trouble(client, "http://inside.example/", NOTHING)).code == NOT_ALLOWED
            assert len(proxy.asked) == 2
            allowed = Allowed((read_place("inside.example"),))
            await fetch(client, "http://inside.example/", limit=10, allowed=allowed)
            assert proxy.asked[2].line == "CONNECT inside.example:80 HTTP/1.1"
            await client.close()

    run(main())


def test_a_server_that_says_nothing_is_waited_for_so_long_and_no_longer(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.gone()
        peer.backend.gone.set()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            problem = await trouble(client, backend.url, here(backend), seconds=0.05)
            assert (problem.kind, problem.code) == ("timeout", "url_not_accessible")
            await backend.gone.wait()

    run(main())


def test_cancelled_it_hangs_up(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        peer.backend.heard.set()  # type: ignore[attr-defined]
        await peer.gone()
        peer.backend.gone.set()

    async def main() -> None:
        async with Asking(script) as (client, backend):
            backend.heard = asyncio.Event()  # type: ignore[attr-defined]
            task = asyncio.ensure_future(get(client, backend))
            await backend.heard.wait()  # type: ignore[attr-defined]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await backend.gone.wait()

    run(main())


@pytest.mark.parametrize(
    ("reply", "says"),
    [(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "broke off"), (b"rubbish\r\n\r\n", "HTTP")],
)
def test_servers_that_misbehave_are_named_and_are_no_backend(run: Run, reply: bytes, says: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(reply)

    async def main() -> None:
        async with Asking(script) as (client, backend):
            problem = await trouble(client, backend.url, here(backend))
            assert problem.public.startswith("127.0.0.1 ")
            assert says in problem.public
            assert problem.code == "url_not_accessible"

    run(main())


def test_nobody_there(run: Run) -> None:
    async def main() -> None:
        async with serving(answering()) as backend:
            pass
        client = Client()
        problem = await trouble(client, backend.url, here(backend))
        await client.close()
        assert problem.public == "127.0.0.1 refused the connection; is it running?"

    run(main())


def test_names_from_outside_keep_no_others_waiting(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: str, *more: Any, **options: Any) -> Any:
        if host == "slow.example":
            released.wait(20)
            raise socket.gaierror
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def main() -> None:
        async with Asking(keeping()) as (client, backend):
            asking = [asyncio.ensure_future(trouble(client, "http://slow.example/", NOTHING)) for _ in range(50)]
            await asyncio.sleep(0)
            url = f"http://localhost:{backend.port}/"
            assert await ask(client, url, b"1") == b"1"
            released.set()
            assert {problem.code for problem in await asyncio.gather(*asking)} == {"url_not_accessible"}

    run(main())
