"""The translated rail: what becomes of an answer when its backend does not behave."""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest

from dragoman.gateway.converse import with_defaults
from dragoman.hub.request import Reasoning, Request, Sampling
from dragoman.hub.route import Defaults
from dragoman.wire import jsons
from tests.agents.script import Call, Said, Thought, Words
from tests.agents.wires import chat, messages
from tests.gateway.stage import (
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

# The client's dialect, where it asks, and the type of a backend that speaks the other one.
CELLS: Final = {
    "M from C": ("/v1/messages", messages_body, "openai", chat),
    "C from M": ("/v1/chat/completions", chat_body, "anthropic", messages),
}
cells = pytest.mark.parametrize("cell", CELLS)
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
SAID: Final[tuple[Said, ...]] = (Thought("hmm"), Words("Let me look."), Call("weather", {"city": "a" * 30}))


def behind(cell: str, *backends: Backend | str, **more: Any) -> dict[str, Any]:
    type_ = CELLS[cell][2]
    urls = [
        backend if isinstance(backend, str) else origin(backend) + ("/v1" if type_ == "openai" else "")
        for backend in backends
    ]
    return model("m", *urls, type=type_, **more)


def frames(cell: str, said: tuple[Said, ...] = SAID) -> list[bytes]:
    return list(CELLS[cell][3].stream({"model": "m", "stream": True}, said))


def assert_problem(heard: Heard, statuses: set[int], *words: str) -> None:
    """An answer that is a problem, whole and in the client's envelope."""
    assert not heard.broken
    assert heard.status in statuses, heard.body
    assert any(word in heard.error["message"] for word in words or ("",)), heard.error
    assert not any(secret in heard.body for secret in SECRETS)


def assert_problem_in_stream(cell: str, heard: Heard, *words: str) -> None:
    """An answer whose last event is an error, and which a client cannot take for complete."""
    assert (heard.status, heard.broken) == (200, False)
    last = heard.frames[-1]
    assert any(word in last["error"]["message"] for word in words or ("",)), last
    assert not any(secret in heard.body for secret in SECRETS)
    if cell.startswith("M"):
        assert heard.body.rstrip().split(b"\n")[-2] == b"event: error"
        assert b"message_stop" not in heard.body
        assert b"message_delta" not in heard.body
    else:
        assert b"[DONE]" not in heard.body
        assert all(c["finish_reason"] is None for f in heard.frames[:-1] for c in f["choices"])


RUBBISH: Final = {
    "html": (whole(b"<html><h1>502 http://127.0.0.1/</h1></html>", 502, content_type="text/html"), {502}),
    "html with 200": (whole(b"<html>welcome</html>", 200, content_type="text/html"), {502}),
    "bad JSON": (whole(b'{"choices": [', 200), {502}),
    "not JSON": (whole(b"", 200), {502}),
    "a list": (whole([1, 2], 200), {502}),
    "nothing of use": (whole({"ok": True}, 200), {502}),
    "error with 200": (whole({"error": {"message": "model crashed", "type": "server_error"}}, 200), {502}),
    "500 without body": (whole(b"", 500), {500, 502}),
    "no HTTP": (b"\x16\x03\x01 what?\r\n\r\n", {502}),
    "redirect": (whole(b"", 307, "location: http://elsewhere.internal/v1"), {502}),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", {502}),
    "teapot": (whole({"error": "I am a teapot, see http://127.0.0.1/x"}, 418), {400, 418, 502}),
    "half a head": (b"HTTP/1.1 200 OK\r\ncontent-ty", {502}),
}


@cells
@streamed
@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_a_problem_in_the_clients_words(cell: str, stream: bool, rubbish: str) -> None:
    said, statuses = RUBBISH[rubbish]

    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with playback(cuts_after(said)) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body(stream=stream)), statuses)

    run(main)


