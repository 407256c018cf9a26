"""A client's request through the whole app: its body, and the moment the client goes away."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
import zstandard

from dragoman.gateway.entry import Entry
from dragoman.gateway.exchange import CLIENT_GONE
from dragoman.hub.problems import Problem
from dragoman.server.flow import Flow
from dragoman.server.requests import Body
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    END,
    STREAM,
    Line,
    chat_body,
    chunk,
    hangs_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer, until
from tests.server.wires import Wire

PATHS: Final = {"/v1/messages": messages_body, "/v1/chat/completions": chat_body}
paths = pytest.mark.parametrize("path", PATHS)
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
FRAMES: Final = list(chat.stream({"model": "m", "stream": True}, [Words("one two three four")]))


@pytest.fixture
def entries(caplog: pytest.LogCaptureFixture) -> Iterator[list[Entry]]:
    """The log's lines, as they are written."""
    found: list[Entry] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.entry)  # type: ignore[attr-defined] # ours have one

    logger, handler = logging.getLogger("dragoman.exchange"), Collect()
    caplog.set_level(logging.INFO, "dragoman.exchange")
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def at(backend: Backend) -> dict[str, Any]:
    return model("m", f"{origin(backend)}/v1")


# Going away.


@paths
@streamed
def test_a_client_that_goes_before_the_answer_began_takes_the_backend_with_it(
    path: str, stream: bool, entries: list[Entry]
) -> None:
    async def main() -> None:
        async with playback(hangs_after()) as backend, house([at(backend)]) as running:
            async with running.talk() as line:
                await line.say(path, PATHS[path](stream=stream))
                await until(lambda: bool(backend.asked))
            await backend.gone.wait()
            await until(lambda: bool(entries))
            assert entries[0].status == CLIENT_GONE

    run(main)


@paths
def test_a_client_that_goes_in_mid_stream_takes_the_backend_with_it(path: str, entries: list[Entry]) -> None:
    async def main() -> None:
        said = hangs_after(STREAM, *map(chunk, FRAMES[:3]))
        async with playback(said) as backend, house([at(backend)]) as running:
            async with running.talk() as line:
                await line.say(path, PATHS[path](stream=True))
                await line.head()
                await line.chunk()
            await backend.gone.wait()
            await until(lambda: bool(entries))
            assert entries[0].status == CLIENT_GONE

    run(main)


def test_a_client_that_goes_while_it_is_counted_for_takes_the_backend_with_it() -> None:
    async def main() -> None:
        profile = {"family": "vllm"}
        async with playback(hangs_after()) as backend, house([{**at(backend), "profile": profile}]) as running:
            async with running.talk() as line:
                await line.say("/v1/messages/count_tokens", messages_body())
                await until(lambda: bool(backend.asked))
            await backend.gone.wait()

    run(main)


def test_after_clients_that_went_the_next_are_served() -> None:
    async def main() -> None:
        going = True

        async def answer(peer: Peer, asked: Asked) -> None:
            await (hangs_after(STREAM) if going else says(Words("fine")))(peer, asked)

        async with playback(answer) as backend, house([at(backend)]) as running:
            for _ in range(20):
                backend.gone.clear()
                async with running.talk() as line:
                    await line.say("/v1/messages", messages_body(stream=True))
                    await until(lambda: len(backend.asked) > 0)
                await backend.gone.wait()
                backend.asked.clear()
            going = False
            accepted = backend.accepted
            for _ in range(5):
                assert (await running.ask("/v1/messages", messages_body(stream=True))).status == 200
            assert backend.accepted == accepted + 1

    run(main)


