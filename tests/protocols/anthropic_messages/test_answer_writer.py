"""The writer, read aloud: events on the left, what a Messages client hears on the right."""

from typing import Any, Final

import pytest

from dragoman.hub.answer import Answer
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    Fetched,
    Hit,
    Opaque,
    Refusal,
    Request,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from dragoman.hub.usage import Usage
from dragoman.protocols.anthropic_messages.answer_writer import StreamWriter, write_answer
from dragoman.wire import jsons
from dragoman.wire.sse import SSEReader
from tests.laws import wires
from tests.laws.recorded import STAMP

ASKED: Final = Request(dialect="anthropic-messages", model="m", turns=(), stream=True)
ENDED: Final = Ended("stop")
SIGNED: Final = Seal("anthropic-messages", "anthropic", "SIG")
FOREIGN: Final = Seal("openai-chat", "maker", [])
SEARCHED: Final = Searched("openai-responses", ("a", "b"), (Hit("u", "t"), Hit("v")))


def told(*events: Event) -> bytes:
    writer = StreamWriter(ASKED, STAMP)
    return b"".join([writer.feed(event) for event in events])


def said(*events: Event) -> list[dict[str, Any]]:
    """What is said behind message_start."""
    return [jsons.read(frame.data) for frame in SSEReader().feed(told(*events))][1:]


def types(*events: Event) -> list[str]:
    return [event["type"].removeprefix("content_block_") for event in said(*events)]


def call(block: int, *pieces: str, by: Any = "client", kind: Any = "function") -> list[Event]:
    opened = Opened(block, ToolCall(f"id{block}", "f", by=by, kind=kind))
    return [opened, *(Grew(block, piece) for piece in pieces), Closed(block)]


def text(block: int, *pieces: str) -> list[Event]:
    return [Opened(block, Text("")), *(Grew(block, piece) for piece in pieces), Closed(block)]


def whole(*parts: Any, reason: Reason = "stop") -> dict[str, Any]:
    answer: dict[str, Any] = jsons.read(write_answer(Answer(parts=parts, reason=reason), ASKED, STAMP))
    return answer


def test_a_text_answer() -> None:
    events = [Noted(Usage(input=9)), Began("x", "alias"), *text(7, "hi"), Noted(Usage(output=2)), ENDED]
    frames = [jsons.read(frame.data) for frame in SSEReader().feed(told(*events))]
    started = frames.pop(0)["message"]
    assert (started["id"], started["model"], started["content"]) == (f"msg_{STAMP.id}", "m", [])
    assert started["usage"]["input_tokens"] == 9
    usage = frames[-2].pop("usage")
    assert (usage["input_tokens"], usage["output_tokens"]) == (9, 2)
    assert frames == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}},
        {"type": "message_stop"},
    ]


def test_blocks_are_numbered_in_the_order_they_open_whatever_they_are_called() -> None:
    starts = [e for e in said(*text(7, "a"), *text(3, "b"), ENDED) if e["type"] == "content_block_start"]
    assert [event["index"] for event in starts] == [0, 1]


def test_a_signature_is_said_once_right_before_the_stop() -> None:
    events = said(Opened(0, Thinking("")), Grew(0, "hm"), Closed(0, SIGNED), ENDED)
    assert events[2] == {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "signature_delta", "signature": "SIG"},
    }
    assert types(Opened(0, Thinking("")), Closed(0, FOREIGN), ENDED)[:2] == ["start", "stop"]


def test_refusals_are_text() -> None:
    events = said(Opened(0, Refusal("")), Grew(0, "no"), Closed(0), Ended("refused", explanation="no"))
    assert events[1]["delta"] == {"type": "text_delta", "text": "no"}
    assert events[-2]["delta"] == {
        "stop_reason": "refusal",
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": None, "explanation": "no"},
    }


def test_citations_grow_on_their_block() -> None:
    cited = Cited(0, Citation("u", "t", "c", extra={"encrypted_index": "E"}))
    delta = said(Opened(0, Text("")), cited, Closed(0), cited, ENDED)[1]["delta"]
    assert delta == {
        "type": "citations_delta",
        "citation": {
            "type": "web_search_result_location",
            "url": "u",
            "title": "t",
            "cited_text": "c",
            "encrypted_index": "E",
        },
    }
    assert types(Opened(0, Text("")), Closed(0), cited, Grew(0, "late"), Closed(0), ENDED)[:3] == [
        "start",
        "stop",
        "message_delta",
    ]


