"""Ways to a socket: names and addresses, TLS, tunnels, and what goes wrong on them."""

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import trustme

from dragoman.hub.route import Timeouts
from dragoman.net import dial
from dragoman.net.client import Client
from tests.net.scripted import (
    PATIENT,
    Asked,
    Backend,
    Peer,
    Run,
    Script,
    answering,
    ask,
    chunked,
    ok,
    problem_of,
    serving,
    until,
)

AUTHORITY = trustme.CA()


def served_as(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    return served_as("127.0.0.1", "localhost", "backend.example")


@pytest.fixture
def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_peer_that_is_gone_without_a_word_is_missed(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(ok())) as backend:
            sock = await dial.open_socket([(socket.AF_INET, ("127.0.0.1", backend.port))])
            with sock:
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                after, every, times = (
                    sock.getsockopt(socket.IPPROTO_TCP, option)
                    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                )
                assert after + every * times == 105

    run(main())


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port where connecting takes for ever: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


def test_a_refused_connection(run: Run) -> None:
    async def main() -> None:
        client = Client()
        port = unused_port()
        problem = await problem_of(client, f"http://127.0.0.1:{port}/v1")
        assert (problem.kind, problem.status) == ("unreachable", 502)
        assert "refused" in problem.public
        assert "127.0.0.1" not in problem.public
        assert f"127.0.0.1:{port}" in problem.private
        await client.close()

    run(main())


def test_a_name_without_an_address(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(host: str, port: int) -> list[dial.Address]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(dial, "resolve", nowhere)

    async def main() -> None:
        problem = await problem_of(Client(), "http://backend.example/v1")
        assert problem.kind == "unreachable"
        assert "host name" in problem.public
        assert "backend.example" not in problem.public
        assert "backend.example" in problem.private

    run(main())


def test_no_file_is_left_for_a_connection(run: Run) -> None:
    async def main() -> None:
        async with serving(answering(ok(b"x"))) as backend, contextlib.AsyncExitStack() as house:
            client = Client()
            house.push_async_callback(client.close)
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))  # those that are open stay so
            try:
                problem = await problem_of(client, backend.url)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert problem.kind == "unreachable"
            assert "ulimit -n" in problem.public
            assert backend.accepted == 0

    run(main())


def test_a_connection_nobody_accepts(run: Run) -> None:
    async def main() -> None:
        with deaf() as port:
            problem = await problem_of(Client(), f"http://127.0.0.1:{port}/", Timeouts(connect=0.05))
        assert problem.kind == "timeout"
        assert "`connect_timeout`" in problem.public

    run(main())


def test_the_names_of_this_machine_are_found_whichever_family_serves(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok())) as backend:
            assert await ask(client, f"http://localhost:{backend.port}/") == b"hello"
            await client.close()

    run(main())


