"""The whole app on a real uvicorn server, in front of backends that do what a test says, all in one event loop.

A script is played to POST requests only: what is asked in the background (which models are there?) is answered with
404 unless the test says otherwise, and nobody has to think of it.
"""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import uvicorn
import uvloop

from dragoman.config.load import load_bytes
from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.gateway.gateway import Gateway
from dragoman.net.client import Client
from dragoman.server.app import App
from dragoman.server.connection import client_connections
from dragoman.wire import jsons
from tests.agents.script import Said, Words
from tests.agents.wires import chat, messages, responses
from tests.net.scripted import Asked, Backend, Peer, Script, serving, until

SECONDS_PER_TEST: Final = 30.0
_AT_REST: Final = 500  # turns of the loop in which nothing happens: everyone is in it
BACKEND_KEY: Final = "sk-backend-0123456789abcdef"
# A port of 127.0.0.1 where nothing listens: the discard service's.
NOBODY: Final = "http://127.0.0.1:9/v1"
# What a client must never read of a backend.
SECRETS: Final = (b"sk-backend", b"127.0.0.1", b"Traceback", b"http://")

Answer = Callable[[Peer, Asked], Awaitable[None]]


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run one test; it fails if a task is left over or an exception went unseen."""

    async def within_reason() -> None:
        unseen: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: unseen.append(context))
        before = asyncio.all_tasks()
        async with asyncio.timeout(SECONDS_PER_TEST):
            await main()
        await until(lambda: asyncio.all_tasks() <= before)
        gc.collect(1)
        assert unseen == [], unseen

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # the loop that `dragoman serve` runs on
        runner.run(within_reason())


class House:
    """The running app. url: its origin. connections: of clients, which a shutdown tells of itself."""

    def __init__(self, app: App, port: int, connections: Collection[Any]) -> None:
        self.app: Final = app
        self.connections: Final = connections
        self.port: Final = port
        self.url: Final = f"http://127.0.0.1:{port}"

    @property
    def gateway(self) -> Gateway:
        gateway = self.app._gateway
        assert gateway is not None
        return gateway

    @property
    def net(self) -> Client:
        return self.gateway.net

    def pulse(self) -> None:
        """Let everyone who waits be kept company now."""
        self.gateway.pulses.tick(float("inf"))

    async def ask(
        self,
        path: str,
        body: Any = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> "Heard":
        """One request on a connection of its own. body: bytes, or what becomes JSON."""
        async with self.talk() as line:
            await line.say(path, body, method=method, headers=headers)
            return await line.heard(bodiless=method == "HEAD")

    def give_up(self) -> None:
        """Wait no longer for what is being answered, as uvicorn at the end of a shutdown."""
        for connection in self.connections:
            for task in connection._state.tasks:
                task.cancel()

    def talk(self) -> contextlib.AbstractAsyncContextManager["Line"]:
        return line_to(self.port)


class Heard:
    """An answer. broken: the connection ended before the answer did."""

    def __init__(self, head: bytes, body: bytes, *, broken: bool = False) -> None:
        status, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self.status: Final = int(status.split()[1])
        self.fields: Final = [(n.lower(), v.strip()) for n, _, v in (field.partition(":") for field in fields)]
        self.headers: Final = dict(self.fields)
        self.body: Final = body
        self.broken: Final = broken

    @property
    def json(self) -> Any:
        return jsons.read(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object of either dialect, after a look at its envelope."""
        error = self.json["error"]
        assert isinstance(error, dict)
        assert error["message"]
        if "request_id" in self.json:
            assert self.json["type"] == "error"
            assert set(error) == {"type", "message"}
        else:
            assert set(error) == {"message", "type", "param", "code"}
        return error

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The events of a stream, without [DONE]."""
        lines = [line for line in self.body.split(b"\n") if line.startswith(b"data: ")]
        return [jsons.read(line[6:]) for line in lines if line != b"data: [DONE]"]


class Line:
    """One connection of a client, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader: Final = reader
        self.writer: Final = writer

    async def say(
        self, path: str, body: Any = b"", *, method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> None:
        data = body if isinstance(body, bytes) else jsons.write(body)
        said = {"host": "127.0.0.1", "content-type": "application/json", **(headers or {})}
        if "transfer-encoding" not in said:
            said.setdefault("content-length", str(len(data)))
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def heard(self, *, bodiless: bool = False) -> Heard:
        head = await self.head()
        fields = Heard(head, b"").headers
        if bodiless:
            return Heard(head, b"")
        if "content-length" in fields:
            return Heard(head, await self.reader.readexactly(int(fields["content-length"])))
        pieces: list[bytes] = []
        try:
            while piece := await self.chunk():
                pieces.append(piece)
        except (asyncio.IncompleteReadError, ConnectionError):
            return Heard(head, b"".join(pieces), broken=True)
        return Heard(head, b"".join(pieces))

    async def chunk(self) -> bytes:
        """The next chunk of a chunked body, b"" for its end."""
        size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
        return (await self.reader.readexactly(size + 2))[:-2]


@contextlib.asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def playing(answer: Answer, gets: Mapping[str, Any] | None = None) -> Script:
    """gets: what GET requests are answered, by path; bytes are said as they are."""

    async def script(peer: Peer) -> None:
        while True:
            asked = await peer.asked()
            method, path, _ = asked.line.split(" ")
            if method == "POST":
                await answer(peer, asked)
                continue
            peer.backend.asked.remove(asked)
            known = (gets or {}).get(path)
            await peer.say(whole(known) if known is not None else whole({"error": "no such page"}, 404))

    return script


@contextlib.asynccontextmanager
async def playback(answer: Answer, gets: Mapping[str, Any] | None = None) -> AsyncIterator[Backend]:
    """A backend that plays `answer` to every POST."""
    async with serving(playing(answer, gets)) as backend:
        yield backend


def origin(backend: Backend) -> str:
    return f"http://127.0.0.1:{backend.port}"


def model(name: str, *urls: str, type: str = "openai", **more: Any) -> dict[str, Any]:  # noqa: A002 - the file's word
    backends = [{"url": url, "api_key": BACKEND_KEY} for url in urls]
    return {"name": name, "model": f"backend-{name}", "type": type, "backends": backends, **more}


def source(config: Mapping[str, Any]) -> ConfigSource:
    loaded = load_bytes(jsons.write({"listen": "127.0.0.1:0", "data_dir": "none", **config}), {})  # JSON is YAML
    assert loaded.config is not None, loaded.findings
    return ConfigSource(Snapshot.of(loaded.config))


@contextlib.asynccontextmanager
async def house(
    models: Sequence[Mapping[str, Any]],
    path: Path | None = None,
    *,
    ws: type[asyncio.Protocol] | Literal["none"] = "none",
    **config: Any,
) -> AsyncIterator[House]:
    """Serve the models. path: write the configuration there too, and watch it. ws: as uvicorn's."""
    content = {"models": list(models), **config}
    if path is not None:
        write(path, content)
    async with serving_app(App(source(content), path), ws) as running:
        yield running


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write a configuration file."""
    path.write_bytes(jsons.write(content))


@contextlib.asynccontextmanager
async def serving_app(app: App, ws: type[asyncio.Protocol] | Literal["none"] = "none") -> AsyncIterator[House]:
    settings = uvicorn.Config(
        app,
        http=client_connections(app.answer),
        ws=ws,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    # Server.serve() without its ticker and its pauses.
    settings.load()
    server = uvicorn.Server(settings)
    server.lifespan = settings.lifespan_class(settings)
    listening = socket.create_server(("127.0.0.1", 0))
    await server.startup([listening])
    running = House(app, listening.getsockname()[1], server.server_state.connections)
    running.gateway.books.soon = 0  # tests look as soon as they have heard the end
    try:
        yield running
    finally:
        for open_for_clients in server.servers:
            open_for_clients.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()
        await until(lambda: not server.server_state.connections and not server.server_state.tasks)
        await server.lifespan.shutdown()
        listening.close()


async def assert_nothing_is_left(running: House, ask: Callable[[], Awaitable[None]]) -> None:
    """By five exchanges after the second, for something is made once and kept."""

    async def times(number: int) -> None:
        for _ in range(number):
            await ask()
        await until(lambda: not running.gateway.books.under_way() and not running.gateway.pulses._waiting)
        await asyncio.sleep(0)  # tasks that were cancelled end

    async def left() -> int:
        gc.collect()
        gc.disable()
        try:
            await times(5)
            return gc.collect()
        finally:
            gc.enable()

    await times(2)
    # Twice, for what is looked at in the background may leave something beside.
    assert min(await left(), await left()) < 5, "less than one thing for each"


# What backends say.


def whole(body: Any, status: int = 200, *fields: str, content_type: str = "application/json") -> bytes:
    """An HTTP answer with a length. body: bytes, or what becomes JSON."""
    data = body if isinstance(body, bytes) else jsons.write(body)
    head = "".join(f"{field}\r\n" for field in fields)
    said = f"HTTP/1.1 {status} Whatever\r\ncontent-type: {content_type}\r\ncontent-length: {len(data)}\r\n{head}\r\n"
    return said.encode("latin-1") + data


STREAM: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END: Final = b"0\r\n\r\n"
HELLO: Final = (Words("hello there"),)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_WIRES: Final = {"/messages": messages, "/responses": responses}


def says(*said: Said) -> Answer:
    """Answer well, in the dialect and form that is asked for."""

    async def answer(peer: Peer, asked: Asked) -> None:
        wire = next((wire for path, wire in _WIRES.items() if path in asked.line), chat)
        body = jsons.read(asked.body)
        if not body.get("stream"):
            await peer.say(whole(wire.whole(body, said)))
            return
        await peer.say(STREAM, *map(chunk, wire.stream(body, said)), END)

    return answer


def replies(*pieces: bytes) -> Answer:
    """Answer every request with these bytes, and be ready for the next."""

    async def answer(peer: Peer, asked: Asked) -> None:
        await peer.say(*pieces)

    return answer


def streams(*pieces: bytes) -> Answer:
    """Answer every request with this event stream, which ends in good order."""
    return replies(STREAM, *map(chunk, pieces), END)


FLOOD: Final = Words("w" * 30_000)


class Flood:
    """A stream that says the event of FLOOD a thousand times: 30 MB, which no buffers hold. said: as far as it was let.

    events: of a stream that says FLOOD once.
    """

    def __init__(self, events: Sequence[bytes]) -> None:
        (at,) = [number for number, event in enumerate(events) if b"www" in event]
        self._head: Final = events[:at]
        self._event: Final = chunk(events[at])
        self._tail: Final = events[at + 1 :]
        self._times: Final = 1_000
        self.said = 0

    async def answer(self, peer: Peer, asked: Asked) -> None:
        await peer.say(STREAM, *map(chunk, self._head))
        for _ in range(self._times):
            peer.writer.write(self._event)
            await peer.writer.drain()
            self.said += 1
        await peer.say(*map(chunk, self._tail), END)

    async def is_held_back_and_arrives(self, line: Line) -> None:
        """Let it say what it may while the client reads nothing; then read all of it."""
        await self._stopped()
        assert self.said < self._times
        heard = await line.heard()
        assert not heard.broken
        assert heard.body.count(FLOOD.text.encode()) == self._times
        assert any(end in heard.body for end in (b"message_stop", b"[DONE]"))

    async def _stopped(self) -> None:
        seen, turns = self.said, 0
        while turns < _AT_REST:
            await asyncio.sleep(0)
            turns = turns + 1 if self.said == seen else 0
            seen = self.said


def hangs_after(*pieces: bytes) -> Answer:
    """Say this and no more; `backend.gone` is set when the other side hangs up."""

    async def answer(peer: Peer, asked: Asked) -> None:
        await peer.say(*pieces)
        await peer.gone()
        peer.backend.gone.set()

    return answer


def cuts_after(*pieces: bytes, reset: bool = False) -> Answer:
    """Say this and hang up."""

    async def answer(peer: Peer, asked: Asked) -> None:
        await peer.say(*pieces)
        if reset:
            peer.reset()
        else:
            peer.writer.close()
        raise ConnectionResetError

    return answer


# What clients ask.


def messages_body(name: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": name, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], **more}


def responses_body(name: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": name, "input": "hi", **more}


def chat_body(name: str = "m", **more: Any) -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": "hi"}], **more}
