"""What a backend refuses of a request that was relayed to it, it is told anew by what is known of it."""

import logging
from collections.abc import Callable
from typing import Any, Final

import pytest

from dragoman.wire import jsons
from tests.agents.script import Call, Words
from tests.agents.wires import chat, messages
from tests.gateway.stage import (
    HELLO,
    STREAM,
    Answer,
    House,
    chat_body,
    chunk,
    cuts_after,
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

streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
USER: Final = {"role": "user", "content": "Hello?"}
TOOL: Final = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
REASONED: Final = [USER, {"role": "assistant", "content": "Hi.", "reasoning_content": "Hm."}, USER]
MALFORMED: Final = [
    USER,
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "no"},
]  # fmt: skip
# What clients say, what the backend's family is, what it refuses, and in which words.
REFUSED: Final[dict[str, tuple[dict[str, Any], dict[str, Any], bytes, bytes]]] = {
    "an output limit by its older name": (
        {"max_tokens": 9},
        {"profile": {"family": "openai"}, "model": "gpt-5"},
        b'"max_tokens"',
        whole({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model."}}, 400),
    ),
    "reasoning of earlier turns": (
        {"messages": REASONED},
        {"profile": {"family": "mistral"}},
        b'"reasoning_content"',
        whole({"detail": [{"loc": ["body", "messages"], "msg": "Extra inputs are not permitted"}]}, 422),
    ),
    "a call that is no JSON": (
        {"messages": MALFORMED, "tools": [TOOL]},
        {"profile": {"family": "vllm"}},
        rb'"{\"a"',
        whole({"object": "error", "message": "Unterminated string starting at: line 1 column 2", "code": 400}, 400),
    ),
    "a user's message behind a tool's": (
        {"messages": [*MALFORMED, USER], "tools": [TOOL]},
        {"profile": {"family": "mistral"}},
        b'"content":"no"},{"role":"user"',
        whole({"object": "error", "message": "Unexpected role 'user' after role 'tool'", "code": 3230}, 400),
    ),
    "a second system message, which a template refuses": (
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "system", "content": "It is late."}, USER]},
        {"profile": {"family": "llama.cpp"}},
        b'"content":"It is late."',
        whole(
            {"error": {"code": 500, "message": "System message must be at the beginning.", "type": "server_error"}}, 500
        ),
    ),
    "more output than the window has": (
        {"max_tokens": 32_000, "messages": [{"role": "user", "content": "word " * 10_000}]},
        {"profile": {"family": "vllm"}, "context_window": 32_768},
        b"32000",
        whole(
            {
                "object": "error",
                "message": "This model's maximum context length is 32768 tokens. However, you requested 32000 output "
                "tokens and your prompt contains at least 10000 input tokens, for a total of at least 42000 tokens.",
                "code": 400,
            },
            400,
        ),
    ),
}


def refusing(sign: bytes, refusal: bytes, otherwise: Answer) -> Answer:
    async def answer(peer: Peer, asked: Asked) -> None:
        await (peer.say(refusal) if sign in asked.body else otherwise(peer, asked))

    return answer


def behind(backend: Backend, **more: Any) -> dict[str, Any]:
    return {**model("m", f"{origin(backend)}/v1"), **more}


def sent(backend: Backend) -> Any:
    return jsons.read(backend.asked[-1].body)


async def text_of(running: House, body: dict[str, Any]) -> str:
    heard = await running.ask("/v1/chat/completions", body)
    assert (heard.status, heard.broken) == (200, False), heard.body
    if not body.get("stream"):
        return str(heard.json["choices"][0]["message"]["content"])
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in heard.frames if each["choices"])