def test_what_arrives_whole_starts_and_stops() -> None:
    raw = {"type": "odd", "x": 1}
    redacted = Thinking("", Seal("anthropic-messages", "a", "D", "redacted"))
    shown: list[Event] = [
        Showed(0, Opaque("anthropic-messages", "odd", raw)),
        Showed(1, redacted),
        Showed(2, Thinking("t", SIGNED)),
        Showed(3, ToolResult("x")),
        Showed(4, Opaque("openai-responses", "odd", raw)),
    ]
    blocks = [event["content_block"] for event in said(*shown, ENDED) if event["type"] == "content_block_start"]
    assert blocks == [
        raw,
        {"type": "redacted_thinking", "data": "D"},
        {"type": "thinking", "thinking": "t", "signature": "SIG"},
    ]


def test_a_search_is_a_call_and_its_result() -> None:
    events = said(Showed(0, SEARCHED), *text(1, "a"), ENDED)
    assert [event["index"] for event in events if event["type"] == "content_block_start"] == [0, 1, 2]
    call_id = events[0]["content_block"]["id"]
    assert events[0]["content_block"] == {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {}}
    assert jsons.read(events[1]["delta"]["partial_json"]) == {"query": "a | b"}
    result = events[3]["content_block"]
    assert (result["tool_use_id"], [hit["title"] for hit in result["content"]]) == (call_id, ["t", "v"])
    content = whole(SEARCHED, Text("a"))["content"]
    assert [block["type"] for block in content] == ["server_tool_use", "web_search_tool_result", "text"]


def test_a_fetched_page_is_one_too() -> None:
    events = said(Showed(0, Fetched("https://x.example")), *text(1, "a"), ENDED)
    blocks = [event["content_block"] for event in events if event["type"] == "content_block_start"]
    assert [block["type"] for block in blocks] == ["server_tool_use", "web_fetch_tool_result", "text"]
    assert jsons.read(events[1]["delta"]["partial_json"]) == {"url": "https://x.example"}


# Calls.


def test_calls_stream_and_close() -> None:
    events = said(*call(0, '{"a":', "1}"), *call(1, by="backend"), Ended("tool_calls"))
    assert [event["delta"]["partial_json"] for event in events[1:3]] == ['{"a":', "1}"]
    assert events[0]["content_block"] == {"type": "tool_use", "id": "id0", "name": "f", "input": {}}
    assert events[4]["content_block"]["type"] == "server_tool_use"
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_interleaved_calls_come_one_after_another() -> None:
    a, b, c = call(0, '{"a":', "1}"), call(1, '{"b":', "2}"), call(2, "{}")
    mixed = [a[0], b[0], c[0], b[1], a[1], c[1], a[2], b[2], c[2], b[3], a[3]]
    wire = told(*mixed, Ended("tool_calls"))
    assert wires.messages_breaches(wire) == []
    assert [block["grown"] for block in wires.messages_blocks(wire)] == ['{"a":1}', '{"b":2}', "{}"]


def test_arguments_that_are_held_back_are_said_when_they_are_certain() -> None:
    events = said(*call(0, '{"a":', "1", "2", ",", "}"), Ended("tool_calls"))
    assert [e["delta"]["partial_json"] for e in events if "partial_json" in e.get("delta", {})] == ['{"a":', "12", "}"]


def test_broken_arguments_are_an_error_whatever_follows() -> None:
    none: list[Event] = []
    for later in (none, text(1, "so"), call(1, "{}")):
        events = said(*call(0, '{"a": nope}'), *later, Ended("tool_calls"))
        assert [event["type"] for event in events[-2:]] == ["content_block_delta", "error"]
        assert events[-1]["error"]["message"] == "the model produced invalid arguments for the tool f"
        assert b"message_stop" not in told(*call(0, '{"a": nope}'), *later, Ended("tool_calls"))


def test_arguments_that_were_cut_short_are_no_error() -> None:
    wire = told(*call(0, '{"a":'), *call(1, '{"b":'), *text(2, "so"), Ended("length"))
    assert wires.messages_breaches(wire) == []
    assert b'"stop_reason":"max_tokens"' in wire
    assert [block["grown"] or block.get("text") for block in wires.messages_blocks(wire)] == ['{"a":', '{"b":', "so"]


