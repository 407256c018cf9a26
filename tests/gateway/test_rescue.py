"""Calls said as text, through the whole gateway: every client gets calls, and what was learnt ends the relay."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import pytest

from dragoman.gateway.entry import Entry
from dragoman.hub.answer import Answer as Told
from dragoman.hub.answer import fold
from dragoman.hub.request import Dialect, Request, Text, ToolCall
from dragoman.hub.route import Profile
from dragoman.protocols import BACKENDS
from dragoman.protocols.codec import Stamp
from dragoman.routing.profiles import FAMILIES, LOCAL, profile_for
from dragoman.wire import jsons
from tests.agents.script import Call, Said, Thought, Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    Heard,
    House,
    chat_body,
    house,
    messages_body,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
)

SCHEMA: Final = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
    "required": ["path"],
}
OFFERED: Final[dict[Dialect, dict[str, Any]]] = {
    "anthropic-messages": {"tools": [{"name": "read_file", "input_schema": SCHEMA}]},
    "openai-chat": {"tools": [{"type": "function", "function": {"name": "read_file", "parameters": SCHEMA}}]},
    "openai-responses": {"tools": [{"type": "function", "name": "read_file", "parameters": SCHEMA}], "store": False},
}
ASKING: Final = {
    "anthropic-messages": ("/v1/messages", messages_body),
    "openai-chat": ("/v1/chat/completions", chat_body),
    "openai-responses": ("/v1/responses", responses_body),
}
clients = pytest.mark.parametrize("client", OFFERED)
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

AS_TEXT: Final = (Words('```json\n{"name": "read_file", "arguments": {"path": "/etc/hostname", "limit": 5}}\n```'),)
TAGGED: Final = (
    Words(
        "I look.\n<tool_call>\n<function=read_file>\n<parameter=path>\n/a\n</parameter>\n</function>\n</tool_call>\n"
        "<tool_call>\n<function=read_file>\n<parameter=path>\n/b\n</parameter>\n</function>\n</tool_call>"
    ),
)
CALL: Final = ("read_file", {"path": "/etc/hostname", "limit": 5})


def said_in(heard: Heard, client: Dialect, *, stream: bool) -> Told:
    """What a client of this dialect takes the answer for."""
    assert (heard.status, heard.broken) == (200, False), heard.body
    request = Request(dialect=client, model="m", turns=())
    side, stamp = BACKENDS[client], Stamp("0" * 24, 1)
    if not stream:
        return fold(side.read_answer(heard.body, request, Profile(), stamp))
    reader = side.stream_reader(request, Profile(), stamp)
    return fold([*reader.feed(heard.body), *reader.finish()])


def calls_in(told: Told) -> list[tuple[str, Any]]:
    return [(part.name, jsons.read(part.arguments)) for part in told.parts if isinstance(part, ToolCall)]


def texts_in(told: Told) -> list[str]:
    return [part.text for part in told.parts if isinstance(part, Text)]


async def ask(running: House, client: Dialect, *, stream: bool = True, **more: Any) -> Told:
    path, body = ASKING[client]
    heard = await running.ask(path, body(**{**OFFERED[client], **more}, stream=stream))
    return said_in(heard, client, stream=stream)


def behind(backend_origin: str, **profile: str) -> dict[str, Any]:
    more: dict[str, Any] = {"profile": profile} if profile else {}
    return model("m", f"{backend_origin}/v1", **more)


def entries(caplog: pytest.LogCaptureFixture) -> list[Entry]:
    return [record.entry for record in caplog.records if hasattr(record, "entry")]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "dragoman.gateway" and r.levelno == logging.WARNING]


@clients
@streamed
@pytest.mark.parametrize(
    ("said", "text", "calls"),
    [
        (AS_TEXT, [], [CALL]),
        (TAGGED, ["I look."], [("read_file", {"path": "/a"}), ("read_file", {"path": "/b"})]),
    ],
    ids=["fenced", "tagged"],
)
def test_every_client_gets_calls(
    client: Dialect, said: Sequence[Said], text: list[str], calls: list[Any], *, stream: bool
) -> None:
    async def main() -> None:
        async with (
            playback(says(*said)) as backend,
            house([behind(origin(backend), rescue_calls="always")]) as running,
        ):
            told = await ask(running, client, stream=stream)
            assert (texts_in(told), calls_in(told), told.reason) == (text, calls, "tool_calls")
            ids = [part.id for part in told.parts if isinstance(part, ToolCall)]
            assert len(set(ids)) == len(calls)

    run(main)


@clients
def test_without_tools_or_with_tools_forbidden_it_is_text(client: Dialect) -> None:
    forbidden: Any = {"type": "none"} if client == "anthropic-messages" else "none"
    manners: list[dict[str, Any]] = [{"tools": []}, {"tool_choice": forbidden}]

    async def main() -> None:
        async with (
            playback(says(*AS_TEXT)) as backend,
            house([behind(origin(backend), rescue_calls="always")]) as running,
        ):
            for more in manners:
                told = await ask(running, client, **more)
                assert (texts_in(told), calls_in(told), told.reason) == ([AS_TEXT[0].text], [], "stop")

    run(main)


@pytest.mark.parametrize("profile", [{"rescue_calls": "never"}, {"family": "openai"}])
def test_it_can_be_left_and_vendors_know_their_own_calls(profile: dict[str, str]) -> None:
    async def main() -> None:
        async with playback(says(*AS_TEXT)) as backend, house([behind(origin(backend), **profile)]) as running:
            for _ in range(2):
                assert calls_in(await ask(running, "anthropic-messages")) == []
                assert calls_in(await ask(running, "openai-chat")) == []

    run(main)


def test_which_families_are_helped() -> None:
    helped = {name for name in FAMILIES if profile_for(name, "some-model").rescue_calls == "auto"}
    assert helped == LOCAL | {"anthropic-like", "openrouter"}
    assert profile_for("a-server-of-unknown-make", "m").rescue_calls == "auto"


def test_it_is_counted_and_the_log_says_once_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with playback(says(*TAGGED)) as backend, house([behind(origin(backend), family="vllm")]) as running:
            for _ in range(2):
                assert len(calls_in(await ask(running, "anthropic-messages"))) == 2

    run(main)
    assert [entry.fields()["rescued_calls"] for entry in entries(caplog)] == [2, 2]
    assert "2 calls said as text" in str(entries(caplog)[0])
    (warned,) = warnings(caplog)
    assert warned.startswith("m: ")
    assert "--tool-call-parser" in warned


@streamed
def test_a_relayed_answer_teaches_and_the_next_one_is_translated(
    caplog: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with playback(says(*AS_TEXT)) as backend, house([behind(origin(backend))]) as running:
            first = await ask(running, "openai-chat", stream=stream)
            second = await ask(running, "openai-chat", stream=stream)
            third = await ask(running, "openai-chat", stream=stream, tools=[])
            assert [calls_in(told) for told in (first, second, third)] == [[], [CALL], []]

    run(main)
    assert [entry.rail for entry in entries(caplog)] == ["relay", "translate", "relay"]
    assert "says tool calls as text" in entries(caplog)[1].why_not_relayed
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    "said",
    [
        (Words("Let me look."), Call("read_file", {"path": "/a"})),
        (Words("It is done."),),
        (Words("Like this:\n```json\n" + '{"name": "read_file", "arguments": {"path": "/a"}}' + "\n```\nand so on."),),
        (Words('{"name": "other", "arguments": {"path": "/a"}}'),),
        (Words('{"name": "read_file", "arguments": {"path": "/a", "x": "' + "y" * 2**17 + '"}}'),),
    ],
    ids=["a call", "words", "words about calls", "another tool", "too long to look at"],
)
@streamed
def test_healthy_backends_keep_the_relay(
    said: Sequence[Said], caplog: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with playback(says(*said)) as backend, house([behind(origin(backend))]) as running:
            for _ in range(2):
                await ask(running, "openai-chat", stream=stream)

    run(main)
    assert [entry.rail for entry in entries(caplog)] == ["relay", "relay"]
    assert warnings(caplog) == []


def test_messages_are_learnt_from_as_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with (
            playback(says(*AS_TEXT)) as backend,
            house([model("m", origin(backend), type="anthropic")]) as running,
        ):
            told = [await ask(running, "anthropic-messages") for _ in range(2)]
            assert [calls_in(each) for each in told] == [[], [CALL]]

    run(main)


def test_channels_are_parted_though_no_tool_was_offered() -> None:
    said = Words("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello.")

    async def main() -> None:
        async with playback(says(said)) as backend, house([behind(origin(backend))]) as running:
            told = await ask(running, "anthropic-messages", tools=[])
            assert texts_in(told) == ["Hello."]

    run(main)


def test_a_call_that_was_rescued_goes_back_as_a_call() -> None:
    """The next turn shows the model a call, in its own template's form, and the result that answers it."""

    async def main() -> None:
        async with playback(says(*AS_TEXT)) as backend, house([behind(origin(backend))]) as running:
            (call,) = [p for p in (await ask(running, "anthropic-messages")).parts if isinstance(p, ToolCall)]
            used = {"type": "tool_use", "id": call.id, "name": call.name, "input": jsons.read(call.arguments)}
            messages = [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [used]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "lab"}]},
            ]
            told = await ask(running, "anthropic-messages", messages=messages)
            (again,) = [part for part in told.parts if isinstance(part, ToolCall)]
            assert again.id != call.id
            heard = chat.read(jsons.read(backend.asked[-1].body))
            assert heard.complaints == ()
            assert not list(heard.unpaired())

    run(main)