@streamed
@pytest.mark.parametrize("refused", REFUSED)
def test_a_chat_request_that_is_refused_is_said_anew_and_the_next_at_once(
    refused: str, stream: bool, caplog: pytest.LogCaptureFixture
) -> None:
    said, known, sign, refusal = REFUSED[refused]

    async def main() -> None:
        answer = refusing(sign, refusal, says(*HELLO))
        async with playback(answer) as backend, house([behind(backend, **known)]) as running:
            for asked in (2, 3):
                assert await text_of(running, chat_body(stream=stream, **said)) == "hello there"
                assert len(backend.asked) == asked
                assert sign not in backend.asked[-1].body

    with caplog.at_level(logging.WARNING, "dragoman.gateway"):
        run(main)
    assert [each.getMessage() for each in caplog.records if "nothing is relayed" in each.getMessage()] != []


def test_several_answers_are_relayed_all_the_same() -> None:
    said, known, sign, refusal = REFUSED["an output limit by its older name"]

    async def main() -> None:
        answer = refusing(sign, refusal, says(*HELLO))
        async with playback(answer) as backend, house([behind(backend, **known)]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body(n=2, **said))
            assert (heard.status, len(backend.asked)) == (400, 1)
            assert await text_of(running, chat_body(**said)) == "hello there"
            assert (await running.ask("/v1/chat/completions", chat_body(n=2))).status == 200
            assert sent(backend)["n"] == 2

    run(main)


@streamed
@pytest.mark.parametrize(
    ("said", "asks"), [({}, 1), ({"messages": MALFORMED, "tools": [TOOL]}, 2)], ids=["the same words", "other words"]
)
def test_a_refusal_that_nothing_helps_is_the_clients_and_teaches_nothing(
    said: dict[str, Any], asks: int, stream: bool
) -> None:
    async def main() -> None:
        refusal = whole({"error": {"message": "messages: no such thing here"}}, 400)
        async with playback(replies(refusal)) as backend, house([behind(backend)]) as running:
            for asked in (asks, 2 * asks):
                heard = await running.ask("/v1/chat/completions", chat_body(stream=stream, **said))
                assert (heard.status, len(backend.asked)) == (400, asked)
                assert heard.error["message"] == "messages: no such thing here"

    run(main)


def test_what_a_refusal_teaches_is_tried() -> None:
    async def main() -> None:
        refusal = whole({"error": {"message": "Unsupported value: 'temperature' does not support 0.2"}}, 400)
        async with (
            playback(refusing(b'"temperature"', refusal, says(*HELLO))) as backend,
            house([behind(backend)]) as running,
        ):
            for _ in range(2):
                assert await text_of(running, chat_body(temperature=0.2)) == "hello there"
            assert len(backend.asked) == 4  # relayed, written anew, without it; then at once without it

    run(main)


def test_an_answer_that_breaks_off_afterwards_is_told_so_and_teaches_nothing() -> None:
    said, known, sign, refusal = REFUSED["an output limit by its older name"]
    begun = list(chat.stream({"model": "m", "stream": True}, [Words("hello there")]))[:2]

    async def main() -> None:
        answer = refusing(sign, refusal, cuts_after(STREAM, *map(chunk, begun)))
        async with playback(answer) as backend, house([behind(backend, **known)]) as running:
            for asked in (2, 4):
                heard = await running.ask("/v1/chat/completions", chat_body(stream=True, **said))
                assert (heard.status, len(backend.asked)) == (200, asked)
                assert "broke off" in heard.frames[-1]["error"]["message"]

    run(main)


TEMPLATE: Final = {
    "type": "error",
    "error": {"type": "api_error", "message": "System message must be at the beginning."},
}


@streamed
@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_late_system_message_that_a_messages_endpoint_refuses_becomes_a_reminder(status: int, stream: bool) -> None:
    async def main() -> None:
        answer = refusing(b'"role":"system"', whole(TEMPLATE, status), says(*HELLO))
        at = model("m", "", type="anthropic")
        async with playback(answer) as backend:
            at["backends"] = [{"url": origin(backend)}]
            async with house([at]) as running:
                body = messages_body(stream=stream, messages=[USER, {"role": "system", "content": "It is late."}])
                for asked in (2, 3):
                    heard = await running.ask("/v1/messages", body)
                    assert (heard.status, len(backend.asked)) == (200, asked), heard.body
                    reminder = sent(backend)["messages"][-1]["content"][-1]["text"]
                    assert reminder == "<system-reminder>\nIt is late.\n</system-reminder>"

    run(main)