def test_a_failure_after_broken_arguments_is_that_failure() -> None:
    events = said(*call(0, '{"a":'), Failed(Problem("truncated", "cut")))
    assert events[-1]["error"]["message"] == "cut"


def test_a_call_of_free_text_is_said_as_a_function() -> None:
    events = said(*call(0, 'say "hi"', "\n", kind="custom"), Ended("tool_calls"))
    pieces = [event["delta"]["partial_json"] for event in events if event["type"] == "content_block_delta"]
    assert jsons.read("".join(pieces)) == {"input": 'say "hi"\n'}
    assert whole(ToolCall("a", "f", "raw", kind="custom"))["content"][0]["input"] == {"input": "raw"}


# Ends.


@pytest.mark.parametrize(
    ("reason", "stop_reason"),
    [
        ("stop", "end_turn"),
        ("stop_sequence", "stop_sequence"),
        ("length", "max_tokens"),
        ("context_full", "model_context_window_exceeded"),
        ("tool_calls", "tool_use"),
        ("refused", "refusal"),
        ("filtered", "refusal"),
        ("paused", "pause_turn"),
        ("compacted", "end_turn"),
    ],
)
def test_reasons(reason: Reason, stop_reason: str) -> None:
    delta = said(Ended(reason, stop_sequence="END"))[0]["delta"]
    assert (delta["stop_reason"], delta["stop_sequence"]) == (stop_reason, "END")
    assert whole(ToolCall("i", "f", "{}"), reason=reason)["stop_reason"] == stop_reason


def test_a_failure_leaves_blocks_open_and_is_the_last_word() -> None:
    later: list[Event] = [Grew(0, "b"), Closed(0), Noted(Usage()), ENDED, Failed(Problem("timeout", "again"))]
    events = said(Opened(0, Text("")), Grew(0, "a"), Failed(Problem("truncated", "cut")), *later)
    assert [event["type"] for event in events] == ["content_block_start", "content_block_delta", "error"]
    assert events[-1] == {"type": "error", "error": {"type": "api_error", "message": "cut"}}


def test_after_the_end_nothing_is_said() -> None:
    assert types(*text(0, "a"), ENDED, *text(1, "b"), Grew(0, "c"))[-1] == "message_stop"


def test_the_line_is_kept_alive_by_pings() -> None:
    writer = StreamWriter(ASKED, STAMP)
    first, second = writer.pulse(), writer.pulse()
    assert b"message_start" in first
    assert second == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert writer.begin() == b""
    assert wires.messages_breaches(first + second + writer.feed(ENDED)) == []


# Whole answers.


def test_a_whole_answer() -> None:
    cited = Text("a", citations=(Citation("u"),))
    broken = ToolCall("i", "bad", '{"a":')
    parts = (
        Thinking("t", SIGNED),
        cited,
        Text(""),
        Refusal("no"),
        ToolCall("c", "f", '{"a":1}'),
        broken,
        ToolResult("x"),
    )
    said_whole = whole(*parts, reason="tool_calls")
    assert (said_whole["id"], said_whole["model"], said_whole["stop_reason"]) == (f"msg_{STAMP.id}", "m", "tool_use")
    content = said_whole["content"]
    assert [block["type"] for block in content] == ["thinking", "text", "text", "tool_use", "text"]
    assert content[1]["citations"][0]["url"] == "u"
    assert content[3] == {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}
    assert content[4]["text"] == "[the model produced invalid arguments for bad]"


def test_a_broken_call_alone_is_no_call() -> None:
    assert whole(ToolCall("i", "bad", "nope"), reason="tool_calls")["stop_reason"] == "end_turn"
    cut = whole(ToolCall("i", "bad", '{"a":'), reason="length")
    assert (cut["stop_reason"], cut["content"][0]["text"]) == (
        "max_tokens",
        "[the answer was cut short in a call of bad]",
    )


def test_arguments_are_repaired_where_that_changes_nothing() -> None:
    content = whole(ToolCall("i", "f", '{"a":1,}'), ToolCall("j", "g", ""), reason="tool_calls")["content"]
    assert [block["input"] for block in content] == [{"a": 1}, {}]
