"""Responses over a WebSocket: one connection, many requests, each heard as over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from dragoman.gateway.responder import SECURITY
from dragoman.server.asgi import Receive, Send
from dragoman.server.websocket import ClientSocket, ResponsesSocket
from dragoman.wire import jsons
from tests.agents.script import Call, Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    END,
    NOBODY,
    SECRETS,
    STREAM,
    Answer,
    House,
    assert_nothing_is_left,
    chunk,
    hangs_after,
    house,
    model,
    origin,
    playback,
    replies,
    responses_body,
    run,
    says,
    streams,
    whole,
    write,
)
from tests.net.scripted import Asked, Backend, Peer, until

KEY: Final = "sk-client-0123456789abcdef"
OTHER: Final = "sk-other-client-0123456789"
FRAMES: Final = list(chat.stream({"model": "x", "stream": True}, [Words("one two three")]))
LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Line:
    """One WebSocket, in frames of JSON."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket: Final = socket

    async def create(self, *, lane: str | None = None, **more: Any) -> None:
        said = {"type": "response.create", **responses_body(**more)}
        await self.socket.send_str(jsons.write_text(said if lane is None else {**said, "stream_id": lane}))

    async def hear(self) -> dict[str, Any]:
        message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        said = jsons.read(message.data)
        assert isinstance(said, dict)
        return said

    async def answer(self) -> list[dict[str, Any]]:
        """All frames up to the last of an answer, which are of one lane."""
        frames = [await self.hear()]
        while frames[-1]["type"] not in LAST:
            frames.append(await self.hear())
        return frames

    async def response(self, **more: Any) -> dict[str, Any]:
        await self.create(**more)
        frames = await self.answer()
        assert frames[-1]["type"] == "response.completed", frames[-1]
        response = frames[-1]["response"]
        assert isinstance(response, dict)
        return response


@contextlib.asynccontextmanager
async def talking(running: House, key: str | None = None, path: str = "/v1/responses") -> AsyncIterator[Line]:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession() as session, session.ws_connect(running.url + path, headers=headers) as socket:
        yield Line(socket)


def at(backend: Backend, type_: str = "openai", name: str = "m") -> dict[str, Any]:
    return model(name, f"{origin(backend)}/v1", type=type_)


def asked(backend: Backend) -> list[tuple[str, str]]:
    return [(said["role"], said["content"]) for said in jsons.read(backend.asked[-1].body)["messages"]]


def test_several_turns_with_only_what_is_new() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            previous = None
            for number in range(3):
                response = await line.response(input=str(number), previous_response_id=previous, store=False)
                assert response["previous_response_id"] == previous
                previous = response["id"]
            assert asked(backend) == [
                ("user", "0"),
                ("assistant", "yes"),
                ("user", "1"),
                ("assistant", "yes"),
                ("user", "2"),
            ]
            # Nothing of it outlives the connection.
            assert (await running.ask(f"/v1/responses/{previous}", method="GET")).status == 404

    run(main)


def test_frames_are_the_events_of_the_stream() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            over_http = await running.ask("/v1/responses", responses_body(stream=True))
            await line.create()
            frames = await line.answer()
            assert [frame["type"] for frame in frames] == [frame["type"] for frame in over_http.frames]
            assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
            assert not any("stream_id" in frame for frame in frames)

    run(main)


def test_what_is_stored_lasts_and_what_was_stored_is_known() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
        ):
            first = (await running.ask("/v1/responses", responses_body(input="0"))).json["id"]
            async with talking(running) as line:
                unstored = await line.response(input="1", previous_response_id=first, store=False)
                last = await line.response(input="2", previous_response_id=first)
                assert asked(backend) == [("user", "0"), ("assistant", "yes"), ("user", "2")]
                await line.response(input="3", previous_response_id=unstored["id"])
                assert len(asked(backend)) == 5
            assert (await running.ask(f"/v1/responses/{last['id']}", method="GET")).status == 200

    run(main)


def test_another_connection_knows_only_what_is_stored() -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as backend, house([at(backend)], ws=ClientSocket) as running:
            async with talking(running) as line:
                response = await line.response(store=False)
            async with talking(running) as line:
                await line.create(previous_response_id=response["id"])
                error = await line.hear()
                assert (error["type"], error["status"]) == ("error", 400)
                assert error["error"]["code"] == "previous_response_not_found"
                assert error["error"]["param"] == "previous_response_id"
                assert error["error"]["type"] == "invalid_request_error"

    run(main)


