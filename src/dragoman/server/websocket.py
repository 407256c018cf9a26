"""The WebSocket transport of the Responses dialect: many requests on one connection, in lanes.

Each `response.create` is an exchange like any other; its event stream goes out as frames, one event each. Requests of
one lane (`stream_id`) are answered one after the other, lanes side by side. What was said on a connection may be named
by `previous_response_id` as long as the connection lasts, stored or not.
"""

import asyncio
import contextlib
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from dragoman.gateway.call import Call, ClientGoneError, new_id
from dragoman.gateway.exchange import Endpoint, exchange, on_model
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.respond import warm_up
from dragoman.gateway.responder import SECURITY
from dragoman.hub.problems import Problem
from dragoman.protocols.codec import ClientSide
from dragoman.server.asgi import Message, Receive, Send
from dragoman.server.keys import Door
from dragoman.store.response_tables import Limits
from dragoman.store.responses import ConnectionResponses
from dragoman.wire import jsons, utf8
from dragoman.wire.sse import SSEReader

_DONE: Final = b"[DONE]"
_LONGEST_LANE: Final = 256  # its name is said in each frame
_RESTART: Final = 1012  # as a code of WebSocket's: come again in a moment
_SECONDS_TO_ECHO: Final = 1.0
_SWITCHED_OFF: Final = 426  # at which Codex (0.169) falls back to HTTP at once; any other status costs it seconds


class ClientSocket(WSProtocol):
    """uvicorn's, but for its end at a shutdown: what is being answered is answered first, as it is over HTTP."""

    def shutdown(self) -> None:
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
        else:
            self.close_timeout = _SECONDS_TO_ECHO
            self.queue.put_nowait({"type": "websocket.disconnect", "code": _RESTART})


class ResponsesSocket:
    """One connection. endpoint: what answers a request."""

    def __init__(
        self, door: Door, headers: Mapping[str, str], client: ClientSide, endpoint: Endpoint, gateway: Gateway
    ) -> None:
        self._door: Final = door
        self._headers: Final = headers
        self._client: Final = client
        self._endpoint: Final = endpoint
        own = ConnectionResponses(gateway.responses, Limits())
        self._gateway: Final = msgspec.structs.replace(gateway, responses=own)
        self._lanes: Final[WeakValueDictionary[str, asyncio.Lock]] = WeakValueDictionary()  # those in which any goes

    async def serve(self, receive: Receive, send: Send) -> None:
        await receive()
        snapshot = self._gateway.config.current
        if not snapshot.config.websocket:
            await _refuse(send, _SWITCHED_OFF, b'{"error":{"message":"WebSocket is switched off here: use HTTP"}}')
            return
        try:
            await self._door(snapshot)
        except Problem as problem:
            refused = self._client.write_problem(problem, "")
            await _refuse(send, refused.status, refused.body)
            return
        await send({"type": "websocket.accept"})

        async def telling(message: Message) -> None:
            try:
                await send(message)
            except OSError:  # as uvicorn says it
                raise ClientGoneError from None

        async with asyncio.TaskGroup() as answering:
            under_way: set[asyncio.Task[None]] = set()
            leaving = False
            while True:
                message = await receive()
                if message["type"] == "websocket.receive":
                    if leaving:
                        continue  # it has to be asked elsewhere
                    doing = self._answer(message, telling)
                elif message["code"] == _RESTART and not leaving:
                    leaving = True
                    doing = _close_behind(set(under_way), telling)
                else:
                    break
                task = answering.create_task(doing)
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            for task in under_way:  # whatever is being answered is of no use to anybody
                task.cancel()

    async def _answer(self, message: Message, send: Send) -> None:
        with contextlib.suppress(ClientGoneError):  # which the loop over the messages is about to hear
            await self._hear(message, send)

    async def _hear(self, message: Message, send: Send) -> None:
        text = message.get("text") or message.get("bytes") or ""
        if isinstance(text, bytes) and (place := utf8.broken_at(text)) is not None:
            await send(_refusal(f"the frame is no UTF-8 from byte {place} on: send JSON in UTF-8", None))
            return
        try:
            said = jsons.read(text)
        except jsons.JSONError as error:
            await send(_refusal(f"the frame is not valid JSON: {error}", None))
            return
        if not isinstance(said, dict) or said.get("type") != "response.create":
            await send(_refusal("the frame must be an object with `type`: `response.create`", "unsupported_event"))
            return
        named = said.get("stream_id")
        lane = named if isinstance(named, str) else ""
        if len(lane) > _LONGEST_LANE:
            await send(_refusal(f"stream_id: is longer than {_LONGEST_LANE} characters", None))
            return
        lock = self._lanes.setdefault(lane, asyncio.Lock())
        async with lock:
            await self._create(said, len(text), lane, send)

    async def _create(self, said: dict[str, Any], size: int, lane: str, send: Send) -> None:
        body = jsons.write({**{key: value for key, value in said.items() if key not in _FRAME}, "stream": True})

        async def read_body(limit: int) -> bytes:
            if size > limit:
                wanted = f"the frame is larger than {limit >> 20} MiB; send less, or raise `max_body_mb`"
                raise Problem("too_large", wanted)
            return body

        outlet = _FrameOutlet(send, lane)
        # The key is looked at each time: it may have been taken away since.
        call = Call(new_id(), "POST", "/v1/responses", "", self._headers, self._door, read_body, outlet)
        # Codex sends its prompt ahead; nothing is to be generated then, but the response may be referred to.
        endpoint = _WARM_UP if said.get("generate") is False else self._endpoint
        await exchange(call, self._client, endpoint, self._gateway)
        await outlet.drained()