def test_addresses_are_literals_or_take_turns_by_family(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    six = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (f"fd00::{n}", 80, 0, 0)) for n in (1, 2, 3)]
    four = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"10.0.0.{n}", 80)) for n in (1, 2)]

    async def main() -> None:
        async def found(*_: object, **__: object) -> list[object]:
            return [*six, *four]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        addresses = [address[0] for _, address in await dial.resolve("backend.example", 80)]
        assert addresses == ["fd00::1", "10.0.0.1", "fd00::2", "10.0.0.2", "fd00::3"]
        assert await dial.resolve("::1", 80) == [(socket.AF_INET6, ("::1", 80))]
        assert await dial.resolve("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]

    run(main())


@pytest.mark.parametrize("before", [[], ["refused"], ["deaf"], ["deaf", "refused"], ["refused", "deaf"], ["deaf"] * 3])
def test_an_address_that_fails_or_is_silent_does_not_keep_us_from_the_next(
    run: Run, before: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "STAGGER", 0.02)

    async def main() -> None:
        client = Client()
        with deaf() as silent:
            async with serving(answering(ok())) as backend:
                ports = {"refused": unused_port(), "deaf": silent, "good": backend.port}

                async def addresses(host: str, port: int) -> list[dial.Address]:
                    return [(socket.AF_INET, ("127.0.0.1", ports[name])) for name in [*before, "good", "good"]]

                monkeypatch.setattr(dial, "resolve", addresses)
                assert await ask(client, "http://backend.example/") == b"hello"
                await client.close()

    run(main())


def test_all_addresses_fail(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "STAGGER", 0.02)

    async def addresses(host: str, port: int) -> list[dial.Address]:
        return [(socket.AF_INET, ("127.0.0.1", unused_port())) for _ in range(3)]

    monkeypatch.setattr(dial, "resolve", addresses)

    async def main() -> None:
        problem = await problem_of(Client(), "http://backend.example/")
        assert problem.kind == "unreachable"
        assert "refused" in problem.public

    run(main())


def test_cancelling_while_connecting_leaves_no_socket(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket left behind would be a ResourceWarning, and those are errors here."""

    async def main() -> None:
        with deaf() as port:
            for urls in (1, 2):

                async def addresses(host: str, port: int, urls: int = urls) -> list[dial.Address]:
                    return [(socket.AF_INET, ("127.0.0.1", port))] * urls

                monkeypatch.setattr(dial, "resolve", addresses)
                asking = asyncio.ensure_future(ask(Client(), f"http://backend.example:{port}/"))
                await asyncio.sleep(0.01)
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking

    run(main())


def test_tls(run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 20_000

    async def script(peer: Peer) -> None:
        while True:
            heard = await peer.asked()
            await peer.say(ok(heard.body) if len(heard.body) > 2 else chunked(b"he", b"llo"))

    async def main() -> None:
        client = Client(tls=trusting)
        async with serving(script, server_tls) as backend:
            for _ in range(3):
                assert await ask(client, backend.url) == b"hello"
                assert await ask(client, backend.url, body) == body
            assert await ask(client, f"https://localhost:{backend.port}/") == b"hello"
            assert backend.accepted == 2
            await client.close()

    run(main())


def test_tls_connections_closed_while_idle_are_replaced(
    run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async def once(peer: Peer) -> None:
        await peer.asked()
        await peer.say(ok())

    async def main() -> None:
        client = Client(tls=trusting)
        async with serving(once, server_tls) as backend:
            for _ in range(3):
                assert await ask(client, backend.url) == b"hello"
            assert backend.accepted == 3
            await client.close()

    run(main())


def test_a_body_until_the_end_over_tls(run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo")

    async def main() -> None:
        client = Client(tls=trusting)
        async with serving(script, server_tls) as backend:
            assert await ask(client, backend.url) == b"hello"
            await client.close()

    run(main())


@pytest.mark.parametrize("url", ["https://127.0.0.1:{}/", "https://localhost:{}/"])
def test_the_authority_and_the_name_are_checked(run: Run, url: str, trusting: ssl.SSLContext) -> None:
    async def main(client: Client, tls: ssl.SSLContext) -> None:
        async with serving(answering(ok()), tls) as backend:
            problem = await problem_of(client, url.format(backend.port))
            assert problem.kind == "unreachable"
            assert "certificate" in problem.public
            assert not backend.asked
            await client.close()

    run(main(Client(), served_as("127.0.0.1", "localhost")))
    run(main(Client(tls=trusting), served_as("backend.example")))


def test_the_environment_can_name_an_authority(
    run: Run, server_tls: ssl.SSLContext, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    async def main() -> None:
        client = Client()
        async with serving(answering(ok()), server_tls) as backend:
            assert await ask(client, backend.url) == b"hello"
            await client.close()

    run(main())


def test_plain_http_where_tls_is_expected(run: Run, trusting: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async def main() -> None:
        async with serving(script) as backend:
            problem = await problem_of(Client(tls=trusting), f"https://127.0.0.1:{backend.port}/")
            assert problem.kind == "unreachable"
            assert "TLS" in problem.public

    run(main())


def test_a_server_that_hangs_up_in_the_handshake(run: Run, trusting: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)

    async def main() -> None:
        async with serving(script) as backend:
            problem = await problem_of(Client(tls=trusting), f"https://127.0.0.1:{backend.port}/")
            assert problem.kind == "unreachable"

    run(main())


def test_what_is_said_before_tls_is_not_taken_for_an_answer(
    run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    """Someone on the way may say anything before the handshake."""

    async def script(peer: Peer) -> None:
        await peer.say(ok(b"forged"))
        with contextlib.suppress(ssl.SSLError):
            await peer.writer.start_tls(server_tls)
            await peer.asked()
            await peer.say(ok(b"true"))

    async def main() -> None:
        async with serving(script) as backend:
            problem = await problem_of(Client(tls=trusting), f"https://127.0.0.1:{backend.port}/")
            assert problem.kind == "unreachable"

    run(main())


def silent(peer: Peer) -> "asyncio.Future[None]":
    async def listen() -> None:
        await peer.gone()
        peer.backend.gone.set()

    return asyncio.ensure_future(listen())


def test_a_silent_handshake_is_a_timeout_and_hangs_up(run: Run, trusting: ssl.SSLContext) -> None:
    async def main() -> None:
        async with serving(silent) as backend:
            url = f"https://127.0.0.1:{backend.port}/"
            problem = await problem_of(Client(tls=trusting), url, Timeouts(connect=0.1))
            assert problem.kind == "timeout"
            assert "`connect_timeout`" in problem.public
            await backend.gone.wait()

    run(main())


def test_cancelling_the_handshake_hangs_up(run: Run, trusting: ssl.SSLContext) -> None:
    async def main() -> None:
        async with serving(silent) as backend:
            asking = asyncio.ensure_future(ask(Client(tls=trusting), f"https://127.0.0.1:{backend.port}/"))
            await until(lambda: backend.accepted == 1)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await backend.gone.wait()

    run(main())


def test_cancelling_a_read_over_tls_hangs_up(run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello")
        await peer.gone()
        peer.backend.gone.set()

    async def main() -> None:
        client = Client(tls=trusting)
        async with serving(script, server_tls) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await reply.read() == b"hello"
            reading = asyncio.ensure_future(reply.read())
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await backend.gone.wait()
            await client.close()

    run(main())


@contextlib.asynccontextmanager
async def proxying(
    to: Backend | None, asked: list[Asked], status: bytes = b"200 Connection established"
) -> AsyncIterator[Backend]:
    """An HTTP proxy that connects everyone to one backend, whatever name they ask for."""

    async def script(peer: Peer) -> None:
        heard = await peer.asked()
        asked.append(heard)
        if not heard.line.startswith("CONNECT "):
            await peer.say(ok(b"by proxy"))
            await peer.gone()
            return
        await peer.say(b"HTTP/1.1 " + status[:7], status[7:] + b"\r\nproxy-agent: test\r\n\r\n")
        if to is None or not status.startswith(b"200"):
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", to.port)
        try:
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.close()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async with serving(script) as proxy:
        yield proxy


def test_https_goes_through_a_tunnel(
    run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Asked] = []

    async def main() -> None:
        async with serving(answering(ok(), ok()), server_tls) as backend, proxying(backend, asked) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://user:word@127.0.0.1:{proxy.port}")
            client = Client(tls=trusting)
            for _ in range(2):
                assert await ask(client, "https://backend.example/v1") == b"hello"
            assert backend.accepted == proxy.accepted == 1
            assert backend.asked[0].line == "POST /v1 HTTP/1.1"
            assert backend.asked[0].headers["host"] == "backend.example"
            assert "proxy-authorization" not in backend.asked[0].headers
            await client.close()

    run(main())
    assert [heard.line for heard in asked] == ["CONNECT backend.example:443 HTTP/1.1"]
    assert asked[0].headers == {"host": "backend.example:443", "proxy-authorization": "Basic dXNlcjp3b3Jk"}


def test_the_name_behind_a_tunnel_is_checked(
    run: Run, server_tls: ssl.SSLContext, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with serving(answering(ok()), server_tls) as backend, proxying(backend, []) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            problem = await problem_of(Client(tls=trusting), "https://other.example/v1")
            assert problem.kind == "unreachable"
            assert "the backend has a TLS certificate" in problem.public

    run(main())


def test_http_is_handed_to_the_proxy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []

    async def main() -> None:
        async with proxying(None, asked) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{proxy.port}")
            client = Client()
            assert await ask(client, "http://backend.example:8000/v1?x=1") == b"by proxy"
            await client.close()

    run(main())
    assert asked[0].line == "POST http://backend.example:8000/v1?x=1 HTTP/1.1"
    assert asked[0].headers["host"] == "backend.example:8000"


def test_this_machine_is_reached_without_a_proxy(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with serving(answering(ok())) as backend:
            monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{unused_port()}")
            client = Client()
            assert await ask(client, backend.url) == b"hello"
            await client.close()

    run(main())


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (b"407 Proxy Authentication Required", "status 407"),
        (b"502 Bad Gateway", "status 502"),
        (b"abc nonsense", "did not answer CONNECT in HTTP"),
    ],
)
def test_a_proxy_that_refuses(run: Run, status: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with proxying(None, [], status) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            problem = await problem_of(Client(), "https://backend.example/")
            assert problem.kind == "unreachable"
            assert said in problem.public
            assert "backend.example" not in problem.public

    run(main())


async def _hang_up(peer: Peer) -> None:
    await peer.asked()


@pytest.mark.parametrize(("script", "kind", "seconds"), [(_hang_up, "unreachable", 5), (silent, "timeout", 0.05)])
def test_a_proxy_that_hangs_up_or_says_nothing(
    run: Run, script: Script, kind: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with serving(script) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            problem = await problem_of(Client(), "https://backend.example/", Timeouts(connect=seconds))
            assert problem.kind == kind
            assert "the proxy" in problem.public

    run(main())


def test_a_proxy_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")

    async def main() -> None:
        problem = await problem_of(Client(), "http://backend.example/")
        assert problem.kind == "unreachable"
        assert "the proxy that HTTP_PROXY" in problem.public

    run(main())