@paths
def test_a_client_that_goes_while_it_speaks_is_no_error_of_ours(
    path: str, entries: list[Entry], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with playback(says(Words("x"))) as backend, house([at(backend)]) as running:
            async with running.talk() as line:
                await line.say(path, b'{"model"', headers={"content-length": "1000"})
            await until(lambda: bool(entries))
            assert entries[0].status == CLIENT_GONE
            assert not backend.asked

    run(main)
    assert "ClientGone" not in caplog.text
    assert "internal" not in caplog.text


@paths
def test_a_stream_whose_end_comes_late_is_an_answer_like_any_other(path: str, entries: list[Entry]) -> None:
    """The meaning ends with [DONE]; the last chunk of HTTP may come later, and the connection is good for another."""

    async def main() -> None:
        heard = asyncio.Event()

        async def answer(peer: Peer, _: Asked) -> None:
            await peer.say(STREAM, *map(chunk, FRAMES))
            await heard.wait()
            await peer.say(END)

        async with playback(answer) as backend, house([at(backend)]) as running, running.talk() as line:
            await line.say("/v1/messages", messages_body(stream=True))
            assert (await line.heard()).status == 200
            await line.say("/healthz", method="GET")  # by now the server has seen that the answer is complete
            assert (await line.heard()).status == 200
            await asyncio.sleep(0)
            heard.set()
            await until(lambda: bool(entries))
            assert (entries[0].status, entries[0].problem) == (200, None)
            accepted = backend.accepted
            assert (await running.ask("/v1/messages", messages_body(stream=True))).status == 200
            assert backend.accepted == accepted

    run(main)


# Bodies.


async def refused(line: Line) -> str:
    heard = await line.heard()
    assert heard.status == 413
    message: str = heard.error["message"]
    return message


@paths
def test_a_body_that_is_announced_as_too_large_is_not_read(path: str) -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")], max_body_mb=1) as running, running.talk() as line:
            await line.say(path, b"", headers={"content-length": str(100 * 2**20)})
            assert "raise `max_body_mb`" in await refused(line)

    run(main)


@paths
def test_a_body_that_turns_out_too_large_is_not_read_to_its_end(path: str) -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")], max_body_mb=1) as running, running.talk() as line:
            await line.say(path, b"", headers={"transfer-encoding": "chunked"})
            for _ in range(20):
                line.writer.write(chunk(b"x" * 2**16))
            assert "larger than 1 MiB" in await refused(line)

    run(main)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate"])
def test_a_bomb_is_defused(coding: str) -> None:
    zeros = bytes(50 * 2**20)
    bombs = {"gzip": gzip.compress(zeros), "zstd": zstandard.compress(zeros), "deflate": zlib.compress(zeros)}

    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")], max_body_mb=1) as running, running.talk() as line:
            await line.say("/v1/messages", bombs[coding], headers={"content-encoding": coding})
            assert "larger than 1 MiB" in await refused(line)

    run(main)


@paths
@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "gzip, zstd", "identity", "", "GZIP"])
def test_compressed_bodies_are_read(path: str, coding: str) -> None:
    async def main() -> None:
        async with playback(says(Words("fine"))) as backend, house([at(backend)]) as running:
            data = jsons.write(PATHS[path]())
            for one in coding.lower().split(", "):
                if one in ("gzip", "deflate"):
                    data = gzip.compress(data) if one == "gzip" else zlib.compress(data)
                elif one == "zstd":
                    data = zstandard.ZstdCompressor().compress(data)
            heard = await running.ask(path, data, headers={"content-encoding": coding})
            assert heard.status == 200
            assert "content-encoding" not in backend.asked[0].headers
            assert jsons.read(backend.asked[0].body)["model"] == "backend-m"

    run(main)


@paths
@pytest.mark.parametrize(
    ("coding", "status", "word"),
    [
        ("br", 415, "'br' is not known here; use gzip, deflate, zstd or none"),
        ("gzip", 400, "is not what its content-encoding"),
        ("zstd", 400, "is not what its content-encoding"),
        (", ".join(["gzip"] * 50), 415, "more than"),
    ],
)
def test_codings_that_cannot_be_undone(path: str, coding: str, status: int, word: str) -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running:
            heard = await running.ask(path, PATHS[path](), headers={"content-encoding": coding})
            assert heard.status == status
            assert word in heard.error["message"]

    run(main)


