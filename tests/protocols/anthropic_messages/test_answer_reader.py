"""What a Messages backend says on the left, the events on the right. (Whole cases with SDKs: tests/conformance.)"""

from typing import Any, Final

import pytest

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, FunctionTool, Opaque, Request, Seal, Text, Thinking, ToolCall
from dragoman.hub.route import Profile
from dragoman.hub.usage import Usage
from dragoman.protocols import frames as frames_module
from dragoman.protocols import tool_names
from dragoman.protocols.anthropic_messages.answer_reader import AnswerReader
from dragoman.wire import jsons
from tests.conformance.backends import DONE, block, event, message, start, stop, text_block, thinking_block, tool_block
from tests.laws.recorded import STAMP

ASKED: Final = Request(dialect="anthropic-messages", model="m", turns=())
PROFILE: Final = Profile(family="maker")
TRUNCATED: Final = Problem("truncated", "the backend's stream ended before the answer was complete")


def read(*pieces: bytes, request: Request = ASKED) -> list[Event]:
    """The events, without Began and counts."""
    reader = AnswerReader(request, PROFILE, STAMP)
    events = [said for piece in pieces for said in reader.feed(piece)] + reader.finish()
    assert reader.feed(stop()) == reader.finish() == []
    return [said for said in events if not isinstance(said, Began | Noted)]


def read_whole(body: bytes) -> list[Event]:
    events = AnswerReader(ASKED, PROFILE, STAMP).read_whole(body)
    return [said for said in events if not isinstance(said, Began | Noted)]


def failure(events: list[Event]) -> Problem:
    (failed,) = [said for said in events if isinstance(said, Failed)]
    assert events[-1] == failed
    return failed.problem


def text_events(number: int, *pieces: str) -> list[Event]:
    return [Opened(number, Text("")), *(Grew(number, piece) for piece in pieces), Closed(number)]


def test_an_answer_from_its_start_to_its_stop() -> None:
    said = start(input_tokens=7) + event("ping") + text_block(0, "a", "", "b") + stop("end_turn", 3)
    assert AnswerReader(ASKED, PROFILE, STAMP).feed(said) == [
        Began("msg_x", "alias-of-it"),
        Noted(Usage(input=7, output=0)),
        *text_events(0, "a", "b"),
        Noted(Usage(input=7, output=3)),
        Ended("stop", "end_turn"),
    ]