def test_nothing_is_generated_to_warm_up_and_it_counts_as_said() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.create(input="the prompt", generate=False, instructions="Be brief.")
            frames = await line.answer()
            assert [frame["type"] for frame in frames] == [
                "response.created",
                "response.in_progress",
                "response.completed",
            ]
            assert frames[0]["response"]["id"] == frames[-1]["response"]["id"]
            assert frames[-1]["response"]["output"] == []
            assert frames[-1]["response"]["usage"]["total_tokens"] == 0
            assert frames[-1]["response"]["instructions"] == "Be brief."
            assert backend.asked == []
            await line.response(input="go", previous_response_id=frames[-1]["response"]["id"])
            assert asked(backend) == [("user", "the prompt\n\ngo")]
            await line.response(input=[], instructions="Be brief.", previous_response_id=frames[-1]["response"]["id"])
            assert asked(backend) == [("system", "Be brief."), ("user", "the prompt")]

    run(main)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "nobody"}, "model_not_found"),
        ({"name": 7}, None),
        ({"previous_response_id": "resp_x"}, "previous_response_not_found"),
        ({"input": {"role": "user"}}, None),
    ],
)
def test_what_cannot_be_asked_cannot_be_warmed_up(body: dict[str, Any], code: str | None) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], ws=ClientSocket) as running, talking(running) as line:
            await line.create(generate=False, **body)
            said = await line.hear()
            assert (said["type"], said["status"]) == ("error", 400), said
            assert said["error"]["code"] == code

    run(main)


def gated(gates: dict[str, asyncio.Event]) -> Answer:
    """Answers with what it was asked, once the gate of that name is open."""

    async def answer(peer: Peer, asked_: Asked) -> None:
        body = jsons.read(asked_.body)
        said = body["messages"][-1]["content"]
        await gates[said].wait()
        await peer.say(STREAM, *map(chunk, chat.stream(body, [Words(said)])), END)

    return answer