ERRORS: Final[dict[str, tuple[int, Any, int, int, str]]] = {
    # what the backend says; the status for Messages and for Chat; a word of the message
    "OpenAI 400": (400, {"error": {"message": "bad thing", "type": "invalid_request_error"}}, 400, 400, "bad thing"),
    "vLLM 400": (
        400,
        {"object": "error", "message": "bad thing", "type": "BadRequestError", "code": 400},
        400,
        400,
        "bad thing",
    ),
    "FastAPI 422": (422, {"detail": [{"loc": ["body", "x"], "msg": "field required"}]}, 400, 400, "field required"),
    "Ollama 404": (404, {"error": "model 'x' not found"}, 404, 404, "not found"),
    "Anthropic 404": (
        404,
        {"type": "error", "error": {"type": "not_found_error", "message": "model: x"}},
        404,
        404,
        "model: x",
    ),
    "plain 404": (404, b"404 page not found", 502, 502, "page not found"),
    "401": (401, {"error": {"message": "Incorrect API key provided: sk-abcdefghijklmnop"}}, 502, 502, "credentials"),
    "403": (403, b"forbidden", 502, 502, "credentials"),
    "402": (402, {"error": {"message": "pay"}}, 402, 429, "pay"),
    "413": (413, {"error": {"message": "big"}}, 413, 413, "big"),
    "429": (429, {"error": {"message": "slow", "type": "rate_limit_error"}}, 429, 429, "slow"),
    "500 text": (500, b"Internal Server Error", 502, 502, "Internal Server Error"),
    "503": (503, {"error": {"message": "Loading model"}}, 529, 503, "Loading model"),
    "529": (
        529,
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        529,
        503,
        "Overloaded",
    ),
    "504": (504, b"", 504, 504, "504"),
    "vLLM overflow": (
        400,
        {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000"},
        400,
        400,
        "maximum context length is 8192",
    ),
    "llama.cpp overflow": (
        400,
        {
            "error": {
                "code": 400,
                "message": "request (12030 tokens) exceeds the available context size (8192 tokens)",
                "type": "exceed_context_size_error",
            }
        },
        400,
        400,
        "exceeds the available context size",
    ),
    "bare string": (400, "no such luck", 400, 400, "no such luck"),
    "null": (500, None, 502, 502, "500"),
}


@cells
@streamed
@pytest.mark.parametrize("form", ERRORS)
def test_errors_of_every_form(cell: str, stream: bool, form: str) -> None:
    status, said, for_messages, for_chat, word = ERRORS[form]

    async def main() -> None:
        path, body, *_ = CELLS[cell]
        wanted = for_messages if cell.startswith("M") else for_chat
        async with (
            playback(replies(whole(said, status, "retry-after: 3"))) as backend,
            house([behind(cell, backend)]) as running,
        ):
            heard = await running.ask(path, body(stream=stream))
            assert_problem(heard, {wanted}, word)
            assert heard.headers["retry-after"] == "3"
            again = await running.ask(path, body(stream=stream))
            assert again.status == wanted
            assert backend.accepted - 1 <= 1  # besides discovery's: connections are reused after errors

    run(main)


@cells
@pytest.mark.parametrize("wait", ["inf", "nan", "-5", "1e400", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"])
def test_an_odd_retry_after_breaks_nothing(cell: str, wait: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = whole({"error": {"message": "slow", "type": "rate_limit_error"}}, 429, f"retry-after: {wait}")
        async with playback(replies(said)) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body())
            assert_problem(heard, {429}, "slow")
            assert int(heard.headers.get("retry-after", "0")) >= 0

    run(main)


# Breaking off.


def cut_points(cell: str) -> list[tuple[str, bytes]]:
    """The stream of SAID, cut behind every frame and in the middle of every frame."""
    whole_stream, points, at = b"".join(frames(cell)), [], 0
    for number, frame in enumerate(frames(cell)):
        points.append((f"in {number}", whole_stream[: at + len(frame) // 2]))
        at += len(frame)
        points.append((f"after {number}", whole_stream[:at]))
    return points


@cells
@pytest.mark.parametrize("how", ["reset", "closed", "ended"])
def test_a_stream_cut_anywhere_never_looks_complete(cell: str, how: str) -> None:
    async def main() -> None:
        points = cut_points(cell)
        cuts = iter(points)

        async def answer(peer: Peer, asked: Asked) -> None:
            _, said = next(cuts)
            if how == "ended":
                await replies(STREAM, chunk(said), END)(peer, asked)
            else:
                await cuts_after(STREAM, chunk(said), reset=how == "reset")(peer, asked)

        path, body, type_, _ = CELLS[cell]
        complete = b"message_stop" if type_ == "anthropic" else b'"finish_reason":"'
        async with playback(answer) as backend, house([behind(cell, backend)]) as running:
            for _, said in points:
                heard = await running.ask(path, body(stream=True))
                if complete in said:
                    continue  # the meaning has ended, whatever becomes of the bytes
                if heard.status == 200:
                    assert_problem_in_stream(cell, heard, "ended before", "broke off", "garbled", "invalid arguments")
                    assert heard.frames[0].get("type") == "message_start" or heard.frames[0]["choices"]
                else:
                    assert_problem(heard, {502}, "ended before", "broke off", "garbled")

    run(main)


@cells
def test_nothing_said_yet_is_a_status_even_if_the_stream_had_begun(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with (
            playback(cuts_after(STREAM, chunk(frames(cell)[0]))) as backend,
            house([behind(cell, backend)]) as running,
        ):
            assert_problem(await running.ask(path, body(stream=True)), {502})

    run(main)


@cells
@streamed
def test_a_connection_closed_without_an_answer(cell: str, stream: bool) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        async with playback(cuts_after()) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body(stream=stream)), {502}, "closed the connection")

    run(main)


@cells
@pytest.mark.parametrize("type_", ["overloaded_error", "rate_limit_error", "api_error", "server_error"])
def test_an_error_inside_the_stream_ends_it(cell: str, type_: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        error = jsons.write(
            {"type": "error", "error": {"type": type_, "message": "gone wrong at http://127.0.0.1:1/x"}}
        )
        said = [*frames(cell)[:4], b"event: error\ndata: %b\n\n" % error]
        async with playback(streams(*said)) as backend, house([behind(cell, backend)]) as running:
            assert_problem_in_stream(cell, await running.ask(path, body(stream=True)), "gone wrong at [url]")

    run(main)


@cells
@pytest.mark.parametrize(("type_", "status"), [("overloaded_error", (529, 503)), ("rate_limit_error", (429, 429))])
def test_an_error_as_the_first_event_is_a_status(cell: str, type_: str, status: tuple[int, int]) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        error = jsons.write({"type": "error", "error": {"type": type_, "message": "busy"}})
        said = [frames(cell)[0], b"event: error\ndata: %b\n\n" % error]
        async with playback(streams(*said)) as backend, house([behind(cell, backend)]) as running:
            assert_problem(await running.ask(path, body(stream=True)), set(status), "busy")

    run(main)


@cells
def test_an_event_of_two_megabytes_arrives(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        text = "x" * 2_000_000
        async with playback(says(Words(text))) as backend, house([behind(cell, backend)]) as running:
            heard = await running.ask(path, body(stream=True))
            assert text.encode() in heard.body

    run(main)


# Silence.


@cells
@streamed
@pytest.mark.parametrize("phase", ["head", "body"])
def test_a_backend_that_falls_silent_is_given_up(cell: str, stream: bool, phase: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        said = () if phase == "head" else (STREAM,)
        async with (
            playback(hangs_after(*said)) as backend,
            house([behind(cell, backend, timeout=0.05, idle_timeout=0.05)]) as running,
        ):
            assert_problem(await running.ask(path, body(stream=stream)), {504}, "timeout")
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
        async with (
            playback(hangs_after(STREAM, *map(chunk, frames(cell)[:4]))) as backend,
            house([behind(cell, backend, idle_timeout=0.05)]) as running,
        ):
            assert_problem_in_stream(cell, await running.ask(path, body(stream=True)), "fell silent")
            await backend.gone.wait()

    run(main)


@cells
def test_waiting_clients_are_kept_company(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answer(peer: Peer, _: Asked) -> None:
            asked.set()
            await go_on.wait()
            await peer.say(STREAM, *map(chunk, frames(cell)), END)

        async with playback(answer) as backend, house([behind(cell, backend)]) as running, running.talk() as line:
            await line.say(path, body(stream=True))
            await asked.wait()
            running.pulse()
            assert b"200 OK" in await line.head()
            first = await line.chunk()
            running.pulse()
            second = await line.chunk()
            if cell.startswith("M"):
                assert first.startswith(b"event: message_start")
                assert second == b'event: ping\ndata: {"type":"ping"}\n\n'
            else:
                assert b'"delta":{"role":"assistant","content":""}' in first
                assert b'"delta":{},"logprobs":null,"finish_reason":null' in second
            go_on.set()
            rest = b""
            while piece := await line.chunk():
                rest += piece
            assert first not in rest  # it began once
            assert (b"message_stop" if cell.startswith("M") else b"[DONE]") in rest

    run(main)


def test_nobody_is_kept_company_whose_exchange_was_over_before_it_waited_for_anything() -> None:
    async def main() -> None:
        never_asked = says(Words("Hello."))
        async with (
            playback(never_asked) as backend,
            house([behind("M from C", backend, on_loss="strict")]) as served,
        ):
            heard = await served.ask("/v1/messages", messages_body(stream=True, top_k=5))
            assert (heard.status, backend.asked) == (400, [])
            await asyncio.sleep(0)
            assert not served.gateway.pulses._waiting

    run(main)


@cells
@pytest.mark.parametrize("how", ["status", "silence", "cut"])
def test_after_a_filler_a_problem_can_only_be_said_in_the_stream(cell: str, how: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answer(peer: Peer, _: Asked) -> None:
            asked.set()
            await go_on.wait()
            if how == "status":
                await peer.say(whole({"error": {"message": "oops"}}, 500))
            elif how == "cut":
                raise ConnectionResetError
            else:
                await peer.gone()

        async with (
            playback(answer) as backend,
            house([behind(cell, backend, timeout=0.2)]) as running,
            running.talk() as line,
        ):
            await line.say(path, body(stream=True))
            await asked.wait()
            running.pulse()
            go_on.set()
            assert_problem_in_stream(cell, await line.heard(), "oops", "timeout", "closed the connection")

    run(main)


# Standing in for each other.


@cells
@streamed
@pytest.mark.parametrize("first", ["refuses", "503", "429", "500", "closes", "error first", "our key"])
def test_the_next_backend_is_asked_as_long_as_nothing_was_said(cell: str, stream: bool, first: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        error = jsons.write({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
        bad: dict[str, Answer] = {
            "503": replies(whole({"error": "busy"}, 503)),
            "429": replies(whole({"error": "busy"}, 429)),
            "500": replies(whole({"error": "oops"}, 500)),
            "closes": cuts_after(),
            "error first": streams(frames(cell)[0], b"event: error\ndata: %b\n\n" % error),
            "our key": replies(whole({"error": "who are you?"}, 401)),
            "refuses": cuts_after(),
        }
        async with playback(bad[first]) as one, playback(says(*SAID)) as other:
            chosen = NOBODY if first == "refuses" else one
            async with house([behind(cell, chosen, other)]) as running:
                for _ in range(4):  # the order is by chance
                    heard = await running.ask(path, body(stream=stream))
                    assert heard.status == 200
                    assert b"weather" in heard.body
                    assert b"error" not in heard.body
                    assert [n for n, _ in heard.fields].count("x-dragoman-model") == 1

    run(main)


@cells
def test_the_last_problem_is_told_if_none_answers(cell: str) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        busy = replies(whole({"error": "busy"}, 503))
        async with playback(busy) as one, house([behind(cell, NOBODY, one)]) as running:
            assert_problem(await running.ask(path, body(stream=True)), {502, 503, 529})

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


@cells
@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_is_the_clients_fault_is_not_tried_elsewhere(cell: str, status: int) -> None:
    async def main() -> None:
        path, body, *_ = CELLS[cell]
        bad = replies(whole({"error": {"message": "wrong"}}, status))
        async with playback(bad) as one, playback(bad) as other, house([behind(cell, one, other)]) as running:
            assert_problem(await running.ask(path, body()), {400, 413})
            assert len(one.asked) + len(other.asked) == 1

    run(main)


def test_a_filler_does_not_keep_the_next_backend_from_being_asked() -> None:
    async def main() -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def answer(peer: Peer, request: Asked) -> None:
            if asked.is_set():
                return await says(*SAID)(peer, request)
            asked.set()  # whichever it is: their order is that of their ports' hashes
            await go_on.wait()
            raise ConnectionResetError

        async with playback(answer) as one, playback(answer) as other:
            backends = [{"url": f"{origin(each)}/v1"} for each in (one, other)]
            async with house([{"name": "m", "backends": backends}]) as running, running.talk() as line:
                await line.say("/v1/messages", messages_body(stream=True))
                await asked.wait()
                running.pulse()
                await line.head()
                go_on.set()
                said = b""
                while piece := await line.chunk():
                    said += piece
                assert said.count(b"event: message_start") == 1
                assert b"event: message_stop" in said

    run(main)


def test_backends_are_asked_by_weight_and_disabled_ones_never() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("one"))) as one,
            playback(says(Words("three"))) as three,
            playback(says(Words("off"))) as off,
        ):
            backends = [
                {"url": f"{origin(one)}/v1", "weight": 1},
                {"url": f"{origin(three)}/v1", "weight": 3},
                {"url": f"{origin(off)}/v1", "disabled": True},
            ]
            async with house([{"name": "m", "backends": backends}]) as running:
                said = Counter[str]()
                for number in range(120):
                    messages = [{"role": "user", "content": f"hi {number}"}]
                    answer = await running.ask("/v1/messages", messages_body(messages=messages))
                    said[answer.json["content"][0]["text"]] += 1
                assert said["off"] == 0
                assert 11 <= said["one"] <= 49, said  # within four deviations

    run(main)


# Losses, defaults, calibration.


def test_defaults_fill_in_what_was_not_asked_for() -> None:
    request = Request(dialect="openai-chat", model="m", turns=(), sampling=Sampling(temperature=0.1))
    defaults = Defaults(
        sampling=Sampling(temperature=0.9, top_p=0.5), max_tokens=10, reasoning_effort="low", stop=("x",)
    )
    filled = with_defaults(request, defaults)
    assert filled.sampling == Sampling(temperature=0.1, top_p=0.5)
    assert (filled.max_tokens, filled.stop, filled.reasoning) == (10, ("x",), Reasoning(effort="low"))
    asked = Request(
        dialect="openai-chat", model="m", turns=(), max_tokens=5, stop=("y",), reasoning=Reasoning(mode="off")
    )
    kept = with_defaults(asked, defaults)
    assert (kept.max_tokens, kept.stop, kept.reasoning) == (5, ("y",), Reasoning(mode="off"))
    assert with_defaults(request, Defaults()) is request


def test_estimates_learn_from_what_backends_count() -> None:
    async def main() -> None:
        text = "word " * 600  # about 1,500 tokens are counted by the wire
        asked = messages_body(messages=[{"role": "user", "content": text}])
        async with playback(says(*SAID)) as backend, house([behind("M from C", backend)]) as running:
            before = (await running.ask("/v1/messages/count_tokens", asked)).json["input_tokens"]
            await running.ask("/v1/messages", asked)
            after = (await running.ask("/v1/messages/count_tokens", asked)).json["input_tokens"]
            assert before < 1000
            assert before < after <= 2 * before

    run(main)