async def _close_behind(under_way: set[asyncio.Task[None]], send: Send) -> None:
    """Close the connection, of which the loop over the messages then hears, when everything under way is over."""
    if under_way:
        await asyncio.wait(under_way)
    with contextlib.suppress(ClientGoneError):
        await send({"type": "websocket.close", "code": _RESTART})


_WARM_UP: Final = on_model(warm_up)
_FRAME: Final = frozenset({"type", "stream_id", "generate"})


class _FrameOutlet:
    """Takes an HTTP answer and sends it as frames. An Outlet, but for what it raises: ClientGoneError, if it hears that."""

    def __init__(self, send: Send, lane: str) -> None:
        self._send: Final = send
        self._lane: Final = lane
        self._sse: Final = SSEReader()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._frames: list[Message] = []  # those that wait behind
        self._unsent: _Unsent | None = None  # the one that is on its way

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:
        self._status = status
        self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        return not first or self.write(first)

    def write(self, data: bytes) -> bool:
        if self._status == 200:
            self._frames += [_text(frame.data, self._lane) for frame in self._sse.feed(data) if frame.data != _DONE]
        else:
            self._body.append(data)
        return self._sent()

    def end(self, data: bytes = b"") -> None:
        self.write(data)
        if self._status != 200:
            self._frames.append(_error(self._status, self._error(), self._lane))
            self._sent()

    @property
    def hears(self) -> bool:
        """Whose exchange is given up has gone, or hears it from the code with which the connection is closed."""
        return False

    async def drained(self) -> None:
        while not self._sent():
            unsent, self._unsent = self._unsent, None
            if unsent is not None:
                await unsent

    def _sent(self) -> bool:
        """Send as much as can be sent without waiting. Whether that was all."""
        while self._frames and self._unsent is None:
            sending = self._send(self._frames.pop(0)).__await__()
            try:
                waits_for = next(sending)
            except StopIteration:
                continue
            self._unsent = _Unsent(waits_for, sending)
        return self._unsent is None

    def _error(self) -> dict[str, Any]:
        said = jsons.read(b"".join(self._body))
        error: dict[str, Any] = said.get("error", {}) if isinstance(said, dict) else {}
        if "retry-after" in self._headers:
            error = {**error, "headers": {"retry-after": self._headers["retry-after"]}}
        return error


class _Unsent:
    """A send that has begun outside of any task, and waits for something."""

    def __init__(self, waits_for: Any, rest: Generator[Any, None, None]) -> None:
        self._waits_for: Final = waits_for
        self._rest: Final = rest

    def __await__(self) -> Generator[Any, None, None]:
        try:
            yield self._waits_for
        except BaseException:
            self._rest.close()
            raise
        yield from self._rest


def _text(data: bytes, lane: str) -> Message:
    if lane:
        data = b'{"stream_id":%b,%b' % (jsons.write(lane), data[1:])
    return {"type": "websocket.send", "text": data.decode()}


def _error(status: int, error: dict[str, Any], lane: str = "") -> Message:
    """Errors are nested on this transport, and carry the status they would have had."""
    return _text(jsons.write({"type": "error", "status": status, "error": error}), lane)


def _refusal(message: str, code: str | None) -> Message:
    """Of a frame from which no request could be read."""
    return _error(400, {"message": message, "type": "invalid_request_error", "param": None, "code": code})


async def refuse_path(path: str, client: ClientSide, receive: Receive, send: Send) -> None:
    """Of a connection to where no WebSocket is."""
    await receive()
    refused = client.write_problem(Problem("unknown_path", f"there is no WebSocket at {path[:200]}"), "")
    await _refuse(send, refused.status, refused.body)


async def _refuse(send: Send, status: int, body: bytes) -> None:
    """In the place of a connection, an answer like any other."""
    about = ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()))
    headers = [*SECURITY, (b"cache-control", b"no-store"), *about]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
