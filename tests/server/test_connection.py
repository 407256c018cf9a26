"""A client's connection: requests cut anywhere, one after the other, and what is none."""

import asyncio
import contextlib
import gzip
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from dragoman.server import connection
from dragoman.server.connection import Answer, ClientConnection, client_connections
from dragoman.server.requests import HTTPRequest
from dragoman.server.websocket import ClientSocket
from dragoman.wire import jsons
from tests.gateway.stage import (
    HELLO,
    Line,
    chat_body,
    house,
    line_to,
    messages_body,
    model,
    origin,
    playback,
    run,
    says,
)
from tests.net.scripted import Asked, Peer, until

PLAIN = [(b"content-type", b"text/plain")]


class Hall:
    """A server without the house: connections, and what answers them."""

    def __init__(self, answer: Answer, longest_silence: int) -> None:
        self.config = uvicorn.Config(echo, ws="none", log_config=None, timeout_keep_alive=longest_silence)
        self.config.load()
        self._kind: Callable[..., asyncio.Protocol] = client_connections(answer)
        self.state = ServerState()
        self.port = 0

    def connection(self) -> asyncio.Protocol:
        return self._kind(self.config, self.state, {})

    @property
    def connections(self) -> list[Any]:
        return list(self.state.connections)

    def talk(self) -> contextlib.AbstractAsyncContextManager[Line]:
        return line_to(self.port)


@contextlib.asynccontextmanager
async def hall(
    answer: Answer,
    longest_silence: int = 60,
    seen: Callable[[asyncio.Protocol], asyncio.Protocol] = lambda connection: connection,
) -> AsyncIterator[Hall]:
    running = Hall(answer, longest_silence)
    server = await asyncio.get_running_loop().create_server(lambda: seen(running.connection()), "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        for connection in running.connections:
            connection.shutdown()
        await until(lambda: not running.connections and not running.state.tasks)


async def echo(request: HTTPRequest) -> None:
    """Answer with all that is known of the request."""
    body = await request.body.read(2**20)
    said = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": dict(request.headers),
        "peer": request.peer,
        "body": body.decode(),
    }
    request.outlet.begin(200, PLAIN)
    request.outlet.write(jsons.write(said))
    request.outlet.end()


POST = b"POST /v1/a%20b?c=%20d HTTP/1.1\r\nHost: here\r\nX-A: 1\r\nx-a: 2\r\nX-B: \xe9\r\n"
WHOLE = POST + b"content-length: 5\r\n\r\nhello"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"


