"""A backend that does what a test's script says, byte by byte, and remembers what was asked of it."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client

T = TypeVar("T")

SECONDS_PER_TEST: Final = 20.0
# Long enough for anything that is to happen, and far shorter than SECONDS_PER_TEST.
PATIENT: Final = Timeouts(connect=5, first_byte=5, idle=5)


class Run(Protocol):
    """Runs a coroutine to its end on one of the event loops, or fails after SECONDS_PER_TEST."""

    def __call__(self, main: Coroutine[Any, Any, T]) -> T: ...


class Asked:
    """One request as the backend heard it."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.line, *fields = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self.fields: Final = [(name.lower(), value.strip()) for name, _, value in (f.partition(":") for f in fields)]
        self.headers: Final = dict(self.fields)
        self.body: Final = body


class Peer:
    """One accepted connection."""

    def __init__(self, backend: "Backend", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.backend: Final = backend
        self.reader: Final = reader
        self.writer: Final = writer

    async def asked(self) -> Asked:
        """Wait for a request; asyncio.IncompleteReadError if the client hangs up instead."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(v) for n, v in Asked(head, b"").fields if n == "content-length"), 0)
        heard = Asked(head, await self.reader.readexactly(length))
        self.backend.asked.append(heard)
        return heard

    async def say(self, *pieces: bytes) -> None:
        """Each piece in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def gone(self) -> None:
        """Wait until the client has hung up."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """Hang up so that the client gets a reset."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class Backend:
    """asked: every request, in order. accepted: how many connections there were."""

    def __init__(self, script: Script, scheme: str) -> None:
        self.asked: Final[list[Asked]] = []
        self.accepted = 0
        self.port = 0
        self.gone: Final = asyncio.Event()  # a script sets it when it saw the client hang up
        self._scheme = scheme
        self._script: Final = script
        self._peers: Final[dict[asyncio.Task[None], Peer]] = {}

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/v1/chat"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        peer = Peer(self, reader, writer)
        self._peers[asyncio.get_running_loop().create_task(self._play(peer))] = peer

    async def _play(self, peer: Peer) -> None:
        try:
            await self._script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client hung up, as it may
        finally:
            peer.writer.close()

    async def dismiss(self) -> None:
        """Hang up on everyone, and raise what went wrong in a script."""
        for task, peer in self._peers.items():
            task.cancel()
            peer.writer.transport.abort()
        outcomes = await asyncio.gather(*self._peers, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
                raise outcome


@contextlib.asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Backend]:
    """A backend on a free port that plays `script` to every connection."""
    backend = Backend(script, "https" if tls else "http")
    server = await asyncio.start_server(backend.accept, "127.0.0.1", 0, ssl=tls)
    backend.port = server.sockets[0].getsockname()[1]
    try:
        yield backend
    finally:
        server.close()
        await backend.dismiss()
        await server.wait_closed()


async def ask(client: Client, url: str, body: bytes = b"{}", timeouts: Timeouts = PATIENT) -> bytes:
    reply = await client.send("POST", url, [("content-type", "application/json")], body, timeouts)
    try:
        return await reply.read_all(2**24)
    finally:
        reply.close()


async def problem_of(client: Client, url: str, timeouts: Timeouts = PATIENT) -> Problem:
    try:
        body = await ask(client, url, timeouts=timeouts)
    except Problem as problem:
        return problem
    raise AssertionError(f"no problem, but {body!r}")


async def until(true: Callable[[], bool]) -> None:
    """Let everyone else go on until something is true that no event announces."""
    while not true():  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0)


def answering(*replies: bytes) -> Script:
    """Answer one request after another, on each connection from the first reply again."""

    async def script(peer: Peer) -> None:
        for reply in replies:
            await peer.asked()
            await peer.say(reply)
        await peer.gone()

    return script


def ok(body: bytes = b"hello", *fields: bytes) -> bytes:
    lines = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (lines, len(body), body)


def chunked(*chunks: bytes, fields: bytes = b"", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n%b0\r\n%b\r\n" % (fields, body, trailers)


class Asking:
    """A client and a backend, both hung up at the end."""

    def __init__(self, script: Script, **options: Any) -> None:
        self.client = Client(**options)
        self._serving = serving(script)

    async def __aenter__(self) -> tuple[Client, Backend]:
        return self.client, await self._serving.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        await self._serving.__aexit__(None, None, None)


def keeping() -> Script:
    """Echo bodies, as long as the client likes."""

    async def script(peer: Peer) -> None:
        while True:
            heard = await peer.asked()
            await peer.say(ok(heard.body))

    return script
