"""A client's HTTP/1.1 connection: requests come in, and its task answers them, one after the other.

In place of uvicorn's, which speaks ASGI: a message, a coroutine and a look at everything a message may be, for each
piece of an answer, and a second task for each request that listens for the client's going away. uvicorn still listens,
starts and stops, and speaks WebSocket.
"""

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote

import httptools
import uvicorn
from uvicorn.server import ServerState

from dragoman.hub.problems import Problem
from dragoman.server.flow import Flow
from dragoman.server.outlet import HTTPOutlet
from dragoman.server.requests import Body, HTTPRequest

_log: Final = logging.getLogger("dragoman.server")
_LARGEST_HEAD: Final = 64 * 2**10  # bytes
_TLS: Final = b"\x16\x03"  # how a client begins that takes us for a TLS server
_HTTP2: Final = b"PRI * HTTP/2"  # and one that knows us for a server of HTTP/2
_SECONDS_TO_HEAR: Final = 2.0
_SECONDS_TO_ARRIVE: Final = 1.0  # for the rest of a body, once the server is told to stop
_MOST_IDLE: Final = 2  # tasks of a connection: one has often still to do behind its answer when the next is asked for
_PLAIN: Final = ((b"content-type", b"text/plain; charset=utf-8"),)

# Answers one request. An error of it is a bug, and has been told to nobody.
Answer: TypeAlias = Callable[[HTTPRequest], Coroutine[Any, Any, None]]