def test_every_kind_of_block() -> None:
    shown = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    events = read(
        start(),
        thinking_block(0, "hm", "SIG"),
        block(1, {"type": "redacted_thinking", "data": "D"}),
        block(2, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        block(3, shown),
        tool_block(4, "t", "f", '{"a":', "1}"),
        stop("tool_use"),
    )
    assert events == [
        Opened(0, Thinking("")),
        Grew(0, "hm"),
        Closed(0, Seal("anthropic-messages", "maker", "SIG")),
        Showed(1, Thinking("", Seal("anthropic-messages", "maker", "D", "redacted"))),
        Opened(2, ToolCall("s", "web_search", by="backend")),
        Closed(2),
        Showed(3, Opaque("anthropic-messages", "web_search_tool_result", shown)),
        Opened(4, ToolCall("t", "f")),
        Grew(4, '{"a":'),
        Grew(4, "1}"),
        Closed(4),
        Ended("tool_calls", "tool_use"),
    ]


def test_citations_of_the_web_are_kept_with_what_only_this_dialect_knows() -> None:
    cited = {"type": "web_search_result_location", "url": "u", "title": "t", "cited_text": "c", "encrypted_index": "E"}
    other = {"type": "char_location", "document_index": 0}
    opened = {"type": "text", "text": "", "citations": [cited, 7]}
    deltas = [{"type": "citations_delta", "citation": citation} for citation in (cited, other, None)]
    events = read(start(), block(0, opened, *deltas), stop())
    citation = Cited(0, Citation("u", "t", "c", extra={"encrypted_index": "E"}))
    assert events[:4] == [Opened(0, Text("")), citation, citation, Closed(0)]


@pytest.mark.parametrize(
    ("opened", "delta"),
    [
        ({"type": "thinking", "thinking": ""}, {"type": "citations_delta", "citation": {"url": "u"}}),
        ({"type": "text", "text": ""}, {"type": "signature_delta", "signature": "S"}),
        ({"type": "text", "text": ""}, {"type": "input_json_delta", "partial_json": "{}"}),
        ({"type": "text", "text": ""}, {"type": "new_delta", "x": 1}),
        ({"type": "text", "text": ""}, {"type": 7}),
        ({"type": "odd"}, {"type": "odd_delta"}),
        ({}, {"type": "text_delta", "text": ""}),
    ],
)
def test_deltas_that_mean_nothing_here(opened: dict[str, Any], delta: dict[str, Any]) -> None:
    events = read(start(), block(0, opened, delta), stop())
    assert not any(isinstance(said, Grew | Cited) for said in events)
    assert all(said.seal is None for said in events if isinstance(said, Closed))
    assert events[-1] == Ended("stop", "end_turn")


def test_deltas_of_blocks_that_are_not_open() -> None:
    for delta in (
        {"type": "signature_delta", "signature": "S"},
        {"type": "citations_delta", "citation": {"url": "u"}},
        {"type": "input_json_delta", "partial_json": "{}"},
    ):
        assert read(start(), event("content_block_delta", index=3, delta=delta), stop()) == [Ended("stop", "end_turn")]


def test_growth_of_another_kind_opens_a_block_of_its_own() -> None:
    deltas = (
        {"type": "text_delta", "text": "a"},
        {"type": "thinking_delta", "thinking": "b"},
        {"type": "text_delta", "text": "c"},
    )
    events = read(start(), block(0, {"type": "text", "text": ""}, *deltas), stop())
    assert events[:-1] == [
        *text_events(0, "a"),
        Opened(1, Thinking("")),
        Grew(1, "b"),
        Closed(1),
        *text_events(2, "c"),
    ]


def test_an_index_that_starts_again_is_another_block() -> None:
    first = text_block(0, "a").removesuffix(event("content_block_stop", index=0))
    assert read(start(), first, text_block(0, "b"), stop())[:-1] == [*text_events(0, "a"), *text_events(1, "b")]


def test_blocks_may_open_with_what_they_say() -> None:
    blocks = block(0, {"type": "text", "text": "a"}) + block(1, {"type": "thinking", "thinking": "b", "signature": "S"})
    assert read(start(), blocks, stop())[:-1] == [
        *text_events(0, "a"),
        Opened(1, Thinking("")),
        Grew(1, "b"),
        Closed(1, Seal("anthropic-messages", "maker", "S")),
    ]


@pytest.mark.parametrize(
    ("value", "deltas", "arguments"),
    [
        ({"a": 1}, [], ['{"a":1}']),
        ({"a": 1}, ['{"b":', "2}"], ['{"b":', "2}"]),
        ('{"a":1}', [], ['{"a":1}']),
        ([1], [], ["[1]"]),
        ({}, [""], []),
        (None, [], []),
    ],
)
def test_a_calls_input(value: Any, deltas: list[str], arguments: list[str]) -> None:
    opened = {"type": "tool_use", "id": "t", "name": "f", "input": value}
    events = read(start(), block(0, opened, *({"type": "input_json_delta", "partial_json": d} for d in deltas)), stop())
    assert [said.text for said in events if isinstance(said, Grew)] == arguments


def test_ids_and_names_of_calls() -> None:
    asked = Request(dialect="anthropic-messages", model="m", turns=(), tools=(FunctionTool("a.b"),))
    fitted = tool_names.fit("a.b")
    events = read(start(), tool_block(0, "", fitted), tool_block(1, "t", "g"), stop("tool_use"), request=asked)
    calls = [said.part for said in events if isinstance(said, Opened)]
    assert calls == [ToolCall(f"call_{STAMP.id}1", "a.b"), ToolCall("t", "g")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", "stop"),
        ("tool_use", "stop"),
        (None, "stop"),
        ("something_new", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "context_full"),
        ("pause_turn", "paused"),
        ("refusal", "filtered"),
        ("compaction", "compacted"),
    ],
)
def test_reasons(raw: str | None, reason: str) -> None:
    assert read_whole(message([], raw))[-1] == Ended(reason, raw)  # type: ignore[arg-type]