CLAUDE: Final = {"profile": {"family": "anthropic"}, "model": "claude-sonnet-5"}
LATE: Final = [USER, {"role": "system", "content": "It is late."}]


@pytest.mark.parametrize(("more", "turns"), [(CLAUDE, LATE), ({}, [USER])], ids=["Claude takes them", "there is none"])
def test_other_refusals_of_messages_are_left_to_the_agents(more: dict[str, Any], turns: list[Any]) -> None:
    async def main() -> None:
        refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": "effort: not supported"}}
        async with playback(replies(whole(refusal, 400))) as backend:
            at = {**model("m", origin(backend), type="anthropic"), **more}
            async with house([at]) as running:
                heard = await running.ask("/v1/messages", messages_body(messages=turns))
                assert (heard.status, len(backend.asked)) == (400, 1)
                assert heard.error["message"] == "effort: not supported"

    run(main)


@pytest.mark.parametrize(
    "numbered", [lambda call, _: call.pop("index"), lambda call, _: call.update(index=0)], ids=["no index", "all 0"]
)
def test_calls_of_gemini_reach_chat_clients_with_their_numbers(numbered: Callable[[Any, int], Any]) -> None:
    """Clients put a call together by its index."""

    def unnumbered(frame: bytes) -> bytes:
        if not frame.startswith(b"data: {"):
            return frame
        event = jsons.read(frame[6:])
        for choice in event["choices"]:
            for number, call in enumerate(choice["delta"].get("tool_calls") or ()):
                numbered(call, number)
        return b"data: " + jsons.write(event) + b"\n\n"

    async def main() -> None:
        said = [Call("look", {"at": "a"}), Call("look", {"at": "b"})]
        calls = chat.whole({"model": "m"}, said)["choices"][0]["message"]["tool_calls"]
        start, *_, last, usage, done = chat.stream(
            {"model": "m", "stream": True, "stream_options": {"include_usage": True}}, said
        )
        event = jsons.read(start[6:])
        frames = [
            b"data: " + jsons.write({**event, "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **call}]}, "finish_reason": None}]}) + b"\n\n"
            for call in calls
        ]  # fmt: skip
        backend_says = streams(*map(unnumbered, [start, *frames, last, usage, done]))
        async with playback(backend_says) as backend, house([behind(backend, profile={"family": "gemini"})]) as running:
            heard = await running.ask("/v1/chat/completions", chat_body(stream=True, tools=[TOOL]))
            heard_calls = [
                call
                for each in heard.frames
                for choice in each["choices"]
                for call in choice["delta"].get("tool_calls") or ()
            ]
            assert {call["index"] for call in heard_calls} == {0, 1}
            said_to = {0: "", 1: ""}
            for call in heard_calls:
                said_to[call["index"]] += call["function"].get("arguments", "")
            assert [jsons.read(each.encode())["at"] for each in said_to.values()] == ["a", "b"]

    run(main)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_nothing_is_relayed_where_the_configuration_says_so(path: str) -> None:
    async def main() -> None:
        body, wire = (messages_body, messages) if "messages" in path else (chat_body, chat)
        async with playback(says(*HELLO)) as backend:
            at = model(
                "m", origin(backend), type="anthropic" if wire is messages else "openai", profile={"relays": False}
            )
            async with house([at]) as running:
                heard = await running.ask(path, body())
                assert heard.status == 200
                assert heard.json["model"] == "m"  # what is relayed has the backend's name for it

    run(main)
