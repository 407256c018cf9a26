"""A head leaves together with what comes behind it, and never waits for more than a turn of the loop."""

import asyncio
import types
from typing import Any

import pytest

from dragoman.server.connection import Joining, Straight
from tests.gateway.stage import HELLO, chat_body, house, messages_body, model, origin, playback, run, says
from tests.net.scripted import Asked, Peer

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.done: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 5

    def close(self) -> None:
        self.done.append("close")

    def abort(self) -> None:
        self.done.append("abort")

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.done.append("set_protocol")

    def write_eof(self) -> None:
        self.done.append("write_eof")


async def joined() -> tuple[Joining, Wire]:
    wire = Wire()
    return Joining(wire, asyncio.get_running_loop()), wire


def test_a_head_and_its_body_are_one_write() -> None:
    async def main() -> None:
        joining, wire = await joined()
        joining.write(HEAD)
        assert joining.get_write_buffer_size() == 5 + len(HEAD)
        joining.write(b"body")
        joining.write(b"more")
        assert wire.written == [HEAD + b"body", b"more"]
        joining.writelines([HEAD, b"a", b"b"])
        joining.writelines([b"c"])
        await asyncio.sleep(0)
        assert wire.written[2:] == [HEAD + b"abc"]

    run(main)


def test_a_head_alone_leaves_in_the_loops_next_turn() -> None:
    async def main() -> None:
        joining, wire = await joined()
        joining.write(HEAD)
        await asyncio.sleep(0)
        assert wire.written == [HEAD]
        joining.write(b"body")
        assert wire.written == [HEAD, b"body"]

    run(main)


@pytest.mark.parametrize("end", ["close", "write_eof", "set_protocol"])
def test_a_head_is_written_before_what_ends_the_writing(end: str) -> None:
    async def main() -> None:
        joining, wire = await joined()
        joining.write(HEAD)
        arguments: list[Any] = [asyncio.Protocol()] if end == "set_protocol" else []
        getattr(joining, end)(*arguments)
        assert (wire.written, wire.done) == ([HEAD], [end])
        await asyncio.sleep(0)
        assert wire.written == [HEAD]

    run(main)


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


def straight(**of_cycle: bool) -> tuple[Straight, Wire, types.SimpleNamespace]:
    """A straight way over a wire, whose answer is a stream that has begun."""
    cycle = types.SimpleNamespace(
        **{"chunked_encoding": True, "disconnected": False, "response_complete": False, **of_cycle}
    )
    flow, wire = types.SimpleNamespace(write_paused=False), Wire()
    connection: Any = types.SimpleNamespace(cycle=cycle, flow=flow, transport=wire)
    return Straight(connection), wire, flow


def test_a_piece_is_written_straight_as_a_chunk() -> None:
    way, wire, _ = straight()
    assert way.write(b"0123456789abcdef")
    assert wire.written == [b"10\r\n0123456789abcdef\r\n"]


@pytest.mark.parametrize(
    "cycle", [{"chunked_encoding": False}, {"disconnected": True}, {"response_complete": True}], ids=str
)
def test_what_is_no_stream_under_way_has_no_straight_way(cycle: dict[str, bool]) -> None:
    way, wire, _ = straight(**cycle)
    assert not way.write(b"a")
    assert wire.written == []


def test_a_slow_client_has_no_straight_way_until_it_has_read() -> None:
    way, wire, flow = straight()
    flow.write_paused = True
    assert not way.write(b"a")
    flow.write_paused = False
    assert way.write(b"b")
    assert wire.written == [b"1\r\nb\r\n"]


def test_every_request_on_a_connection_finds_its_straight_way(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[bytes] = []
    write = Straight.write

    def listening(way: Straight, data: bytes) -> bool:
        pieces.append(data)
        return write(way, data)

    monkeypatch.setattr(Straight, "write", listening)

    async def main() -> None:
        async with (
            playback(says(*HELLO)) as backend,
            house([model("m", origin(backend) + "/v1")]) as running,
            running.talk() as line,
        ):
            for _ in range(2):
                pieces.clear()
                await line.say("/v1/messages", messages_body(stream=True))
                heard = await line.heard()
                assert pieces
                assert heard.body == b"".join(pieces)

    run(main)