@paths
@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "body: is not valid JSON"),
        (b"{", "body: is not valid JSON"),
        (b"[]", "body: "),
        (b'"hi"', "body: "),
        (b"null", "body: "),
        (b'{"model": 5}', "model: must be a string"),
        (b'{"model": null}', "model: must be a string"),
        (b'{"messages": []}', "model: is required"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"model":"m","messages":' + b"[" * 100_000, "nested too deeply"),
    ],
    ids=["empty", "cut", "list", "string", "null", "number", "no name", "no model", "deep", "deep inside"],
)
def test_bodies_that_make_no_sense(path: str, body: bytes, word: str) -> None:
    async def main() -> None:
        async with house([model("m", "http://127.0.0.1:9/v1")]) as running:
            heard = await running.ask(path, body)
            assert heard.status == 400
            assert word in heard.error["message"]

    run(main)


WRONG: Final[list[tuple[str, Any]]] = [
    ("messages", 5),
    ("messages", "hi"),
    ("messages", [5]),
    ("messages", [{}]),
    ("messages", [{"role": 5, "content": "x"}]),
    ("messages", [{"role": "user", "content": 5}]),
    ("messages", [{"role": "user", "content": [5]}]),
    ("messages", [{"role": "user", "content": [{"type": 5}]}]),
    ("tools", "all"),
    ("tools", [{"name": 5}]),
    ("max_tokens", "many"),
    ("temperature", "hot"),
    ("stop", 5),
    ("tool_choice", 5),
]


@pytest.mark.parametrize(("path", "type_"), [("/v1/messages", "openai"), ("/v1/chat/completions", "anthropic")])
@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_types_are_refused_by_name(path: str, type_: str, field: str, value: Any) -> None:
    async def main() -> None:
        name = "stop_sequences" if (field, path) == ("stop", "/v1/messages") else field
        async with house([model("m", "http://127.0.0.1:9/v1", type=type_)]) as running:
            heard = await running.ask(path, {**PATHS[path](), name: value})
            assert heard.status == 400, heard.body
            assert name in heard.error["message"]

    run(main)


@pytest.mark.parametrize("type_", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize(("path", "body"), [*PATHS.items(), ("/v1/responses", responses_body)])
@pytest.mark.parametrize("size", [2, 1_000_000])
def test_what_is_no_utf8_is_refused_whoever_would_have_been_asked(
    path: str, body: Callable[[], dict[str, Any]], type_: str, size: int
) -> None:
    async def main() -> None:
        said = jsons.write(body()).replace(b'"hi"', b'"' + "é".encode() * size + b'\xff\xfei"')
        async with (
            playback(says(Words("fine"))) as backend,
            house([model("m", origin(backend), type=type_)]) as running,
        ):
            heard = await running.ask(path, said)
            assert heard.status == 400
            assert heard.error["message"] == f"body: is no UTF-8 from byte {said.index(0xFF)} on: send JSON in UTF-8"
            assert backend.asked == []

    run(main)


@pytest.mark.parametrize(("path", "type_"), [("/v1/messages", "openai"), ("/v1/chat/completions", "anthropic")])
def test_half_a_surrogate_pair_does_not_refuse_a_conversation(path: str, type_: str) -> None:
    """JavaScript cuts texts in the middle of an emoji, and writes what is left as an escape."""

    async def main() -> None:
        said = jsons.write(PATHS[path]()).replace(b'"hi"', b'"h \\ud800"')
        async with playback(says(Words("fine"))) as backend:
            url = f"{origin(backend)}/v1" if type_ == "openai" else origin(backend)
            async with house([model("m", url, type=type_)]) as running:
                assert (await running.ask(path, said)).status == 200
                assert "h \ufffd" in backend.asked[0].body.decode()

    run(main)


@paths
@pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded", None])
def test_the_backend_is_told_json_whatever_the_client_called_it(path: str, type_: str | None) -> None:
    async def main() -> None:
        headers = {"content-type": type_} if type_ else {}
        async with playback(says(Words("fine"))) as backend, house([at(backend)]) as running:
            async with running.talk() as line:
                said = jsons.write(PATHS[path]())
                fields = {"host": "localhost", "content-length": str(len(said)), **headers}
                head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                line.writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + said)
                assert (await line.heard()).status == 200
            assert [v for n, v in backend.asked[0].fields if n == "content-type"] == ["application/json"]

    run(main)