THOUGHT: Final = (
    (Words("<think>\nHm, let me see.\n</think>\n\nIt is done."),),
    (
        Words(
            "<|channel|>analysis<|message|>Hm, let me see.<|end|><|start|>assistant<|channel|>final<|message|>It is done."
        ),
    ),
)


@streamed
@pytest.mark.parametrize("said", THOUGHT, ids=["tags", "channels"])
def test_reasoning_that_a_server_gives_out_as_text_is_told_as_reasoning_from_then_on(
    said: Sequence[Said], caplog: pytest.LogCaptureFixture, *, stream: bool
) -> None:
    """Agents show their user a relayed answer as it is."""

    async def main() -> None:
        async with playback(says(*said)) as backend, house([behind(origin(backend))]) as running:
            for number in range(3):
                body = chat_body(stream=stream, **OFFERED["openai-chat"])
                heard = await running.ask("/v1/chat/completions", body)
                assert heard.status == 200
                assert (b'"reasoning_content"' in heard.body) == (number > 0), heard.body
                assert (b"<think>" in heard.body or b"<|channel|>" in heard.body) == (number == 0)

    run(main)
    (warned,) = warnings(caplog)
    assert "reasoning parser" in warned


@pytest.mark.parametrize(
    "said",
    [(Thought("Hm."), Words("It is done.")), (Words("A <think> tag and <|channel|> are tokens."),)],
    ids=["in a field", "in words"],
)
def test_an_answer_without_reasoning_in_its_text_teaches_nothing(
    said: Sequence[Said], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with playback(says(*said)) as backend, house([behind(origin(backend))]) as running:
            for _ in range(2):
                assert texts_in(await ask(running, "openai-chat")) == [said[-1].text]  # type: ignore[union-attr]

    caplog.set_level(logging.INFO)
    run(main)
    assert [entry.rail for entry in entries(caplog)] == ["relay", "relay"]