class ClientConnection(asyncio.Protocol):
    """answer: as above. What else is asked for is what uvicorn gives to its `http`."""

    def __init__(
        self,
        answer: Answer,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._answer: Final = answer
        self._config: Final = config
        self._state: Final = server_state
        self._app_state: Final = app_state
        self._loop: Final = _loop or asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0  # loop time of the last thing that was heard or answered
        # The head that is being read: the pieces of its URL, none between heads; its fields, of a repeated name the
        # first; the further ones; how many bytes they are.
        self._url: Final[list[bytes]] = []
        self._headers: dict[str, str] = {}
        self._again: list[tuple[str, str]] = []
        self._size = 0
        # Bytes that were read for it since the read in which it began, or for what is no body around the chunks of one;
        # None = not even that.
        self._unended: int | None = None
        self._elsewhere: tuple[bytes, dict[str, str]] = b"", {}  # of the head that was read, if it asks for an upgrade
        self._pieces: Final[list[bytes]] = []  # what this read has brought of a body
        # As the parser tells us. They are the lists' own, so that a piece costs no call of ours.
        self.on_url: Final = self._url.append
        self.on_body: Final = self._pieces.append
        # The requests that were read: the last of them, whose body is coming; that which is answered; those behind it.
        self._last: HTTPRequest | None = None
        self._present: HTTPRequest | None = None
        self._behind: Final[deque[HTTPRequest]] = deque()
        self._answering: asyncio.Task[None] | None = None  # the present request
        # The tasks that wait for a request, each with what tells it of one.
        self._idle: Final[list[tuple[asyncio.Future[HTTPRequest], asyncio.Task[None] | None]]] = []
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    # As the loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._flow = Flow(self._transport)
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else None
        self._state.connections.add(cast("Any", self))
        self._since = self._loop.time()
        self._look_at(self._since + self._config.timeout_keep_alive)

    def data_received(self, data: bytes) -> None:
        self._since = self._loop.time()
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            _log.exception("a bug in reading a request")
            self._refuse(500, "internal error of the proxy; its log has it")
        except httptools.HttpParserError as error:
            self._refuse_bytes(data, error)
        if self._pieces:
            if self._last is not None:
                self._last.body.feed(b"".join(self._pieces))
            self._pieces.clear()
            self._unended = None
        elif self._url or self._last is not None:  # the parser keeps a header or a trailer that has not ended:
            self._unended = 0 if self._unended is None else self._unended + len(data)  # only we can know its size
            if self._unended > _LARGEST_HEAD:
                self._refuse_head()

    def pause_writing(self) -> None:
        self._flow.full()

    def resume_writing(self) -> None:
        self._flow.free()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - gone is gone
        """The client hung up: what is being done for it stops at once, and so does the backend."""
        if self._present is not None and self._answering is not None:
            self._answering.cancel()
        self._let_go()
        self._parser = None
        self._flow.free()
        self._behind.clear()
        self._present = self._last = self._answering = None

    # As uvicorn tells us.

    def shutdown(self) -> None:
        """Close when the present request is answered. One of which half has come is none to wait for long."""
        if self._present is None:
            self._transport.close()
            return
        self._present.outlet.keeps = False
        if self._present is self._last:
            self._loop.call_later(_SECONDS_TO_ARRIVE, self._give_up, self._present)

    # As the parser tells us.

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._url:
            return  # what comes behind the body is no header any more
        self._size += len(name) + len(value)
        known, said = name.lower().decode("latin-1"), value.decode("latin-1")
        if known in self._headers:
            self._again.append((known, said))
        else:
            self._headers[known] = said

    def on_headers_complete(self) -> None:
        parser, url, headers, size = self._parser, b"".join(self._url), self._headers, self._size
        self._url.clear()
        self._unended, self._headers, self._size = None, {}, 0
        if self._again:
            headers, self._again = _joined(headers, self._again), []
        if parser is None:
            return  # what came before was refused
        if len(url) + size > _LARGEST_HEAD:
            self._refuse_head()
            return
        if parser.should_upgrade():
            self._elsewhere = url, headers
            return  # the parser reads no further, and raises when it is back
        method, keeps, version = parser.get_method().decode("ascii"), parser.should_keep_alive(), "1.1"
        if not keeps or "connection" in headers:  # else it is no 1.0, and to say so costs as much as all of the above
            version = parser.get_http_version()
            keeps = keeps and version != "1.0"
        outlet = HTTPOutlet(self._flow, method, version, self._state, self, keeps=keeps)
        body = Body(headers, self._flow)
        path, query = _place(url.decode("latin-1"))
        request = HTTPRequest(method, path, query, headers, self._peer, body, outlet)
        if self._present is None:
            self._begin(request)
        else:
            self._behind.append(request)
            self._flow.hold()
        self._last = request

    def on_message_complete(self) -> None:
        last, self._last, self._unended = self._last, None, None
        if last is not None:
            last.body.complete(b"".join(self._pieces))
        self._pieces.clear()

    # One request after the other.

    def _begin(self, request: HTTPRequest) -> None:
        self._present = request
        if self._idle:
            turn, self._answering = self._idle.pop()
            turn.set_result(request)
        else:  # the first, or something goes on behind the answer to the one before
            self._answering = task = self._loop.create_task(self._answer_in_turn(request))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)

    async def _answer_in_turn(self, request: HTTPRequest) -> None:
        """Answer it, and then what comes next: a task for each would cost a twentieth of a short request."""
        while True:
            outlet = request.outlet
            try:
                await self._answer(request)
            except Exception as bug:  # noqa: BLE001 - of ours: the client learns that, and the log learns which
                _log.exception("%s of a request", type(bug).__name__)
                if not outlet.begun:
                    outlet.keeps = False
                    outlet.begin(500, _PLAIN)
                    outlet.end(b"internal error of the proxy; its log has it")
            finally:
                if not outlet.ended:  # half an answer must not look whole
                    outlet.flush()
                    self._transport.close()
            if not outlet.keeps or self._parser is None or len(self._idle) == _MOST_IDLE:
                return
            del request, outlet  # who waits holds nothing of what is answered
            self._idle.append((self._loop.create_future(), asyncio.current_task()))
            request = await self._idle[-1][0]

    def over(self) -> None:
        """The present request is answered."""
        present, self._present = self._present, None
        if present is None or self._transport.is_closing():
            return
        present.body.drop()
        if not present.outlet.keeps:
            self._transport.close() if self._last is None else self._hang_up()
            return
        self._since = self._loop.time()
        if self._behind:
            self._begin(self._behind.popleft())
        if not self._behind:
            self._flow.go_on()

    # Ends and other ways.

    def _look_at(self, when: float) -> None:
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Has the client, whose turn it is, said nothing for too long? One timer for the connection, none per request."""
        longest, now = self._config.timeout_keep_alive, self._loop.time()
        if self._present is not None and (self._last is None or self._flow.held):
            self._look_at(now + longest)  # it is our turn
        elif now < self._since + longest:
            self._look_at(self._since + longest)
        else:
            self._transport.close()

    def _give_up(self, request: HTTPRequest) -> None:
        if request is self._last:
            request.body.fail(Problem("overloaded", "the proxy is being stopped; send the request again"))

    def _let_go(self) -> None:
        self._state.connections.discard(cast("Any", self))
        for turn, _ in self._idle:
            turn.cancel()
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse_bytes(self, data: bytes, error: Exception) -> None:
        if data.startswith(_TLS):
            _log.warning("a client speaks TLS; this port is plain HTTP: let it use http://")
            self._refuse(400, "this port speaks plain HTTP: use http:// in place of https://")
        elif data.startswith(_HTTP2):
            self._refuse(400, "this port speaks HTTP/1.1: let the client do so too, instead of HTTP/2")
        else:
            self._refuse(400, f"this is not valid HTTP/1.1: {error}")

    def _refuse_head(self) -> None:
        what = (
            "the head of the request" if self._last is None else "what stands behind the body, or between its chunks,"
        )
        self._refuse(431, f"{what} is larger than {_LARGEST_HEAD >> 10} KiB; send fewer or shorter headers")

    def _refuse(self, status: int, said: str) -> None:
        """Of what is no request: a plain text, as nobody knows in whose words. What is being answered is not disturbed."""
        if self._parser is None:
            return
        self._parser = None
        self._url.clear()
        self._behind.clear()
        if self._present is not None:
            self._present.outlet.keeps = False
            if self._last is not None:
                self._last.body.fail(Problem("bad_request", said))
            return
        if self._last is not None:  # its rest, of which nobody wants to know: it has been answered
            self._hang_up()
            return
        outlet = HTTPOutlet(self._flow, "", "1.1", self._state, None, keeps=False)
        body = f"{said}\n".encode("utf-8", "replace")
        outlet.begin(status, [*_PLAIN, (b"content-length", str(len(body)).encode())])
        outlet.end(body)
        self._hang_up()

    def _hang_up(self) -> None:
        """Close, and let who is still talking hear why: a socket that is closed with something unread takes back what
        was written last. So we stop speaking, and listen to nothing for a moment.
        """
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_SECONDS_TO_HEAR, self._transport.close)
        self._flow.go_on()
        self._transport.write_eof()

    def _upgrade(self, rest: bytes) -> None:
        """The request whose head is read asks for another protocol, or for a tunnel. rest: what came behind the head."""
        parser, (url, headers) = self._parser, self._elsewhere
        if parser is None:
            return
        method, protocol = parser.get_method(), headers.pop("upgrade", "").lower()
        if method == b"CONNECT":
            self._refuse(405, "this is no forward proxy: use it as a base URL, not as HTTP_PROXY or HTTPS_PROXY")
        elif protocol == "websocket" and self._config.ws_protocol_class is not None and self._present is None:
            headers["upgrade"] = protocol
            self._let_go()
            self._parser = None
            socket = cast("Any", self._config.ws_protocol_class)(
                config=self._config, server_state=self._state, app_state=self._app_state
            )
            socket.connection_made(self._transport)
            socket.data_received(_head(method, url, headers) + rest)
            self._transport.set_protocol(socket)
        else:  # which HTTP allows to ignore, and the parser does not: it takes the body for that protocol's
            closes = "close" in headers.pop("connection", "").lower()
            if closes:
                headers["connection"] = "close"
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(_head(method, url, headers) + rest)


def client_connections(answer: Answer) -> type[asyncio.Protocol]:
    """What uvicorn wants for its `http`."""
    return cast("type[asyncio.Protocol]", functools.partial(ClientConnection, answer))


def _joined(headers: dict[str, str], again: list[tuple[str, str]]) -> dict[str, str]:
    """Of a repeated name the values joined, as HTTP allows."""
    said = {name: [value] for name, value in headers.items()}
    for name, value in again:
        said[name].append(value)
    return {name: ", ".join(values) for name, values in said.items()}


def _head(method: bytes, url: bytes, headers: dict[str, str]) -> bytes:
    """A head as it was read, written again."""
    lines = [b"%b %b HTTP/1.1" % (method, url), *(f"{n}: {v}".encode("latin-1") for n, v in headers.items())]
    return b"\r\n".join([*lines, b"", b""])


@functools.lru_cache(maxsize=64)  # clients ask for the same few, again and again
def _place(url: str) -> tuple[str, str]:
    """Path and query of what a request line names: a path, or by way of a proxy a whole URL."""
    if not url.startswith("/"):
        try:
            parsed = httptools.parse_url(url.encode("latin-1"))
        except httptools.HttpParserInvalidURLError:
            return "", ""
        path, query = (parsed.path or b"/").decode("latin-1"), (parsed.query or b"").decode("latin-1")
    else:
        path, _, query = url.partition("?")
    return unquote(path) if "%" in path else path, query
