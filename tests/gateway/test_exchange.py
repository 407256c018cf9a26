"""One exchange through the whole app: every way out is one answer and one line in the log."""

import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.gateway import converse, count, passthrough, relay
from dragoman.gateway.entry import Entry
from tests.agents.script import Call, Thought, Words
from tests.agents.wires import responses
from tests.gateway.stage import (
    HELLO,
    NOBODY,
    STREAM,
    Heard,
    assert_nothing_is_left,
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
    responses_body,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Peer, until


def entries_of(caplog: pytest.LogCaptureFixture) -> list[Entry]:
    return [record.entry for record in caplog.records if hasattr(record, "entry")]


ASKED: dict[str, tuple[str, Any, int, str, str]] = {
    # path, body; status, rail and problem of the log's line
    "translated": ("/v1/messages", messages_body(), 200, "translate", ""),
    "relayed": ("/v1/chat/completions", chat_body(), 200, "relay", ""),
    "streamed": ("/v1/messages", messages_body(stream=True), 200, "translate", ""),
    "counted": ("/v1/messages/count_tokens", messages_body(), 200, "count", ""),
    "passed": ("/v1/embeddings", {"model": "m"}, 200, "relay", ""),
    "alias": ("/v1/messages", messages_body("short"), 200, "translate", ""),
    "unknown": ("/v1/messages", messages_body("x"), 404, "", "unknown_model"),
    "junk": ("/v1/messages", b"junk", 400, "", "bad_request"),
    "away": ("/v1/messages", messages_body("away"), 502, "translate", "unreachable"),
    "away, relayed": ("/v1/chat/completions", chat_body("away"), 502, "relay", "unreachable"),
    "too large": ("/v1/messages", b"x" * 2_000_000, 413, "", "too_large"),
}


@pytest.mark.parametrize("what", ASKED)
def test_every_exchange_is_one_answer_and_one_line(what: str, caplog: pytest.LogCaptureFixture) -> None:
    path, body, status, rail, problem = ASKED[what]

    async def main() -> None:
        caplog.set_level(logging.INFO, "dragoman.exchange")
        async with playback(says(Words("hi"))) as backend:
            models = [model("m", f"{origin(backend)}/v1"), model("away", NOBODY)]
            async with house(models, max_body_mb=1, aliases={"short": "m"}) as running:
                heard = await running.ask(path, body)
                assert heard.status == status, heard.body
                (entry,) = entries_of(caplog)
                assert (entry.status, entry.rail) == (status, rail)
                assert (entry.problem.kind if entry.problem else "") == problem
                assert entry.id == heard.headers["request-id"]
                assert running.gateway.pulses._waiting == set()

    run(main)


def test_the_log_knows_who_asked_for_what(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        caplog.set_level(logging.INFO, "dragoman.exchange")
        async with playback(says(Words("hi"))) as backend:
            keys = [{"key": "sk-0123456789abcdef", "name": "me"}]
            async with house([model("m", f"{origin(backend)}/v1")], keys=keys) as running:
                headers = {"x-api-key": "sk-0123456789abcdef"}
                await running.ask("/v1/messages", messages_body(stream=True), headers=headers)
                fields = entries_of(caplog)[0].fields()
                assert (fields["key"], fields["model"], fields["backend_model"]) == ("me", "m", "backend-m")
                assert (fields["input_tokens"], fields["cached_tokens"], fields["output_tokens"]) == (1500, 300, 42)
                assert fields["first_byte_ms"] <= fields["duration_ms"]
                assert fields["why_not_relayed"] == "the backend speaks openai-chat"

    run(main)
    assert "sk-0123456789abcdef" not in caplog.text


@pytest.mark.parametrize(
    ("path", "body", "module", "name"),
    [
        ("/v1/messages", messages_body(), converse, "with_defaults"),
        ("/v1/messages", messages_body(stream=True), converse, "open_source"),
        ("/v1/chat/completions", chat_body(), relay, "passed_headers"),
        ("/v1/messages/count_tokens", messages_body(), count, "tokens_in_request"),
        ("/v1/embeddings", {"model": "m"}, passthrough, "_ask"),
    ],
)
def test_a_bug_is_told_as_one_without_its_text(
    path: str, body: Any, module: Any, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret")

    async def main() -> None:
        monkeypatch.setattr(module, name, broken)
        async with house([model("m", NOBODY)]) as running:
            heard = await running.ask(path, body)
            assert heard.status == 500
            assert heard.headers["request-id"] in heard.error["message"]
            assert b"secret" not in heard.body
            assert (await running.ask("/healthz", method="GET")).status == 200

    run(main)
    assert "ZeroDivisionError: a secret" in caplog.text


def test_a_bug_in_mid_stream_is_told_in_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        told: list[int] = []

        def hear(self: Entry, events: object) -> None:
            told.append(1)
            if len(told) > 1:
                raise ZeroDivisionError("a secret")

        monkeypatch.setattr(Entry, "hear", hear)
        talkative = says(Words("one two three"))
        async with playback(talkative) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            heard: Heard = await running.ask("/v1/messages", messages_body(stream=True))
            assert heard.frames[-1]["error"]["message"].startswith("internal error of the proxy")
            assert b"secret" not in heard.body

    run(main)
    assert "ZeroDivisionError: a secret" in caplog.text


@pytest.mark.parametrize(("asked", "configured"), [("m", "m"), ("alias", "m"), ("other", "")])
def test_the_model_that_was_meant_is_known_of_who_may_not_use_it(
    asked: str, configured: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        caplog.set_level(logging.INFO, "dragoman.exchange")
        models, key = [model("m", "http://127.0.0.1:9/v1"), model("n", "http://127.0.0.1:9/v1")], "k" * 40
        async with house(models, aliases={"alias": "m"}, keys=[{"key": key, "models": ["n"]}]) as running:
            body = {**chat_body(), "model": asked}
            heard = await running.ask("/v1/chat/completions", body, headers={"authorization": f"Bearer {key}"})
            assert heard.status in (403, 404)

    run(main)
    (entry,) = entries_of(caplog)
    assert (entry.model, entry.configured) == (asked, configured)


def test_long_names_are_not_echoed_whole() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            heard = await running.ask("/v1/messages", messages_body("m" * 1_000_000))
            assert heard.status == 404
            assert len(heard.body) < 1_000

    run(main)


# Requests with something wrong in them, anywhere.

PICTURE = "iVBORw0KGgo="
RICH: dict[str, tuple[str, dict[str, Any]]] = {
    "/v1/messages": (
        "chat",
        messages_body(
            "chat",
            system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
            messages=[
                {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {"a": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "r"}]}]},
            ],
            tools=[{"name": "t", "input_schema": {"type": "object"}}, {"type": "bash_20250124", "name": "bash"}],
            tool_choice={"type": "auto", "disable_parallel_tool_use": True},
            thinking={"type": "enabled", "budget_tokens": 50},
            output_config={"effort": "high"},
            metadata={"user_id": "u"},
            stop_sequences=["a"],
        ),
    ),
    "/v1/chat/completions": (
        "messages",
        chat_body(
            "messages",
            messages=[
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}]},
                {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "t", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "r"},
            ],
            tools=[{"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}],
            tool_choice={"type": "function", "function": {"name": "t"}},
            response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
            reasoning_effort="low",
            stop=["a"],
            max_tokens=100,
            stream_options={"include_usage": True},
        ),
    ),
}  # fmt: skip
ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    1e308,
    2**63,
    "",
    "x",
    "\x00",
    [],
    {},
    [None],
    [[]],
    [{}],
    {"": {}},
    {"type": None},
    {"type": "x"},
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def spoilt(body: Any, at: tuple[Any, ...], odd: Any) -> Any:
    """The body with something else at this place; odd "gone" = nothing."""
    if not at:
        return odd
    body = dict(body) if isinstance(body, dict) else list(body)
    if len(at) == 1 and odd == "gone":
        del body[at[0]]
    else:
        body[at[0]] = spoilt(body[at[0]], at[1:], odd)
    return body