def test_lanes_go_side_by_side_and_each_in_its_order() -> None:
    async def main() -> None:
        gates = {name: asyncio.Event() for name in ("a1", "a2", "b1")}
        async with (
            playback(gated(gates)) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            for lane, said in (("a", "a1"), ("a", "a2"), ("b", "b1")):
                await line.create(lane=lane, input=said)
            await until(lambda: len(backend.asked) == 2)
            gates["a2"].set()
            gates["b1"].set()
            ready = await line.answer()
            assert {frame["stream_id"] for frame in ready} == {"b"}
            assert ready[-1]["response"]["output"][0]["content"][0]["text"] == "b1"
            assert len(backend.asked) == 2
            gates["a1"].set()
            for said in ("a1", "a2"):
                frames = await line.answer()
                assert {frame["stream_id"] for frame in frames} == {"a"}
                assert frames[-1]["response"]["output"][0]["content"][0]["text"] == said

    run(main)


def test_a_lane_in_which_nothing_goes_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection lasts as long as its client, who may give each request a lane of its own."""
    sockets: list[ResponsesSocket] = []
    serve = ResponsesSocket.serve

    async def served(self: ResponsesSocket, receive: Receive, send: Send) -> None:
        sockets.append(self)
        await serve(self, receive, send)

    async def main() -> None:
        monkeypatch.setattr(ResponsesSocket, "serve", served)
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            for lane in ("a", "b", "c"):
                await line.create(lane=lane)
                assert (await line.answer())[-1]["type"] == "response.completed"
            await until(lambda: not sockets[0]._lanes)

    run(main)


def test_errors_are_nested_and_have_their_status() -> None:
    async def main() -> None:
        limited = replies(whole({"error": {"message": "too fast", "type": "rate_limit_error"}}, 429, "retry-after: 7"))
        async with (
            playback(limited) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.create(lane="a")
            said = await line.hear()
            assert (said["type"], said["status"], said["stream_id"]) == ("error", 429, "a")
            assert said["error"]["code"] == "rate_limit_exceeded"
            assert said["error"]["headers"]["retry-after"] == "7"
            assert "too fast" in said["error"]["message"]
            assert not any(secret in jsons.write(said) for secret in SECRETS)
            # And the connection goes on.
            await line.create(name="nobody")
            assert (await line.hear())["error"]["code"] == "model_not_found"

    run(main)


def test_a_stream_that_breaks_off_is_a_failed_response() -> None:
    async def main() -> None:
        async with (
            playback(streams(*FRAMES[:2])) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.create()
            last = (await line.answer())[-1]
            assert last["type"] == "response.failed"
            assert last["response"]["error"]["code"] == "server_error"

    run(main)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", None),
        ("", None),
        ("7", "unsupported_event"),
        ("[]", "unsupported_event"),
        ("null", "unsupported_event"),
        ("{}", "unsupported_event"),
        ('{"type":"response.steer","input":"x"}', "unsupported_event"),
        ('{"type":["response.create"]}', "unsupported_event"),
        ('{"type":"response.create"}', None),
        (f'{{"type":"response.create","stream_id":"{"x" * 257}","model":"m","input":"x"}}', None),
        (b"\xff\xfe", None),
        (b'{"type":"response.create","model":"m","input":"\xff"}', None),
        ("[" * 100_000, None),
    ],
)
def test_frames_that_ask_nothing_are_told_so(frame: str | bytes, code: str | None) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await (line.socket.send_str(frame) if isinstance(frame, str) else line.socket.send_bytes(frame))
            said = await line.hear()
            assert (said["type"], said["status"]) == ("error", 400)
            assert said["error"]["code"] == code
            assert said["error"]["type"] == "invalid_request_error"
            assert said["error"]["message"]
            assert (await line.response())["status"] == "completed"

    run(main)


def test_binary_frames_of_json_are_taken() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.socket.send_bytes(jsons.write({"type": "response.create", **responses_body()}))
            assert (await line.answer())[-1]["type"] == "response.completed"

    run(main)


def test_a_huge_frame_is_taken_and_one_beyond_the_limit_is_refused() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend)], ws=ClientSocket, max_body_mb=1) as running,
            talking(running) as line,
        ):
            assert (await line.response(input="x" * 1_000_000))["status"] == "completed"
            await line.create(input="x" * 1_100_000)
            said = await line.hear()
            assert (said["type"], said["status"]) == ("error", 413)
            assert len(backend.asked) == 1

    run(main)


def test_hanging_up_ends_what_is_being_generated() -> None:
    async def main() -> None:
        async with (
            playback(hangs_after(STREAM, *map(chunk, FRAMES[:2]))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
        ):
            async with talking(running) as line:
                await line.create()
                await line.hear()
            await backend.gone.wait()

    run(main)


def test_a_line_that_is_cut_ends_what_is_being_generated(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with (
            playback(hangs_after(STREAM, *map(chunk, FRAMES[:2]))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.create()
            await line.hear()
            response = line.socket._response
            assert response.connection is not None
            assert response.connection.transport is not None
            response.connection.transport.abort()
            await backend.gone.wait()

    run(main)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def shut_down(running: House) -> None:
    """As uvicorn does it."""
    for connection in list(running.connections):
        connection.shutdown()


async def closed(line: Line) -> int | None:
    """Wait for the end of the connection; its code."""
    message = await line.socket.receive()
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return line.socket.close_code


def test_what_is_being_answered_at_a_shutdown_is_answered_first() -> None:
    async def main() -> None:
        gates = {name: asyncio.Event() for name in ("a1", "a2", "late")}
        async with (
            playback(gated(gates)) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
            talking(running) as idle,
        ):
            for said in ("a1", "a2"):
                await line.create(input=said)
            await until(lambda: len(backend.asked) == 1)
            shut_down(running)
            assert await closed(idle) == 1012  # "service restart"
            await line.create(input="late")
            for said in ("a1", "a2"):
                gates[said].set()
                assert (await line.answer())[-1]["response"]["output"][0]["content"][0]["text"] == said
            assert await closed(line) == 1012
            assert len(backend.asked) == 2

    run(main)


def test_a_shutdown_waits_for_no_client_that_has_gone() -> None:
    async def main() -> None:
        async with (
            playback(hangs_after(STREAM, *map(chunk, FRAMES[:2]))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
        ):
            async with talking(running) as line:
                await line.create()
                await line.hear()
                shut_down(running)
            await backend.gone.wait()

    run(main)


def test_words_that_reach_nobody_are_no_error_of_ours(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client may go between two words, before the server has heard of it."""
    send = WSProtocol.send

    async def deaf(self: WSProtocol, message: Any) -> None:
        if message["type"] == "websocket.send":
            raise ClientDisconnected
        await send(self, message)

    async def main() -> None:
        async with (
            playback(says(Words("one two three"))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            await line.create()
            await until(lambda: any(getattr(record, "entry", None) for record in caplog.records))

    caplog.set_level("INFO")
    monkeypatch.setattr(WSProtocol, "send", deaf)
    run(main)
    assert [record.entry.status for record in caplog.records if hasattr(record, "entry")] == [499]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def refused(running: House, key: str | None = None, **headers: str) -> aiohttp.WSServerHandshakeError:
    said = {**headers, **({} if key is None else {"authorization": f"Bearer {key}"})}
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
            await session.ws_connect(f"{running.url}/v1/responses", headers=said)
    return raised.value


def assert_safe(answer: aiohttp.WSServerHandshakeError) -> None:
    """As every other answer is."""
    assert answer.headers is not None
    assert [answer.headers[name.decode()] for name, _ in SECURITY] == [value.decode() for _, value in SECURITY]
    assert answer.headers["cache-control"] == "no-store"


def test_switched_off_it_is_refused_so_that_codex_goes_on_over_http() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], ws=ClientSocket, websocket=False) as running:
            answer = await refused(running)
            assert answer.status == 426
            assert_safe(answer)

    run(main)


@pytest.mark.parametrize("key", [None, "sk-wrong-0123456789abcdef"])
def test_who_has_no_key_is_refused_before_anything_is_accepted(key: str | None) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], ws=ClientSocket, keys=[{"key": KEY}]) as running:
            answer = await refused(running, key)
            assert answer.status == 401
            assert_safe(answer)
            async with talking(running, KEY) as line:
                await line.create(name="nobody")
                assert (await line.hear())["error"]["code"] == "model_not_found"

    run(main)


