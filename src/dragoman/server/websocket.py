"""The WebSocket transport of the Responses dialect: many requests on one connection, in lanes.

Each `response.create` is an exchange like any other; its event stream goes out as frames, one event each. Requests of
one lane (`stream_id`) are answered one after the other, lanes side by side. What was said on a connection may be named
by `previous_response_id` as long as the connection lasts, stored or not.
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway.call import Call, Message, Send
from dragoman.gateway.exchange import Endpoint, exchange
from dragoman.gateway.gateway import Gateway, stamp
from dragoman.gateway.memory import own_items
from dragoman.hub.problems import Problem
from dragoman.hub.usage import Usage
from dragoman.protocols.codec import ClientSide
from dragoman.protocols.openai_responses.response import ResponseObject, echo_of
from dragoman.server.keys import Door
from dragoman.server.requests import Receive
from dragoman.store.response_tables import Limits, StoredResponse
from dragoman.store.responses import ConnectionResponses
from dragoman.wire import jsons
from dragoman.wire.sse import SSEReader

_DONE: Final = b"[DONE]"
_SWITCHED_OFF: Final = 426  # at which Codex (0.169) falls back to HTTP at once; any other status costs it seconds


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
        self._lanes: Final[dict[str, asyncio.Lock]] = {}

    async def serve(self, receive: Receive, send: Send) -> None:
        await receive()
        snapshot = self._gateway.config.current
        if not snapshot.config.websocket:
            await _refuse(send, _SWITCHED_OFF, b'{"error":{"message":"WebSocket is switched off here: use HTTP"}}')
            return
        try:
            key = await self._door(snapshot)
        except Problem as problem:
            refused = self._client.write_problem(problem, "")
            await _refuse(send, refused.status, refused.body)
            return
        await send({"type": "websocket.accept"})
        async with asyncio.TaskGroup() as answering:
            under_way: set[asyncio.Task[None]] = set()
            while (message := await receive())["type"] == "websocket.receive":
                task = answering.create_task(self._hear(message, key, send))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            for task in under_way:  # whatever is being answered is of no use to anybody
                task.cancel()

    async def _hear(self, message: Message, key: Key, send: Send) -> None:
        try:
            said = jsons.read(message.get("text") or message.get("bytes") or "")
        except jsons.JSONError as error:
            await send(
                _error(400, {"message": f"the frame is not valid JSON: {error}", "code": "invalid_request_error"})
            )
            return
        if not isinstance(said, dict) or said.get("type") != "response.create":
            wanted = "the frame must be an object with `type`: `response.create`"
            await send(_error(400, {"message": wanted, "code": "unsupported_event"}))
            return
        lane = said.get("stream_id") if isinstance(said.get("stream_id"), str) else ""
        async with self._lanes.setdefault(lane or "", asyncio.Lock()):
            await self._create(said, lane or "", key, send)

    async def _create(self, said: dict[str, Any], lane: str, key: Key, send: Send) -> None:
        request_id = f"req_{secrets.token_hex(12)}"
        body = {key: value for key, value in said.items() if key not in _FRAME}
        if said.get("generate") is False:
            await self._warm_up(body, request_id, lane, key, send)
            return
        body["stream"] = True
        sender = _FrameSender(send, lane)

        async def admit(snapshot: Snapshot) -> Key:  # noqa: ARG001 - the connection was admitted
            return key

        async def read_body(limit: int) -> bytes:  # noqa: ARG001 - frames have a limit of their own
            return jsons.write(body)

        call = Call(request_id, "POST", "/v1/responses", "", self._headers, admit, read_body, sender.send, _nothing)
        await exchange(call, self._client, self._endpoint, self._gateway)

    async def _warm_up(self, body: dict[str, Any], request_id: str, lane: str, key: Key, send: Send) -> None:
        """Codex sends its prompt ahead; nothing is to be generated, but the response may be referred to."""
        response = ResponseObject(echo_of(body), str(body.get("model")), stamp(request_id))
        begun, done = response.write("in_progress", []), response.write("completed", [], Usage())
        for number, (kind, said) in enumerate(((b"response.created", begun), (b"response.completed", done))):
            frame = b'{"type":"%b","sequence_number":%d,"response":%b}' % (kind, number, said)
            await send(_text(frame, lane))
        previous = body.get("previous_response_id")
        self._gateway.responses.save(
            StoredResponse(
                id=response.id,
                owner=key.fingerprint,
                parent_id=previous if isinstance(previous, str) else None,
                model=str(body.get("model")),
                created_at=stamp(request_id).at,
                input_items=own_items(jsons.members(jsons.write(body))),
                output_items=b"[]",
                response=done,
                lasting=False,
            )
        )


_FRAME: Final = frozenset({"type", "stream_id", "generate"})


def _nothing() -> None:
    """Nobody watches for the end of one answer here: the connection goes on."""


class _FrameSender:
    """Takes an HTTP answer and sends it as frames."""

    def __init__(self, send: Send, lane: str) -> None:
        self._send: Final = send
        self._lane: Final = lane
        self._sse: Final = SSEReader()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            return
        body = message.get("body", b"")
        if self._status == 200:
            for frame in self._sse.feed(body):
                await self._say(frame.data)
            return
        self._body.append(body)
        if not message.get("more_body", False):
            await self._send(_error(self._status, self._error(), self._lane))

    async def _say(self, data: bytes) -> None:
        if data != _DONE:
            await self._send(_text(data, self._lane))

    def _error(self) -> dict[str, Any]:
        said = jsons.read(b"".join(self._body))
        error: dict[str, Any] = said.get("error", {}) if isinstance(said, dict) else {}
        if "retry-after" in self._headers:
            error = {**error, "headers": {"retry-after": self._headers["retry-after"]}}
        return error


def _text(data: bytes, lane: str) -> Message:
    if lane:
        data = b'{"stream_id":%b,%b' % (jsons.write(lane), data[1:])
    return {"type": "websocket.send", "text": data.decode()}


def _error(status: int, error: dict[str, Any], lane: str = "") -> Message:
    """Errors are nested on this transport, and carry the status they would have had."""
    return _text(jsons.write({"type": "error", "status": status, "error": error}), lane)


async def _refuse(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