@pytest.mark.parametrize("path", RICH)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_request_is_too_odd(path: str, data: st.DataObject) -> None:
    name, rich = RICH[path]
    place = data.draw(st.sampled_from([place for place in places(rich) if place and place != ("model",)]))
    body = spoilt(rich, place, data.draw(st.sampled_from([*ODD, "gone"])))
    stream = data.draw(st.booleans())

    async def main() -> None:
        async with playback(says(Words("fine"))) as backend:
            models = [model("chat", f"{origin(backend)}/v1"), model("messages", origin(backend), type="anthropic")]
            async with house(models) as running:
                heard = await running.ask(path, {**body, "model": name, "stream": stream})
                assert heard.status in (200, 400), heard.body
                assert heard.status == 200 or heard.error["message"]

    run(main)


@pytest.mark.parametrize("missing", [404, 405, 500])
@pytest.mark.parametrize(("path", "body"), [("/v1/messages", messages_body()), ("/v1/chat/completions", chat_body())])
def test_a_backend_that_speaks_another_dialect_than_before_is_found_out(
    path: str, body: dict[str, Any], missing: int
) -> None:
    async def main() -> None:
        spoken = "/chat/completions"

        async def answer(peer: Peer, asked: Asked) -> None:
            if spoken not in asked.line:
                await peer.say(whole({"detail": "Not Found"}, missing))
            elif asked.body == b"{}":
                await peer.say(whole({"error": {"message": "model is required"}}, 400))
            else:
                await says(*HELLO)(peer, asked)

        async with (
            playback(answer) as backend,
            house([model("m", f"{origin(backend)}/v1", type="auto")]) as running,
        ):
            assert (await running.ask(path, body)).status == 200
            spoken = "/responses"
            assert (await running.ask(path, {**body, "stream": True})).status == 200
            assert (await running.ask(path, body)).status == 200
            asked = [asked for asked in backend.asked if asked.body != b"{}"]
            assert "/responses" in asked[-1].line
            assert "/responses" in asked[-2].line

    run(main)


