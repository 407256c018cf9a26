"""The relay rail: bytes pass as they are, and what goes wrong is still told in words."""

import asyncio
import functools
from typing import Any, Final

import pytest

from dragoman.gateway import relay as relay_module
from dragoman.gateway.relay import why_not
from dragoman.hub.route import Backend as RouteBackend
from dragoman.hub.route import Route, Secret
from dragoman.protocols import CLIENTS
from dragoman.wire import jsons
from dragoman.wire.whole_events import WholeEvents
from tests.agents.script import Call, Said, Thought, Words
from tests.agents.wires import chat, messages
from tests.gateway.stage import (
    BACKEND_KEY,
    END,
    FLOOD,
    NOBODY,
    SECRETS,
    STREAM,
    Answer,
    Flood,
    Heard,
    chat_body,
    chunk,
    cuts_after,
    hangs_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    run,
    says,
    streams,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer

CELLS: Final = {
    "M": ("/v1/messages", messages_body, "anthropic", messages),
    "C": ("/v1/chat/completions", chat_body, "openai", chat),
}
cells = pytest.mark.parametrize("cell", CELLS)
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
HELLO_SAID: Final = (Words("hello there"),)
SAID: Final[tuple[Said, ...]] = (Thought("hmm"), Words("Let me look."), Call("weather", {"city": "a" * 30}))


def behind(cell: str, *backends: Backend | str, **more: Any) -> dict[str, Any]:
    type_ = CELLS[cell][2]
    suffix = "/v1" if type_ == "openai" else ""
    urls = [backend if isinstance(backend, str) else origin(backend) + suffix for backend in backends]
    return model("m", *urls, type=type_, **more)


@functools.cache
def frames(cell: str, said: tuple[Said, ...] = SAID) -> list[bytes]:
    """The same at each call, random ids included."""
    return list(CELLS[cell][3].stream({"model": "backend-m", "stream": True}, said))


def assert_problem(heard: Heard, status: int, *words: str) -> None:
    assert not heard.broken
    assert heard.status == status, heard.body
    assert any(word in heard.error["message"] for word in words or ("",)), heard.error
    assert not any(secret in heard.body for secret in SECRETS)


def assert_problem_in_stream(cell: str, heard: Heard, *words: str) -> None:
    assert (heard.status, heard.broken) == (200, False)
    last = heard.frames[-1]
    assert any(word in last["error"]["message"] for word in words or ("",)), last
    assert not any(secret in heard.body for secret in SECRETS)
    if cell == "M":
        assert heard.body.rstrip().split(b"\n")[-2] == b"event: error"
        assert b"message_stop" not in heard.body
    else:
        assert b"[DONE]" not in heard.body


# What passes.


@cells
def test_a_stream_passes_byte_by_byte(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = frames(cell)
        async with playback(streams(*said)) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            assert heard.body == b"".join(said)
            assert heard.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert heard.headers["x-dragoman-model"] == "backend-m"

    run(main)


@cells
def test_a_stream_that_comes_by_single_bytes_passes_by_whole_events(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = frames(cell)
        pieces = [b"".join(said)[n : n + 1] for n in range(len(b"".join(said)))]

        async with playback(streams(*pieces)) as backend, house([behind(cell, backend)]) as running:
            async with running.talk() as line:
                await line.say(path, body(stream=True))
                await line.head()
                heard = []
                while piece := await line.chunk():
                    assert piece.endswith(b"\n\n")
                    heard.append(piece)
            assert b"".join(heard) == b"".join(said)

    run(main)


@cells
def test_a_whole_answer_passes_byte_by_byte(cell: str) -> None:
    async def main() -> None:
        path, body, _, wire = CELLS[cell]
        said = jsons.write(wire.whole({"model": "x"}, SAID)).replace(b'":', b'" :  ', 1)
        fields = (
            "x-ratelimit-remaining-requests: 7",
            "x-dragoman-loss: top_k",
            "openai-model: y",
            "set-cookie: a=b",
            "server: vllm",
        )
        async with playback(replies(whole(said, 200, *fields))) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body())
            assert heard.body == said
            assert heard.headers["x-ratelimit-remaining-requests"] == "7"
            assert heard.headers["x-dragoman-loss"] == "top_k"
            assert not {"openai-model", "set-cookie", "server"} & set(heard.headers)

    run(main)


@cells
def test_of_a_request_only_the_model_changes(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = jsons.write(body(temperature=1.0)).replace(b'"temperature":1.0', b'"temperature" : 1.00,"x":[1,  2]')
        async with playback(says(*SAID)) as backend, house([behind(cell, backend)]) as running:
            headers = {
                "authorization": "Bearer sk-client-secret",
                "x-api-key": "sk-client-secret",
                "cookie": "a=b",
                "x-forwarded-for": "1.2.3.4",
                "anthropic-beta": "one,two",
                "user-agent": "agent/1",
            }
            assert (await running.ask(f"{path}?beta=true", said, headers=headers)).status == 200
            asked = backend.asked[0]
            assert asked.body == said.replace(b'"model":"m"', b'"model":"backend-m"').replace(b'" : 1.00', b'":1.00')
            assert asked.line.split()[1] == f"{path}?beta=true"
            assert b"client-secret" not in repr(asked.fields).encode()
            assert not {"cookie", "x-forwarded-for"} & set(asked.headers)
            assert (asked.headers["anthropic-beta"], asked.headers["user-agent"]) == ("one,two", "agent/1")
            keys = {name: asked.headers.get(name) for name in ("authorization", "x-api-key")}
            wanted = {"authorization": None, "x-api-key": BACKEND_KEY}
            assert keys == (wanted if cell == "M" else {"authorization": f"Bearer {BACKEND_KEY}", "x-api-key": None})

    run(main)


@cells
def test_defaults_are_added_where_nothing_was_asked_for(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        given = behind(cell, NOBODY, defaults={"temperature": 0.3, "top_p": 0.5})
        async with playback(says(*SAID)) as backend:
            given["backends"] = behind(cell, backend)["backends"]
            async with house([given]) as running:
                await running.ask(path, body(temperature=1.0))
                sent = jsons.read(backend.asked[0].body)
                assert (sent["temperature"], sent["top_p"]) == (1.0, 0.5)

    run(main)


@pytest.mark.parametrize(
    ("said", "added"),
    [({"max_completion_tokens": 7}, {}), ({"max_tokens": None}, {"max_tokens": 55}), ({"max_tokens": 7}, {})],
    ids=["by the newer name", "null", "by the same name"],
)
def test_a_default_limit_is_for_who_has_asked_for_none(said: dict[str, Any], added: dict[str, Any]) -> None:
    async def main() -> None:
        async with (
            playback(says(*SAID)) as backend,
            house([behind("C", backend, defaults={"max_new_tokens": 55})]) as running,
        ):
            await running.ask("/v1/chat/completions", chat_body(**said))
            assert jsons.read(backend.asked[0].body) == {**chat_body("backend-m"), **said, **added}

    run(main)


BILLED: Final = (
    "x-anthropic-billing-header: cc_version=2.1.330; cch=0d5f1;",
    "x-anthropic-billing-header: cch=1;\nBe brief.",
)
REST: Final = [{"type": "text", "text": "Be \u00e9xact.", "cache_control": {"type": "ephemeral"}}]


@pytest.mark.parametrize("relays", [True, False], ids=["relayed", "translated"])
@pytest.mark.parametrize(
    ("profile", "name", "is_told"),
    [({}, "qwen", False), ({}, "claude-sonnet-5", True), ({"family": "anthropic"}, "claude-sonnet-5", True)],
    ids=["a server of unknown make", "a gateway to Claude", "Anthropic"],
)
@pytest.mark.parametrize("line", BILLED, ids=["alone", "before other text"])
def test_the_line_of_accounting_reaches_anthropic_alone(
    line: str, profile: dict[str, Any], name: str, is_told: bool, relays: bool
) -> None:
    """It changes with every request, and what a prompt begins with is what it is cached by."""

    async def main() -> None:
        async with playback(says(*HELLO_SAID)) as backend:
            given = {**behind("M", backend, profile={**profile, "relays": relays}), "model": name}
            async with house([given]) as running:
                system = [{"type": "text", "text": line}, *REST]
                assert (await running.ask("/v1/messages", messages_body(system=system))).status == 200
                left = [{"type": "text", "text": "Be brief."}] if "brief" in line else []
                assert jsons.read(backend.asked[0].body)["system"] == (system if is_told else [*left, *REST])

    run(main)


@pytest.mark.parametrize(
    ("profile", "reaches"),
    [({}, 0), ({"family": "anthropic"}, 1)],
    ids=["a server of unknown make", "Anthropic"],
)
def test_a_thread_goes_on_at_anthropic_and_is_lost_elsewhere(profile: dict[str, Any], reaches: int) -> None:
    """At this code the SDKs say the whole conversation."""
    lost = {"type": "not_found_error", "message": "no state", "details": {"error_code": "thread_not_found"}}
    refusal = whole({"type": "error", "error": lost}, 404)

    async def main() -> None:
        async with playback(replies(refusal)) as backend:
            async with house([{**behind("M", backend, profile=profile), "model": "qwen"}]) as running:
                thread = {"type": "continue", "previous_message_id": "msg_1"}
                answer = await running.ask("/v1/messages", messages_body(thread=thread))
            assert jsons.read(answer.body)["error"]["details"] == {"error_code": "thread_not_found"}
            assert len(backend.asked) == reaches

    run(main)


@cells
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"])
def test_other_line_ends_pass_too(cell: str, ending: bytes) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = b"".join(frames(cell)).replace(b"\n", ending)
        async with playback(streams(said[:100], said[100:])) as backend, house([behind(cell, backend)]) as running:
            assert (await running.ask(path, body(stream=True))).body == said

    run(main)


@cells
def test_a_last_event_without_blank_line_is_whole(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = b"".join(frames(cell)).rstrip(b"\n")
        async with playback(streams(said)) as backend, house([behind(cell, backend)]) as running:
            assert (await running.ask(path, body(stream=True))).body == said + b"\n\n"

    run(main)


@cells
@pytest.mark.parametrize("how", ["reset", "closed", "junk"])
def test_what_breaks_behind_the_end_harms_nobody(cell: str, how: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = frames(cell)
        bad = {
            "reset": cuts_after(STREAM, *map(chunk, said), reset=True),
            "closed": cuts_after(STREAM, *map(chunk, said)),
            "junk": streams(*said, b'data: {"choi'),
        }
        async with playback(bad[how]) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            assert (heard.body, heard.broken) == (b"".join(said), False)

    run(main)


@cells
def test_a_body_that_needs_no_change_is_not_touched(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = jsons.write(body("backend-m")).replace(b'":', b'"   :  ')
        async with (
            playback(says(*SAID)) as backend,
            house([{**behind(cell, backend), "name": "backend-m"}]) as running,
        ):
            assert (await running.ask(path, said)).status == 200
            assert backend.asked[0].body == said

    run(main)


@cells
def test_a_stream_of_one_event_without_blank_line_is_an_answer(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = [frame for frame in frames(cell) if b'"message_stop"' in frame or b'finish_reason":"' in frame]
        last = said[-1].rstrip(b"\n")
        async with playback(streams(last)) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            assert heard.body == last + b"\n\n"
            assert heard.headers["x-dragoman-model"] == "backend-m"

    run(main)


# What goes wrong.


@cells
@pytest.mark.parametrize("begun", [False, True])
def test_an_event_that_never_ends_is_a_problem(cell: str, begun: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(relay_module, "WholeEvents", functools.partial(WholeEvents, limit=1000))
        path, body, *_ = CELLS[cell]
        first = frames(cell)[:3] if begun else []
        said = hangs_after(STREAM, *map(chunk, first), chunk(b"data: " + b"x" * 2000))
        async with playback(said) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            if begun:
                assert_problem_in_stream(cell, heard, "larger than 1000 bytes")
            else:
                assert_problem(heard, 502, "larger than 1000 bytes")
            await backend.gone.wait()

    run(main)


RUBBISH: Final = {
    "html": whole(b"<html><h1>502 http://127.0.0.1/</h1></html>", 502, content_type="text/html"),
    "html with 200": whole(b"<html>welcome</html>", 200, content_type="text/html"),
    "bad JSON": whole(b'{"choices": [', 200),
    "nothing": whole(b"", 200),
    "a list": whole([1, 2], 200),
    "error with 200": whole({"error": {"message": "model crashed at http://127.0.0.1:1", "type": "server_error"}}),
    "500 without body": whole(b"", 500),
    "no HTTP": b"\x16\x03\x01 what?\r\n\r\n",
    "redirect": whole(b"", 307, "location: http://elsewhere.internal/v1"),
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-ty",
    "half a body": whole({"choices": []})[:-3],
    "401": whole({"error": {"message": "Incorrect API key provided: sk-abcdefghijklmnop"}}, 401),
}


@cells
@streamed
@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_a_problem_in_the_clients_words(cell: str, stream: bool, rubbish: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with playback(cuts_after(RUBBISH[rubbish])) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body(stream=stream)), 502)

    run(main)


@cells
def test_a_stream_nobody_asked_for_is_a_problem(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with playback(streams(*frames(cell))) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body()), 502, "nobody asked for")

    run(main)


@cells
def test_a_whole_answer_in_a_streams_place_is_a_problem(cell: str) -> None:
    async def main() -> None:
        path, body, _, wire = CELLS[cell]
        said = whole(wire.whole({"model": "x"}, SAID))
        async with playback(replies(said)) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body(stream=True)), 502, "asked for a stream")

    run(main)


def cut_points(cell: str) -> list[bytes]:
    said, points, at = b"".join(frames(cell)), [], 0
    for frame in frames(cell):
        points += [said[: at + len(frame) // 2], said[: at + len(frame)]]
        at += len(frame)
    return points


@cells
@pytest.mark.parametrize("how", ["reset", "closed", "ended"])
def test_a_stream_cut_anywhere_never_looks_complete(cell: str, how: str) -> None:
    async def main() -> None:
        points = cut_points(cell)
        cuts = iter(points)

        async def answer(peer: Peer, asked: Asked) -> None:
            said = next(cuts)
            if how == "ended":
                await replies(STREAM, chunk(said), END)(peer, asked)
            else:
                await cuts_after(STREAM, chunk(said), reset=how == "reset")(peer, asked)

        path, body, *_ = CELLS[cell]
        complete = b"event: message_stop" if cell == "M" else b'"finish_reason":"'
        async with playback(answer) as backend, house([behind(cell, backend)]) as running:
            for said in points:
                heard = await running.ask(path, body(stream=True))
                if complete in said:
                    continue
                if heard.status == 200:
                    assert_problem_in_stream(cell, heard, "ended before", "broke off")
                    passed = said[: said.rfind(b"\n\n") + 2]
                    assert heard.body.startswith(passed)
                else:
                    assert_problem(heard, 502, "ended before", "broke off")

    run(main)


@cells
@streamed
def test_a_backend_that_falls_silent_is_given_up(cell: str, stream: bool) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with (
            playback(hangs_after()) as backend,
            house([behind(cell, backend, timeout=0.05)]) as running,
        ):
            assert_problem(await running.ask(path, body(stream=stream)), 504, "timeout")
            await backend.gone.wait()

    run(main)


@cells
def test_a_client_that_reads_nothing_holds_its_backend_back_and_loses_nothing(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        flood = Flood(frames(cell, (FLOOD,)))
        async with (
            playback(flood.answer) as backend,
            house([behind(cell, backend)]) as running,
            running.talk() as line,
        ):
            await line.say(path, body(stream=True))
            await flood.is_held_back_and_arrives(line)

    run(main)


@cells
def test_a_backend_that_falls_silent_in_mid_stream_is_given_up(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = b"".join(frames(cell)[:4])
        async with (
            playback(hangs_after(STREAM, chunk(said + b'data: {"half'))) as backend,
            house([behind(cell, backend, idle_timeout=0.05)]) as running,
        ):
            heard = await running.ask(path, body(stream=True))
            assert_problem_in_stream(cell, heard, "fell silent")
            assert heard.body.startswith(said)
            assert b'"half' not in heard.body
            await backend.gone.wait()

    run(main)


@cells
def test_an_error_inside_the_stream_passes_without_addresses_and_keys(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        error: dict[str, Any] = {"message": "no: http://127.0.0.1:8000/x with sk-backend-0123456789abcdef", "type": "t"}
        event = {"type": "error", "error": error} if cell == "M" else {"error": {**error, "code": 500}}
        said = (b"event: error\n" if cell == "M" else b"") + b"data: %b\n\n" % jsons.write(event)
        async with playback(streams(*frames(cell)[:4], said)) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            assert_problem_in_stream(cell, heard, "no: [url]")
            assert heard.frames[-1]["error"].get("code") == (None if cell == "M" else 500)

    run(main)


@cells
def test_a_tool_named_error_is_no_error(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        odd = (Words('"error":{"message":"http://localhost/"}'), Call("error", {"error": {"type": "error"}}))
        said = list(CELLS[cell][3].stream({"model": "x", "stream": True}, odd))
        async with playback(streams(*said)) as backend, house([behind(cell, backend)]) as running:
            assert (await running.ask(path, body(stream=True))).body == b"".join(said)

    run(main)


# Fillers.


@cells
def test_fillers_stand_between_events_only(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said, asked, go_on = frames(cell), asyncio.Event(), asyncio.Event()

        async def answer(peer: Peer, _: Asked) -> None:
            await peer.say(STREAM, chunk(said[0] + said[1][:20]))
            asked.set()
            await go_on.wait()
            await peer.say(chunk(said[1][20:]), *map(chunk, said[2:]), END)

        async with playback(answer) as backend, house([behind(cell, backend)]) as running, running.talk() as line:
            await line.say(path, body(stream=True))
            await line.head()
            assert await line.chunk() == said[0]
            await asked.wait()
            running.pulse()
            filler = await line.chunk()
            assert (b"event: ping" if cell == "M" else b'"delta":{}') in filler
            go_on.set()
            rest = b""
            while piece := await line.chunk():
                rest += piece
            assert rest == b"".join(said[1:])

    run(main)


@cells
@pytest.mark.parametrize("then", ["answers", "fails", "answers whole"])
def test_fillers_come_before_the_backend_said_anything(cell: str, then: str) -> None:
    async def main() -> None:
        path, body, _, wire = CELLS[cell]
        asked, go_on = asyncio.Event(), asyncio.Event()
        later: dict[str, Answer] = {
            "answers": streams(*frames(cell)),
            "fails": replies(whole({"error": {"message": "oops"}}, 500)),
            "answers whole": replies(whole(wire.whole({"model": "x"}, SAID))),
        }

        async def answer(peer: Peer, heard: Asked) -> None:
            asked.set()
            await go_on.wait()
            await later[then](peer, heard)

        async with playback(answer) as backend, house([behind(cell, backend)]) as running, running.talk() as line:
            await line.say(path, body(stream=True))
            await asked.wait()
            running.pulse()
            head = await line.head()
            filler = await line.chunk()
            go_on.set()
            rest = b""
            while piece := await line.chunk():
                rest += piece
            if then == "answers":
                assert rest == b"".join(frames(cell))
            else:
                assert_problem_in_stream(cell, Heard(head, filler + rest), "oops", "asked for a stream")

    run(main)


# Standing in for each other.


@cells
@streamed
@pytest.mark.parametrize("first", ["refuses", "503", "closes", "cut at once", "half an event", "html"])
def test_the_next_backend_is_asked_as_long_as_nothing_was_said(cell: str, stream: bool, first: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        bad: dict[str, Answer] = {
            "refuses": cuts_after(),
            "503": replies(whole({"error": "busy"}, 503, "x-ratelimit-remaining: 1")),
            "closes": cuts_after(),
            "cut at once": cuts_after(STREAM if stream else whole({"a": 1})[:-2]),
            "half an event": cuts_after(STREAM, chunk(b"data: {")),
            "html": replies(whole(b"<html>", 200, content_type="text/html")),
        }
        async with playback(bad[first]) as one, playback(says(*SAID)) as other:
            chosen = NOBODY if first == "refuses" else one
            async with house([behind(cell, chosen, other)]) as running:
                for _ in range(4):  # the order is by chance
                    heard = await running.ask(path, body(stream=stream))
                    assert heard.status == 200
                    assert b"weather" in heard.body
                    assert [n for n, _ in heard.fields].count("x-dragoman-model") == 1
                    assert "x-ratelimit-remaining" not in heard.headers

    run(main)


@cells
def test_what_comes_ahead_of_an_answer_binds_nobody(cell: str) -> None:
    """A chunk with the role only, or Anthropic's first event: they say that an answer is to come."""

    async def main() -> None:
        path, body, *_ = CELLS[cell]
        ahead, *rest = frames(cell)
        async with playback(cuts_after(STREAM, chunk(ahead))) as one, playback(streams(ahead, *rest)) as other:
            async with house([behind(cell, one, other)]) as running:
                for number in range(20):  # who is asked first is by the conversation
                    said = [{"role": "user", "content": f"hi {number}"}]
                    heard = await running.ask(path, body(stream=True, messages=said))
                    assert (heard.status, heard.broken) == (200, False)
                    assert heard.body == b"".join(frames(cell))
            assert len(one.asked) > 1

    run(main)


@cells
def test_an_answer_of_nothing_passes_though_others_could_be_asked(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        nothing = frames(cell, ())
        for pieces in (
            nothing,
            [b"".join(nothing)],
            [*nothing[:-1], nothing[-1].rstrip()],
            [b": wait\n\n"] * 9 + nothing,
        ):
            async with playback(streams(*pieces)) as one, playback(streams(*pieces)) as other:
                async with house([behind(cell, one, other)]) as running:
                    heard = await running.ask(path, body(stream=True))
                    assert (heard.status, heard.broken) == (200, False)
                    assert heard.body.rstrip() == b"".join(pieces).rstrip()
                assert len(one.asked) + len(other.asked) == 1

    run(main)


@cells
def test_no_other_backend_is_asked_once_something_was_said(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        cut = cuts_after(STREAM, *map(chunk, frames(cell)[:4]))
        async with playback(cut) as one, playback(cut) as other, house([behind(cell, one, other)]) as running:
            assert_problem_in_stream(cell, await running.ask(path, body(stream=True)))
            assert len(one.asked) + len(other.asked) == 1

    run(main)


def test_why_something_is_not_relayed() -> None:
    client = CLIENTS["openai-chat"]

    def route(*backends: tuple[str, Any]) -> Route:
        made = tuple(RouteBackend(url, Secret(""), dialect) for url, dialect in backends)
        return Route(model="m", backend_model="b", backends=made)

    assert why_not(client, route(("http://a", "openai-chat")), b"{}") == ""
    assert "anthropic-messages" in why_not(client, route(("http://a", "anthropic-messages")), b"{}")
    assert "demo" in why_not(client, route(("demo:", "openai-chat")), b"{}")


# Usage that the client has not asked for.

COUNTED: Final = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}\n\n'


def told(*frames: bytes) -> tuple[bytes, ...]:
    """A stream that ends in its usage."""
    return *frames, COUNTED, b"data: [DONE]\n\n"


HELLO: Final = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}],"usage":null}\n\n',
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n',
)


@pytest.mark.parametrize(
    "options", [{}, {"stream_options": {"include_usage": False, "x": 1}}, {"stream_options": None}]
)
@pytest.mark.parametrize("together", [False, True])
def test_usage_is_asked_for_and_kept_from_who_has_not_asked(options: dict[str, Any], together: bool) -> None:
    async def main() -> None:
        said = (b"".join(told(*HELLO)),) if together else told(*HELLO)
        async with playback(streams(*said)) as backend, house([behind("C", backend)]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body(stream=True, **options))
            assert heard.body == b"".join((*HELLO, b"data: [DONE]\n\n"))
            sent = jsons.read(backend.asked[0].body)
            assert sent["stream_options"] == {**(options.get("stream_options") or {}), "include_usage": True}

    run(main)


def test_usage_reaches_who_has_asked() -> None:
    async def main() -> None:
        async with playback(streams(*told(*HELLO))) as backend, house([behind("C", backend)]) as running:
            body = chat_body(stream=True, stream_options={"include_usage": True})
            assert (await running.ask("/v1/chat/completions", body)).body == b"".join(told(*HELLO))

    run(main)


def test_a_backend_that_cannot_be_asked_for_usage_is_asked_without() -> None:
    async def main() -> None:
        refusal = whole({"error": {"message": "Unrecognized request argument supplied: stream_options"}}, 400)

        async def answer(peer: Peer, asked: Asked) -> None:
            refuses = "stream_options" in jsons.read(asked.body)
            await (replies(refusal) if refuses else streams(*HELLO, b"data: [DONE]\n\n"))(peer, asked)

        async with playback(answer) as backend, house([behind("C", backend)]) as running:
            for _ in range(2):
                heard = await running.ask("/v1/chat/completions", chat_body(stream=True))
                assert heard.body == b"".join((*HELLO, b"data: [DONE]\n\n"))
            assert ["stream_options" in jsons.read(asked.body) for asked in backend.asked] == [True, False, False]

    run(main)


# What ends without a reason, and what is an error although its status says otherwise.

UNREASONED: Final = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}\n\n',
    b'data: {"id":"c","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}\n\n',
)
DONE: Final = b"data: [DONE]\n\n"


@pytest.mark.parametrize("together", [False, True])
def test_a_chat_stream_that_ends_without_a_reason_is_given_one(together: bool) -> None:
    """Agents ask again for what has none, some of them for ever. Later answers are translated, which have their own."""

    async def main() -> None:
        said = (b"".join((*UNREASONED, DONE)),) if together else (*UNREASONED, DONE)
        async with playback(streams(*said)) as backend, house([behind("C", backend)]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body(stream=True))
            assert heard.body.startswith(b"".join(UNREASONED))
            assert heard.body.endswith(DONE)
            assert [each["choices"][0]["finish_reason"] for each in heard.frames] == [None, None, "stop"]
            assert heard.frames[0]["id"] == "c"  # relayed

            heard = await running.ask("/v1/chat/completions", chat_body(stream=True))
            assert heard.frames[-1]["choices"][0]["finish_reason"] == "stop"
            assert heard.frames[0]["id"] != "c"

    run(main)


def test_a_chat_stream_of_nothing_but_its_end_is_none() -> None:
    async def main() -> None:
        async with (
            playback(streams(DONE)) as first,
            playback(says(*HELLO_SAID)) as second,
            house([behind("C", first, second)]) as running,
        ):
            for number in range(4):  # whichever comes first
                heard = await running.ask("/v1/chat/completions", chat_body(stream=True, user=str(number)))
                assert heard.status == 200
                assert b"hello" in heard.body
        async with playback(streams(DONE)) as backend, house([behind("C", backend)]) as running:
            assert_problem(await running.ask("/v1/chat/completions", chat_body(stream=True)), 502, "ended before")

    run(main)


BUSY: Final = {"message": "all slots are busy", "type": "overloaded_error", "code": 503}
BEGINNINGS: Final = {
    "M": [b"event: error\ndata: " + jsons.write({"type": "error", "error": BUSY}) + b"\n\n"],
    "C": [
        b"data: " + jsons.write({"error": BUSY}) + b"\n\n",
        b"data: " + jsons.write({"object": "error", **BUSY}) + b"\n\n",
    ],
}


@pytest.mark.parametrize(("cell", "said"), [(cell, said) for cell, many in BEGINNINGS.items() for said in many])
def test_a_stream_that_begins_with_an_error_is_refused_and_another_backend_asked(cell: str, said: bytes) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with playback(streams(said, DONE)) as first, playback(says(*HELLO_SAID)) as second:
            async with house([behind(cell, first)]) as running:
                status = 529 if cell == "M" else 503
                assert_problem(await running.ask(path, body(stream=True)), status, "all slots are busy")
            async with house([behind(cell, first, second)]) as running:
                for number in range(4):
                    heard = await running.ask(
                        path, body(stream=True, messages=[{"role": "user", "content": str(number)}])
                    )
                    assert (heard.status, b"slots" in heard.body) == (200, False), heard.body

    run(main)


@streamed
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"id": "x", "choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, 429),
        ({"base_resp": {"status_code": 1013, "status_msg": "internal service error"}}, 502),
        ({"detail": "no such thing"}, 502),
    ],
    ids=["rate limit", "MiniMax", "FastAPI"],
)
def test_an_error_in_an_answers_place_is_one_whatever_its_status(
    answer: dict[str, Any], status: int, stream: bool
) -> None:
    async def main() -> None:
        async with playback(replies(whole(answer))) as backend, house([behind("C", backend)]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body(stream=stream))
            words = "rate limit", "internal service error", "no such thing"
            assert_problem(heard, status, *words)

    run(main)


def test_an_answer_with_a_status_of_its_own_is_one() -> None:
    async def main() -> None:
        said = {**chat.whole({"model": "m"}, HELLO_SAID), "base_resp": {"status_code": 0, "status_msg": "success"}}
        async with playback(replies(whole(said))) as backend, house([behind("C", backend)]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body())
            assert (heard.status, heard.body) == (200, jsons.write(said))

    run(main)