@pytest.mark.parametrize("said", [WHOLE, CHUNKED], ids=["whole", "chunked"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_request_is_the_same_however_it_is_cut(said: bytes, size: int) -> None:
    heard: list[Any] = []

    class Cut(asyncio.Protocol):
        """Hands every piece on as it was cut: sockets would join them."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.inner.connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            self.inner.connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            for at in range(0, len(data), size):
                self.inner.data_received(data[at : at + size])

    async def main() -> None:
        async with hall(echo, seen=Cut) as running, running.talk() as line:
            for _ in range(2):
                line.writer.write(said)
                heard.append((await line.heard()).json)

    run(main)
    assert heard[0] == heard[1]
    headers = heard[0].pop("headers")
    assert heard[0] == {
        "method": "POST",
        "path": "/v1/a b",
        "query": "c=%20d",
        "peer": "127.0.0.1",
        "body": "hello",
    }
    assert (headers["host"], headers["x-a"], headers["x-b"]) == ("here", "1, 2", "é")


def test_requests_that_come_together_are_answered_in_turn() -> None:
    async def main() -> None:
        under_way = 0

        async def slowly(request: HTTPRequest) -> None:
            nonlocal under_way
            under_way += 1
            assert under_way == 1
            for _ in range(5):
                await asyncio.sleep(0)
            under_way -= 1
            await echo(request)

        async with hall(slowly) as running, running.talk() as line:
            line.writer.write(b"".join(WHOLE.replace(b"/v1/a", b"/%d" % number) for number in range(20)))
            paths = [(await line.heard()).json["path"] for _ in range(20)]
            assert paths == [f"/{number} b" for number in range(20)]

    run(main)


@pytest.mark.parametrize(
    ("line", "path", "query"),
    [
        (b"GET http://elsewhere:80/v1/models?x=1 HTTP/1.1", "/v1/models", "x=1"),
        (b"GET http://elsewhere HTTP/1.1", "/", ""),
        (b"GET /a?b?c#d HTTP/1.1", "/a", "b?c#d"),
        (b"OPTIONS * HTTP/1.1", "*", ""),
        (b"GET /%zz%41%c3%a9 HTTP/1.1", "/%zzAé", ""),
    ],
)
def test_what_a_request_line_names(line: bytes, path: str, query: str) -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as talking:
            talking.writer.write(line + b"\r\nhost: here\r\n\r\n")
            heard = (await talking.heard()).json
            assert (heard["path"], heard["query"]) == (path, query)

    run(main)


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        (b"nonsense\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", 400, "not valid HTTP/1.1"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "use http:// in place of https://"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "speaks HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 700_000, 431, "larger than 64 KiB"),
        (b"GET /" + b"y" * 700_000, 431, "larger than 64 KiB"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n" + WHOLE, 431, "larger than 64 KiB"),
        (
            b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            431,
            "larger than 64 KiB",
        ),
    ],
    ids=[
        "line",
        "header",
        "two lengths",
        "two framings",
        "TLS",
        "HTTP/2",
        "header",
        "path",
        "header, ended",
        "path, ended",
    ],
)
def test_what_is_no_request_is_told_so_and_ends_the_connection(said: bytes, status: int, word: str) -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(said)
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"]) == (status, "close")
            assert word in heard.body.decode()
            assert await line.reader.read() == b""

    run(main)


def test_a_head_that_comes_behind_a_large_body_is_not_charged_with_it() -> None:
    async def main() -> None:
        first = POST + b"content-length: 200000\r\n\r\n" + bytes(200_000)
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(first + WHOLE[:20])
            assert (await line.heard()).status == 200
            line.writer.write(WHOLE[20:])
            assert (await line.heard()).status == 200

    run(main)


def test_who_is_refused_and_goes_on_talking_hears_why() -> None:
    """A socket that is closed with something unread is reset, and the client may never see the answer."""

    async def refuse(request: HTTPRequest) -> None:
        request.outlet.begin(413, [*PLAIN, (b"content-length", b"3")])
        request.outlet.end(b"no!")

    async def main() -> None:
        async with hall(refuse) as running, running.talk() as line:
            line.writer.write(POST + b"connection: close\r\ncontent-length: 5000000\r\n\r\n")
            for _ in range(50):
                line.writer.write(bytes(100_000))
            await line.writer.drain()
            heard = await line.heard()
            assert (heard.status, heard.body) == (413, b"no!")
            assert await line.reader.read() == b""

    run(main)


def test_who_is_refused_and_never_stops_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SECONDS_TO_HEAR", 0.0)

    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(b"nonsense\r\n\r\n")
            assert (await line.heard()).status == 400
            await until(lambda: not running.connections)

    run(main)


def test_a_body_that_turns_into_nonsense_is_refused_in_the_clients_words() -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running, running.talk() as line:
            await line.say("/v1/messages", b"5\r\nhello\r\nnonsense\r\n", headers={"transfer-encoding": "chunked"})
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"]) == (400, "close")
            assert "not valid HTTP/1.1" in heard.error["message"]
            assert await line.reader.read() == b""

    run(main)


@pytest.mark.parametrize("endless", [b"0\r\nx: ", b"0\r\n", b"5;"], ids=["trailer", "trailers", "extension"])
def test_nothing_but_a_body_is_without_end(endless: bytes) -> None:
    again = b"x: y\r\n" if endless == b"0\r\n" else b"y"

    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running, running.talk() as line:
            await line.say("/v1/messages", endless + again * 700_000, headers={"transfer-encoding": "chunked"})
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"]) == (400, "close")
            assert "larger than 64 KiB" in heard.error["message"]
            assert await line.reader.read() == b""

    run(main)


def test_nonsense_in_what_nobody_reads_any_more_is_not_answered() -> None:
    async def refuse(request: HTTPRequest) -> None:
        request.outlet.begin(413, [*PLAIN, (b"content-length", b"3")])
        request.outlet.end(b"no!")

    async def main() -> None:
        async with hall(refuse) as running, running.talk() as line:
            line.writer.write(POST + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            assert (await line.heard()).status == 413
            line.writer.write(b"nonsense\r\n")
            assert await line.reader.read() == b""

    run(main)


def test_nonsense_behind_a_request_does_not_disturb_its_answer() -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(WHOLE + b"nonsense\r\n\r\n")
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"], heard.json["body"]) == (200, "close", "hello")
            assert await line.reader.read() == b""

    run(main)


def test_what_stands_behind_a_body_is_no_header() -> None:
    """Else a key could be smuggled in behind what a proxy before us has looked at."""

    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(CHUNKED.replace(b"0\r\n\r\n", b"0\r\nx-api-key: stolen\r\n\r\n"))
            assert "x-api-key" not in (await line.heard()).json["headers"]
            line.writer.write(WHOLE)
            assert "x-api-key" not in (await line.heard()).json["headers"]

    run(main)


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.0\r\n",
        b"POST / HTTP/1.0\r\nconnection: keep-alive\r\n",
        b"POST / HTTP/1.1\r\nconnection: close\r\n",
    ],
)
def test_who_wants_one_answer_gets_one(head: bytes) -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(head + b"content-length: 2\r\n\r\nhi")
            said = await line.reader.read()
            assert b"connection: close\r\n" in said
            assert (b"chunked" in said) == (b"1.1" in head)
            assert b'"body":"hi"' in said

    run(main)


@pytest.mark.parametrize("closes", [False, True])
@pytest.mark.parametrize(
    "framed", [b"content-length: 5\r\n\r\nhello", CHUNKED.removeprefix(POST)], ids=["length", "chunked"]
)
def test_another_protocol_is_offered_in_vain(framed: bytes, closes: bool) -> None:
    """curl 8 (--http2) and Java's HttpClient (21) ask for h2c at once, whatever they have to say."""

    async def main() -> None:
        connection = b"close, Upgrade, HTTP2-Settings" if closes else b"Upgrade, HTTP2-Settings"
        said = POST + b"connection: %b\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n%b" % (connection, framed)
        async with hall(echo) as running, running.talk() as line:
            for _ in range(1 if closes else 3):
                line.writer.write(said)
                heard = await line.heard()
                assert (heard.status, heard.json["body"], heard.json["path"]) == (200, "hello", "/v1/a b")
                assert heard.headers.get("connection") == ("close" if closes else None)

    run(main)


def test_this_is_no_tunnel() -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(b"CONNECT elsewhere:443 HTTP/1.1\r\nhost: elsewhere\r\n\r\n")
            heard = await line.heard()
            assert heard.status == 405
            assert b"base URL" in heard.body
            assert await line.reader.read() == b""

    run(main)


def test_who_says_nothing_for_too_long_is_left() -> None:
    async def main() -> None:
        async with hall(echo, longest_silence=60) as running, running.talk() as line:
            await until(lambda: bool(running.connections))
            (talking,) = running.connections
            for _ in range(2):
                talking._since -= 59
                talking._look()
                line.writer.write(WHOLE)  # who speaks begins anew
                assert (await line.heard()).status == 200
            talking._since -= 61
            talking._look()
            assert await line.reader.read() == b""

    run(main)


def test_who_is_being_answered_is_not_left() -> None:
    async def main() -> None:
        async def slowly(request: HTTPRequest) -> None:
            (talking,) = running.connections
            talking._since -= 1000
            talking._look()
            await echo(request)

        async with hall(slowly, longest_silence=60) as running, running.talk() as line:
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 200

    run(main)


def test_who_stops_in_the_middle_of_a_request_is_left() -> None:
    async def main() -> None:
        asked, stopped = asyncio.Event(), asyncio.Event()

        async def reads(request: HTTPRequest) -> None:
            asked.set()
            try:
                await request.body.read(100)
            finally:
                stopped.set()

        async with hall(reads, longest_silence=60) as running, running.talk() as line:
            line.writer.write(POST + b"content-length: 5\r\n\r\nhel")
            await asked.wait()
            (talking,) = running.connections
            talking._look()
            assert not stopped.is_set()
            talking._since -= 61
            talking._look()
            await stopped.wait()
            assert await line.reader.read() == b""

    run(main)


def test_who_waits_until_we_read_on_is_not_left() -> None:
    async def main() -> None:
        async def reads_late(request: HTTPRequest) -> None:
            (talking,) = running.connections
            await until(lambda: talking._flow.held)
            talking._since -= 1000
            talking._look()
            await request.body.read(2**20)
            request.outlet.begin(200, [(b"content-length", b"0")])
            request.outlet.end()

        async with hall(reads_late, longest_silence=60) as running, running.talk() as line:
            line.writer.write(b"POST / HTTP/1.1\r\ncontent-length: 300000\r\n\r\n" + bytes(300_000))
            assert (await line.heard()).status == 200

    run(main)


def test_an_answer_under_way_is_finished_before_the_house_closes() -> None:
    async def main() -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(request: HTTPRequest) -> None:
            asked.set()
            await go_on.wait()
            await echo(request)

        async with hall(slowly) as running, running.talk() as idle, running.talk() as line:
            line.writer.write(WHOLE)
            await asked.wait()
            await until(lambda: len(running.state.connections) == 2)
            for connection in running.connections:
                connection.shutdown()
            assert await idle.reader.read() == b""
            go_on.set()
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"]) == (200, "close")
            assert await line.reader.read() == b""

    run(main)


def test_a_bug_in_reading_is_no_fault_of_the_clients(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def buggy(_: ClientConnection) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(ClientConnection, "on_headers_complete", buggy)

    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 500
            assert await line.reader.read() == b""

    run(main)
    assert "KeyError: 'a bug'" in caplog.text


@pytest.mark.parametrize("begun", [False, True])
def test_a_bug_is_a_status_or_a_broken_answer(begun: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def buggy(request: HTTPRequest) -> None:
        if begun:
            request.outlet.begin(200, PLAIN)
            request.outlet.write(b"half")
        raise KeyError("a bug")

    async def main() -> None:
        async with hall(buggy) as running, running.talk() as line:
            line.writer.write(WHOLE)
            heard = await line.heard()
            assert (heard.status, heard.broken) == ((200, True) if begun else (500, False))
            assert await line.reader.read() == b""

    run(main)
    assert "KeyError: 'a bug'" in caplog.text


def test_a_head_that_was_said_is_heard_even_if_nothing_follows() -> None:
    async def half(request: HTTPRequest) -> None:
        request.outlet.begin(200, PLAIN)

    async def main() -> None:
        async with hall(half) as running, running.talk() as line:
            line.writer.write(WHOLE)
            heard = await line.heard()
            assert (heard.status, heard.body, heard.broken) == (200, b"", True)

    run(main)


def test_a_client_that_goes_stops_what_is_done_for_it() -> None:
    async def main() -> None:
        asked, stopped = asyncio.Event(), asyncio.Event()

        async def hangs(request: HTTPRequest) -> None:
            try:
                asked.set()
                await request.body.read(100)
            finally:
                stopped.set()

        async with hall(hangs) as running:
            async with running.talk() as line:
                line.writer.write(POST + b"content-length: 5\r\n\r\nhel")
                await asked.wait()
            await stopped.wait()
            await until(lambda: not running.state.tasks)

    run(main)


def test_what_goes_on_behind_an_answer_outlives_its_client() -> None:
    async def main() -> None:
        heard, done = asyncio.Event(), asyncio.Event()

        async def tidies_up(request: HTTPRequest) -> None:
            await echo(request)
            await heard.wait()
            done.set()

        async with hall(tidies_up) as running:
            async with running.talk() as line:
                line.writer.write(WHOLE)
                assert (await line.heard()).status == 200
            await until(lambda: not running.state.connections)
            heard.set()
            await done.wait()

    run(main)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
def test_half_a_request_does_not_hold_up_the_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SECONDS_TO_ARRIVE", 0.0)

    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running, running.talk() as line:
            line.writer.write(b"POST %b HTTP/1.1\r\ncontent-length: 5\r\n\r\nhel" % path.encode())
            await until(lambda: any(talking._present for talking in running.connections))
            for talking in running.connections:
                talking.shutdown()
            heard = await line.heard()
            assert (heard.status, heard.headers["connection"]) == (529 if path == "/v1/messages" else 503, "close")
            assert "being stopped" in heard.error["message"]
            assert await line.reader.read() == b""

    run(main)


def test_what_arrives_soon_after_the_house_closes_is_still_answered() -> None:
    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            line.writer.write(WHOLE[:-2])
            await until(lambda: any(talking._present for talking in running.connections))
            for talking in running.connections:
                talking.shutdown()
            line.writer.write(WHOLE[-2:])
            heard = await line.heard()
            assert (heard.status, heard.json["body"]) == (200, "hello")

    run(main)


def test_an_answer_that_needs_no_body_is_finished_though_its_request_never_was() -> None:
    async def main() -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slowly(request: HTTPRequest) -> None:
            asked.set()
            await go_on.wait()
            request.outlet.begin(200, PLAIN)
            request.outlet.end(b"it")

        async with hall(slowly) as running, running.talk() as line:
            line.writer.write(WHOLE[:-2])
            await asked.wait()
            (talking,) = running.connections
            talking._give_up(talking._present)
            go_on.set()
            heard = await line.heard()
            assert (heard.status, heard.body) == (200, b"it")

    run(main)


def test_one_task_answers_what_comes_one_after_the_other_and_ends_with_the_connection() -> None:
    async def main() -> None:
        tasks = set()

        async def notes(request: HTTPRequest) -> None:
            tasks.add(asyncio.current_task())
            await echo(request)

        async with hall(notes) as running, running.talk() as line:
            await until(lambda: bool(running.connections))
            assert not running.state.tasks, "who never asks has none"
            for _ in range(3):
                line.writer.write(WHOLE)
                assert (await line.heard()).status == 200
            assert len(tasks) == 1
            for connection in running.connections:
                connection.shutdown()
            assert await line.reader.read() == b""
            await until(lambda: not running.state.tasks)

    run(main)


def test_who_asks_again_does_not_wait_for_what_goes_on_behind_his_answer() -> None:
    async def main() -> None:
        go_on, tasks = asyncio.Event(), []

        async def tidies_up(request: HTTPRequest) -> None:
            tasks.append(asyncio.current_task())
            await echo(request)
            if len(tasks) < 3:
                await go_on.wait()

        async with hall(tidies_up) as running, running.talk() as line:
            for _ in range(4):
                line.writer.write(WHOLE)
                assert (await line.heard()).status == 200
            assert len(set(tasks[:3])) == 3
            assert tasks[3] is tasks[2]
            go_on.set()  # two are enough to wait for requests
            await until(lambda: len(running.state.tasks) == 2)
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 200
            assert tasks[4] in tasks[:3]

    run(main)


def test_a_bug_behind_an_answer_does_not_disturb_the_next(caplog: pytest.LogCaptureFixture) -> None:
    async def buggy(request: HTTPRequest) -> None:
        await echo(request)
        raise KeyError("a bug")

    async def main() -> None:
        async with hall(buggy) as running, running.talk() as line:
            for _ in range(2):
                line.writer.write(WHOLE)
                assert (await line.heard()).status == 200

    run(main)
    assert caplog.text.count("KeyError: 'a bug'") == 2


def test_who_asks_and_goes_at_once_is_not_answered() -> None:
    async def main() -> None:
        asked = 0

        async def counts(request: HTTPRequest) -> None:
            nonlocal asked
            asked += 1
            await echo(request)

        async with hall(counts) as running, running.talk() as line:
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 200
            (talking,) = running.connections
            talking.data_received(WHOLE)
            talking.connection_lost(None)
            await until(lambda: not running.state.tasks)
            assert asked == 1

    run(main)


def test_who_is_idle_keeps_nothing_of_what_he_was_answered() -> None:
    async def main() -> None:
        asked: list[weakref.ref[asyncio.Future[None]]] = []

        async def holds(request: HTTPRequest) -> None:
            something = request.headers["x"] = asyncio.get_running_loop().create_future()  # type: ignore[index]
            asked.append(weakref.ref(something))
            del something
            request.outlet.begin(200, [(b"content-length", b"0")])
            request.outlet.end()

        async with hall(holds) as running, running.talk() as line:
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 200
            assert asked[0]() is None

    run(main)


def test_who_goes_on_as_a_websocket_leaves_no_task_behind() -> None:
    class Socket(asyncio.Protocol):
        def __init__(self, **_: Any) -> None:
            pass

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport: Any = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(data)
            self.transport.close()

    async def main() -> None:
        async with hall(echo) as running, running.talk() as line:
            running.config.ws_protocol_class = Socket
            line.writer.write(WHOLE)
            assert (await line.heard()).status == 200
            assert running.state.tasks
            line.writer.write(b"GET /x HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
            assert (await line.reader.read()).startswith(b"GET /x HTTP/1.1")
            assert not running.state.tasks

    run(main)


def test_a_large_body_waits_until_somebody_wants_it() -> None:
    async def main() -> None:
        body = gzip.compress(b"x" * 1000) + bytes(300_000)
        wanted, paused = asyncio.Event(), asyncio.Event()

        async def later(request: HTTPRequest) -> None:
            (talking,) = running.connections
            await until(lambda: talking._flow.held)
            paused.set()
            await wanted.wait()
            assert await request.body.read(2**20) == body
            request.outlet.begin(200, [(b"content-length", b"0")])
            request.outlet.end()

        async with hall(later) as running, running.talk() as line:
            line.writer.write(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await paused.wait()
            wanted.set()
            assert (await line.heard()).status == 200

    run(main)


# Through the whole house.


def test_who_waits_for_100_continue_gets_it() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as backend,
            house([model("m", origin(backend) + "/v1")]) as running,
            running.talk() as line,
        ):
            body = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: {len(body)}"
            line.writer.write(head.encode() + b"\r\n\r\n")
            assert await line.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            line.writer.write(body)
            assert (await line.heard()).status == 200

    run(main)


def test_the_status_line_does_not_wait_for_an_event() -> None:
    """A stream that is kept company has a head, and its client may look at it."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(peer: Peer, heard: Asked) -> None:
        asked.set()
        await go_on.wait()
        await says(*HELLO)(peer, heard)

    async def main() -> None:
        async with (
            playback(answer) as backend,
            house([model("m", origin(backend) + "/v1")]) as running,
            running.talk() as line,
        ):
            await line.say("/v1/chat/completions", chat_body(stream=True))
            await asked.wait()
            running.pulse()
            assert b"200 OK" in await line.head()
            go_on.set()
            assert await line.chunk()

    run(main)


def test_every_answer_on_a_connection_is_whole() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as backend,
            house([model("m", origin(backend) + "/v1")]) as running,
            running.talk() as line,
        ):
            for stream in (True, False, True):
                await line.say("/v1/messages", messages_body(stream=stream))
                heard = await line.heard()
                assert (heard.status, heard.broken) == (200, False)
                assert b"hello " in heard.body

    run(main)


def test_an_answer_under_way_is_not_torn_by_another_protocol() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as backend,
            house([model("m", origin(backend) + "/v1")], ws=ClientSocket) as running,
            running.talk() as line,
        ):
            await line.say("/v1/messages", messages_body())
            upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
            await line.say("/v1/responses", method="GET", headers=upgrade)
            assert (await line.heard()).status == 200
            assert (await line.heard()).status == 405

    run(main)