def test_web_pages_of_strangers_are_refused() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], ws=ClientSocket) as running:
            assert (await refused(running, origin="https://evil.example")).status == 403

    run(main)


def test_other_paths_are_refused() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], ws=ClientSocket) as running, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as raised:
                await session.ws_connect(f"{running.url}/v1/chat/completions")
            assert raised.value.status == 404
            assert_safe(raised.value)

    run(main)


def test_a_key_that_was_taken_away_is_of_no_use_on_an_open_connection(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"

    async def main() -> None:
        async with playback(says(Words("yes"))) as backend:
            models = [at(backend)]
            async with (
                house(models, path, ws=ClientSocket, keys=[{"key": KEY}]) as running,
                talking(running, KEY) as line,
            ):
                assert (await line.response())["status"] == "completed"
                before = running.gateway.config.current
                write(path, {"listen": "127.0.0.1:0", "models": models, "keys": [{"key": OTHER}]})
                watch = running.app._watch
                assert watch is not None
                await until(lambda: running.gateway.config.current is not before)
                for generate in (True, False):
                    await line.create(generate=generate)
                    said = await line.hear()
                    assert (said["type"], said["status"]) == ("error", 401)

    run(main)


def test_a_backend_of_this_dialect_is_asked_with_the_whole_conversation() -> None:
    """What it knows of other connections is not relied on: it may be another one next time."""

    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([at(backend, "responses")], ws=ClientSocket) as running,
            talking(running) as line,
        ):
            first = await line.response(input="0")
            await line.response(input="1", previous_response_id=first["id"])
            sent = jsons.read(backend.asked[-1].body)
            assert "previous_response_id" not in sent
            assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]

    run(main)


def test_nothing_of_an_exchange_is_left_to_the_garbage_collector() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("Let me look."), Call("weather", {"city": "Rome"}))) as backend,
            house([at(backend)], ws=ClientSocket) as running,
            talking(running) as line,
        ):

            async def ask() -> None:
                assert (await line.response())["status"] == "completed"

            await assert_nothing_is_left(running, ask)

    run(main)