def test_a_backend_of_which_the_dialect_is_said_is_not_asked_what_it_speaks() -> None:
    async def main() -> None:
        refuses = replies(whole({"detail": "Not Found"}, 404))
        async with playback(refuses) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            assert (await running.ask("/v1/messages", messages_body())).status == 502
            assert len(backend.asked) == 1

    run(main)


SIDES = ("anthropic", "openai", "responses")
PATHS = {"/v1/chat/completions": chat_body, "/v1/messages": messages_body, "/v1/responses": responses_body}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("side", SIDES)
def test_nothing_is_left_to_the_garbage_collector(side: str, path: str, *, stream: bool) -> None:
    """It stops everything while it collects: 0.13 s for what some hundred streams had left, when they left something."""
    said = (Thought("hm"), Words("Let me look."), Call("weather", {"city": "Rome"}))
    suffix = "" if side == "anthropic" else "/v1"

    async def main() -> None:
        async with (
            playback(says(*said)) as backend,
            house([model("m", origin(backend) + suffix, type=side)]) as running,
            running.talk() as line,
        ):

            async def ask() -> None:
                await line.say(path, PATHS[path](stream=stream))
                assert (await line.heard()).status == 200

            await assert_nothing_is_left(running, ask)

    run(main)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("how", ["refused", "broken off", "client gone"])
def test_nothing_is_left_of_what_goes_wrong(how: str, path: str) -> None:
    event = chunk(b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n')
    answers = {
        "refused": replies(whole({"error": {"message": "no"}}, 500)),
        "broken off": cuts_after(STREAM, event),
        "client gone": hangs_after(STREAM, event),
    }

    async def main() -> None:
        async with (
            playback(answers[how]) as backend,
            house([model("m", origin(backend) + "/v1", responses_mode="translate")]) as running,
        ):

            async def ask() -> None:
                async with running.talk() as line:
                    await line.say(path, PATHS[path](stream=True))
                    await (line.head() if how == "client gone" else line.heard())
                if how == "client gone":
                    await backend.gone.wait()
                    backend.gone.clear()

            await assert_nothing_is_left(running, ask)

    run(main)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("begun", [False, True], ids=["before the answer", "in its middle"])
@pytest.mark.parametrize("side", ["openai", "responses"])
def test_an_answer_that_a_shutdown_waits_for_no_longer_says_so(
    side: str, path: str, caplog: pytest.LogCaptureFixture, *, begun: bool
) -> None:
    words = {
        "openai": b'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n',
        "responses": b"".join(responses.stream({"model": "m"}, [Words("hi")])).partition(
            b"event: response.output_text.done"
        )[0],
    }
    caplog.set_level(logging.INFO, "dragoman.exchange")

    async def main() -> None:
        pieces = (STREAM, chunk(words[side])) if begun else ()
        async with (
            playback(hangs_after(*pieces)) as backend,
            house([model("m", f"{origin(backend)}/v1", type=side)]) as running,
            running.talk() as line,
        ):
            await line.say(path, PATHS[path](stream=True))
            await (line.head() if begun else until(lambda: bool(backend.asked)))
            running.give_up()
            if not begun:
                heard = await line.heard()
                assert (heard.status, heard.broken) == (503 if path != "/v1/messages" else 529, False)
                assert "is being stopped" in heard.error["message"]
                return
            said = b""
            while piece := await line.chunk():
                said += piece
            assert said.count(b"is being stopped") == 1
            assert not any(end in said for end in (b"message_stop", b"response.completed", b'"finish_reason":"stop"'))

    run(main)
    (entry,) = entries_of(caplog)
    assert (entry.status >= 500 or begun, entry.problem and entry.problem.kind) == (True, "overloaded")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("how", ["refused", "broken off"])
def test_nothing_is_left_of_a_failure_after_which_another_backend_is_asked(how: str, path: str) -> None:
    refused = replies(whole({"error": {"message": "no"}}, 500))

    async def main() -> None:
        async with playback(refused if how == "refused" else cuts_after(STREAM)) as backend:
            both = [{"url": f"{origin(backend)}{at}/v1"} for at in ("", "/x")]
            async with (
                house([{**model("m"), "backends": both, "responses_mode": "translate"}]) as running,
                running.talk() as line,
            ):

                async def ask() -> None:
                    await line.say(path, PATHS[path](stream=True))
                    assert (await line.heard()).status in (500, 502)

                await assert_nothing_is_left(running, ask)
                assert any("/x/" in asked.line for asked in backend.asked)
                assert any("/x/" not in asked.line for asked in backend.asked)

    run(main)