def test_an_end_may_be_explained() -> None:
    said = stop("refusal", stop_details={"type": "refusal", "explanation": "E"})
    assert read(start(), said)[-1] == Ended("filtered", "refusal", None, "E")
    assert read(start(), stop("stop_sequence", sequence="END"))[-1] == Ended("stop_sequence", "stop_sequence", "END")
    assert read(start(), stop("refusal", stop_details=7))[-1] == Ended("filtered", "refusal")


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([], TRUNCATED),
        ([start(), text_block(0, "a")], TRUNCATED),
        ([start(), stop().removesuffix(event("message_stop"))], TRUNCATED),
        ([start(), b'event: message_stop\ndata: {"type":'], TRUNCATED),
        ([start(), DONE], TRUNCATED),
        ([start(), tool_block(0, "t", "")], Problem("backend_failed", "the backend called a tool without naming it")),
        (
            [start(), b"data: 7\n\n"],
            Problem("backend_failed", "the backend sent a garbled stream: an event is no object"),
        ),
    ],
)
def test_failures(pieces: list[bytes], problem: Problem) -> None:
    assert failure(read(*pieces)) == problem


def test_an_error_in_the_stream() -> None:
    error = {"type": "overloaded_error", "message": "Overloaded"}
    problem = failure(read(start(), event("error", error=error), stop()))
    assert (problem.kind, problem.public) == ("overloaded", "Overloaded")
    problem = failure(read(jsons.write({"type": "error", "error": error})))
    assert (problem.kind, problem.public) == ("overloaded", "Overloaded")


def test_a_garbled_line_is_kept_for_the_log() -> None:
    problem = failure(read(start(), b"data: {oops\n\n"))
    assert (problem.kind, problem.private) == ("backend_failed", "{oops")


def test_an_event_without_end_is_an_unreadable_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MAX_FRAME", 10)
    assert "larger than 10 bytes" in failure(read(b'{"a":', b'"' + b"x" * 20)).public


def test_blank_and_foreign_lines_are_nothing() -> None:
    odd = b"data:  \n\n" + DONE + event("new_event", x=1) + b'data: {"type":"content_block_delta"}\n\n'
    assert read(start(), odd, text_block(0, "a"), stop()) == [*text_events(0, "a"), Ended("stop", "end_turn")]


def test_blocks_that_are_left_open_are_closed_at_the_end() -> None:
    unstopped = text_block(0, "a").removesuffix(event("content_block_stop", index=0))
    assert read(start(), unstopped, stop()) == [*text_events(0, "a"), Ended("stop", "end_turn")]


def test_an_event_may_lack_its_index_and_the_last_its_blank_line() -> None:
    blocks = text_block(0, "a").replace(b'"index":0,', b"").replace(b',"index":0', b"")
    assert read(start(), blocks, stop().removesuffix(b"\n\n"))[:-1] == text_events(0, "a")


def test_a_second_start_says_nothing_new() -> None:
    reader = AnswerReader(ASKED, PROFILE, STAMP)
    events = reader.feed(start(input_tokens=7) * 2)
    assert [type(said) for said in events] == [Began, Noted, Noted]
    late = AnswerReader(ASKED, PROFILE, STAMP).feed(text_block(0, "a") + start())
    assert not any(isinstance(said, Began) for said in late)


def test_a_whole_answer() -> None:
    body = message(
        [
            {"type": "thinking", "thinking": "hm", "signature": "S"},
            {"type": "text", "text": "a", "citations": None},
            7,  # type: ignore[list-item]
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "u", "name": "g", "input": {}},
        ],
        "tool_use",
    )
    assert read_whole(body) == [
        Opened(0, Thinking("")),
        Grew(0, "hm"),
        Closed(0, Seal("anthropic-messages", "maker", "S")),
        *text_events(1, "a"),
        Opened(2, ToolCall("t", "f")),
        Grew(2, '{"a":1}'),
        Closed(2),
        Opened(3, ToolCall("u", "g")),
        Closed(3),
        Ended("tool_calls", "tool_use"),
    ]
    assert read(body) == read_whole(body)


@pytest.mark.parametrize(
    ("body", "public"),
    [
        (b"{oops", "the backend's answer is not valid JSON"),
        (b"[]", "the backend reported an error"),
        (b'{"type":"message","content":null}', "the backend reported an error"),
        (b'{"type":"error","error":{"message":"no"}}', "no"),
        (
            b'{"content":[{"type":"tool_use"},{"type":"text","text":"a"}]}',
            "the backend called a tool without naming it",
        ),
    ],
)
def test_whole_answers_that_are_none(body: bytes, public: str) -> None:
    assert failure(read_whole(body)).public.startswith(public)
