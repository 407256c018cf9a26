"""What a client was told and what it sends back have the same keys, in every dialect, streamed or whole."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import Answer, unfold
from dragoman.hub.request import Dialect, Request, Seal, Text, Thinking, ToolCall, Turn
from dragoman.protocols import CLIENTS
from dragoman.protocols.codec import Stamp
from dragoman.protocols.vault_keys import keys_of, keys_of_answer
from dragoman.wire import jsons
from dragoman.wire.sse import SSEReader
from tests.laws.making import arguments, names, texts

STAMP: Final = Stamp("0123456789abcdef01234567", 1_700_000_000)
LONG: Final = "A text that is long enough for nobody to say it twice by accident, and then some."
SEAL: Final = Seal("anthropic-messages", "anthropic", "c2VhbA==")


def answer(*parts: Any) -> Answer:
    calls = any(isinstance(part, ToolCall) for part in parts)
    return Answer(parts=parts, reason="tool_calls" if calls else "stop")


def asking(dialect: Dialect, *, stream: bool) -> Request:
    return Request(dialect=dialect, model="m", turns=(), stream=stream)


def heard(dialect: Dialect, told: Answer, *, stream: bool) -> list[dict[str, Any]]:
    """What the client is told, as the messages or items it puts into its history."""
    client, request = CLIENTS[dialect], asking(dialect, stream=stream)
    if stream and dialect != "openai-responses":
        writer, reader = client.stream_writer(request, STAMP), SSEReader()
        wire = b"".join(map(writer.feed, unfold(told)))
        said = [jsons.read(frame.data) for frame in reader.feed(wire) if frame.data != b"[DONE]"]
        return [_gathered_chat(said) if dialect == "openai-chat" else _gathered_message(said)]
    whole = jsons.read(client.write_answer(told, request, STAMP))
    match dialect:
        case "openai-chat":
            return [whole["choices"][0]["message"]]
        case "anthropic-messages":
            return [{"role": "assistant", "content": whole["content"]}]
        case "openai-responses":
            return list(whole["output"])


def _gathered_chat(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """As the SDKs gather it: texts joined, calls by their index."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for delta in (choice["delta"] for chunk in chunks for choice in chunk["choices"]):
        message["content"] += delta.get("content") or ""
        for piece in delta.get("tool_calls", ()):
            call = calls.setdefault(piece["index"], {"type": "function", "function": {"name": "", "arguments": ""}})
            call["id"] = piece.get("id", call.get("id"))
            for key, more in piece["function"].items():
                call["function"][key] += more
    return {**message, "tool_calls": list(calls.values())} if calls else message


def _gathered_message(events: list[dict[str, Any]]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    pieces: list[list[str]] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append(event["content_block"])
            pieces.append([])
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            pieces[event["index"]].append(delta.get("text") or delta.get("partial_json") or "")
    for block, said in zip(blocks, pieces, strict=True):
        if block["type"] == "text":
            block["text"] = "".join(said)
        elif block["type"] == "tool_use":
            block["input"] = jsons.read("".join(said) or "{}")
    return {"role": "assistant", "content": [block for block in blocks if block["type"] != "thinking"]}


def back(dialect: Dialect, history: list[dict[str, Any]]) -> Turn:
    """The turn that the next request brings."""
    question = {"role": "user", "content": "q"}
    key = "input" if dialect == "openai-responses" else "messages"
    body = {"model": "m", "max_tokens": 9, key: [question, *history, question]}
    turns = CLIENTS[dialect].read_request(jsons.write(body), {}).turns
    return next((turn for turn in turns if turn.role == "assistant"), Turn("assistant", ()))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    kinds = draw(st.lists(st.sampled_from(["text", "thinking", "call"]), min_size=1, max_size=5))
    parts: list[Any] = []
    for number, kind in enumerate(kinds):
        match kind:
            case "text":
                extra = draw(st.sampled_from([{}, {"apart": True}]))
                parts.append(Text(draw(texts) + draw(st.sampled_from(["", LONG])), extra=extra))
            case "thinking":
                parts.append(Thinking(draw(texts)))
            case _:
                parts.append(ToolCall(f"call_{number}", draw(names), draw(st.just("") | arguments())))
    return answer(*parts)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic-messages", "openai-responses"])
@given(told=answers())
def test_what_was_told_is_known_when_it_comes_back(dialect: Dialect, stream: bool, told: Answer) -> None:
    turn = back(dialect, heard(dialect, told, stream=stream))
    assert keys_of(turn) == keys_of_answer(told)


@pytest.mark.parametrize("stream", [True, False])
def test_free_text_is_known_however_a_chat_client_hears_it(stream: bool) -> None:
    told = answer(ToolCall("call_1", "patch", '*** Begin "Patch"\n\\', kind="custom"))
    turn = back("openai-chat", heard("openai-chat", told, stream=stream))
    assert keys_of(turn) == keys_of_answer(told)


def test_how_it_is_spelled_does_not_count() -> None:
    told = answer(Thinking("hm", SEAL), Text("\nI look.\n"), ToolCall("c1", "run", '{"b":1,"a":[1,2]}'))
    again = Turn("assistant", (Text("I"), Text(" look."), ToolCall("c1", "run", '{ "b": 1, "a": [1, 2] }')))
    assert keys_of(again) == keys_of_answer(told)


@pytest.mark.parametrize(
    "other",
    [
        answer(Text("I look!"), ToolCall("c1", "run", '{"a":1}')),
        answer(Text("I look."), ToolCall("c1", "walk", '{"a":1}')),
        answer(Text("I look."), ToolCall("c1", "run", '{"a":2}')),
        answer(Text("I look."), ToolCall("c1", "run", '{"a":')),
    ],
)
def test_what_is_said_counts_and_the_ids_are_left(other: Answer) -> None:
    told = answer(Text("I look."), ToolCall("c1", "run", '{"a":1}'))
    (said, *ids), (other_said, *other_ids) = keys_of_answer(told), keys_of_answer(other)
    assert said != other_said
    assert ids == other_ids == ["call:c1"]


def test_each_call_is_a_key_after_the_whole() -> None:
    keys = keys_of_answer(answer(ToolCall("c1", "a"), ToolCall("c2", "b"), ToolCall("c1", "c")))
    assert keys[0].startswith("said:")
    assert keys[1:] == ("call:c1", "call:c2")


def test_broken_arguments_are_known_by_their_text() -> None:
    one, same, other = (ToolCall("c1", "a", said) for said in ('{"a": ', ' {"a":', '{"b":'))
    assert keys_of_answer(answer(one)) == keys_of(Turn("assistant", (same,)))
    assert keys_of_answer(answer(one))[0] != keys_of_answer(answer(other))[0]


def test_calls_that_others_run_are_not_the_clients() -> None:
    assert keys_of_answer(answer(Text("Done."), ToolCall("s1", "web_search", "{}", by="backend"))) == ()


@pytest.mark.parametrize(
    "turn",
    [
        Turn("user", (Text(LONG),)),
        Turn("assistant", (Text("Done."),)),
        Turn("assistant", (Text("Done." + " " * 100),)),
        Turn("assistant", (Thinking(LONG),)),
        Turn("assistant", ()),
    ],
)
def test_who_says_too_little_has_no_key(turn: Turn) -> None:
    assert keys_of(turn) == ()


def test_half_characters_are_known_as_they_are_written() -> None:
    assert keys_of_answer(answer(Text(LONG + "\ud800"))) == keys_of_answer(answer(Text(LONG + "\ufffd")))