# By themselves.


def body(headers: Mapping[str, str] | None = None) -> tuple[Body, Wire]:
    wire = Wire()
    return Body(headers or {}, Flow(wire)), wire


def test_a_body_comes_in_pieces() -> None:
    async def main() -> None:
        coming, _ = body()
        reading = asyncio.ensure_future(coming.read(3))
        for piece in (b"ab", b"", b"c"):
            await asyncio.sleep(0)
            assert not reading.done()
            coming.feed(piece)
        coming.complete(b"")
        assert await reading == b"abc"

    run(main)


@pytest.mark.parametrize("length", ["5", "5 ", "x", "-1", "²"])
def test_lengths_that_lie_or_make_no_sense_are_no_shield(length: str) -> None:
    async def main() -> None:
        coming, _ = body({"content-length": length})
        reading = asyncio.ensure_future(coming.read(5))
        await asyncio.sleep(0)
        coming.feed(b"abcdef")  # and no end yet
        with pytest.raises(Problem, match="larger than"):
            await reading

    run(main)


def test_a_body_that_came_before_it_was_asked_for_is_measured_too() -> None:
    async def main() -> None:
        coming, _ = body()
        coming.feed(b"abcdef")
        coming.complete(b"")
        with pytest.raises(Problem, match="larger than"):
            await coming.read(5)

    run(main)


def test_who_is_not_asked_yet_may_not_go_on_for_ever() -> None:
    """Before the key is looked at, nobody fills our memory."""

    async def main() -> None:
        coming, wire = body()
        coming.feed(b"x" * 2**16)
        assert not wire.done
        coming.feed(b"x")
        coming.feed(b"x")
        assert wire.done == ["pause_reading"]
        reading = asyncio.ensure_future(coming.read(2**20))
        await asyncio.sleep(0)
        assert wire.done == ["pause_reading", "resume_reading"]
        coming.feed(b"x" * 2**16)
        coming.complete(b"")
        assert len(await reading) == 2**17 + 2
        assert len(wire.done) == 2

    run(main)


def test_what_comes_behind_the_answer_is_forgotten() -> None:
    async def main() -> None:
        coming, wire = body()
        coming.drop()
        for _ in range(3):
            coming.feed(b"x" * 2**16)
        assert (coming._size, wire.done) == (0, [])

    run(main)


def test_a_body_that_will_never_be_whole() -> None:
    async def main() -> None:
        coming, _ = body()
        reading = asyncio.ensure_future(coming.read(5))
        await asyncio.sleep(0)
        coming.fail(Problem("bad_request", "garbled"))
        with pytest.raises(Problem, match="garbled"):
            await reading

    run(main)


def test_whole_answers_that_came_at_once_need_no_watch() -> None:
    async def main() -> None:
        async def answer(peer: Peer, asked: Asked) -> None:
            await peer.say(whole(chat.whole({"model": "m"}, [Words("x")])))

        async with playback(answer) as backend, house([at(backend)]) as running, running.talk() as line:
            for _ in range(50):  # one connection, again and again
                await line.say("/v1/messages", messages_body())
                assert (await line.heard()).status == 200
            assert backend.accepted <= 2

    run(main)
