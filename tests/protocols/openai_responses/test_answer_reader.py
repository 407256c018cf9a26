"""What a Responses backend says on the left, the events on the right. (With SDKs: tests/conformance.)"""

from typing import Any, Final

import pytest

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    FunctionTool,
    Hit,
    Opaque,
    Refusal,
    Request,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    Turn,
)
from dragoman.hub.route import Profile
from dragoman.hub.usage import Usage
from dragoman.protocols import frames as frames_module
from dragoman.protocols import tool_names
from dragoman.protocols.openai_responses.answer_reader import AnswerReader
from dragoman.wire import jsons
from tests.conformance.backends import event
from tests.laws.recorded import STAMP

R: Any = "openai-responses"
ASKED: Final = Request(dialect=R, model="m", turns=())
PROFILE: Final = Profile(family="maker")
BEGAN: Final = Began("resp_1", "gpt")
CREATED: Final = event("response.created", response={"id": "resp_1", "model": "gpt"})
COMPLETED: Final = event("response.completed", response={"status": "completed"})
TRUNCATED: Final = Problem("truncated", "the backend's stream ended before the answer was complete")


def read(*pieces: bytes, request: Request = ASKED) -> list[Event]:
    """The events, without the Began that every answer has."""
    reader = AnswerReader(request, PROFILE, STAMP)
    events = [told for piece in pieces for told in reader.feed(piece)] + reader.finish()
    assert reader.feed(CREATED) == reader.finish() == []
    return [told for told in events if not isinstance(told, Began)]


def read_whole(**response: Any) -> list[Event]:
    return [
        e for e in AnswerReader(ASKED, PROFILE, STAMP).read_whole(jsons.write(response)) if not isinstance(e, Began)
    ]


def failure(events: list[Event]) -> Problem:
    (failed,) = [told for told in events if isinstance(told, Failed)]
    assert events[-1] == failed
    return failed.problem


def added(item: dict[str, Any], index: int | None = 0) -> bytes:
    return event("response.output_item.added", **_at(index), item=item)


def done(item: dict[str, Any], index: int | None = 0) -> bytes:
    return event("response.output_item.done", **_at(index), item=item)


def delta(kind: str, text: str, index: int | None = 0, **more: Any) -> bytes:
    return event(f"response.{kind}.delta", **_at(index), delta=text, **more)


def _at(index: int | None) -> dict[str, Any]:
    return {} if index is None else {"output_index": index}


def message(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "content": list(content), **more}


def words(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, **more}


def call(**more: Any) -> dict[str, Any]:
    return {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "", **more}


STOP: Final = Ended("stop", "completed")
CALLED: Final = Ended("tool_calls", "completed")


def test_a_text_answer() -> None:
    reader = AnswerReader(ASKED, PROFILE, STAMP)
    usage = {"input_tokens": 3, "output_tokens": 1}
    end = event("response.completed", response={"status": "completed", "usage": usage, "output": []})
    said = [
        CREATED,
        added(message()),
        delta("output_text", "a"),
        delta("output_text", "b"),
        done(message(words("ab"))),
        end,
    ]
    assert reader.feed(b"".join(said)) == [
        BEGAN,
        Opened(0, Text("")),
        Grew(0, "a"),
        Grew(0, "b"),
        Closed(0),
        Noted(Usage(input=3, output=1)),
        STOP,
    ]


def test_the_whole_item_says_what_its_growth_did_not() -> None:
    assert read(delta("output_text", "a"), done(message(words("abc"))), COMPLETED) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Grew(0, "bc"),
        Closed(0),
        STOP,
    ]


def test_other_words_in_the_whole_item_do_not_unsay_what_was_said() -> None:
    assert read(delta("output_text", "a"), done(message(words("xyz"))), COMPLETED)[1:3] == [Grew(0, "a"), Closed(0)]


def test_parts_of_one_message_are_blocks() -> None:
    refusal = {"type": "refusal", "refusal": "no"}
    said = [
        delta("output_text", "a"),
        delta("refusal", "n", content_index=1),
        done(message(words("a"), refusal, words(""))),
    ]
    assert read(*said, COMPLETED) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Opened(1, Refusal("")),
        Grew(1, "n"),
        Grew(1, "o"),
        Closed(0),
        Closed(1),
        Ended("refused", "completed", explanation="no"),
    ]


def test_a_message_knows_its_phase_from_its_start_or_its_end() -> None:
    opened = Opened(0, Text("", extra={"phase": "commentary"}))
    assert read(added(message(phase="commentary")), delta("output_text", "a"), COMPLETED)[0] == opened
    assert read(done(message(words("a"), phase="commentary")), COMPLETED)[0] == opened


def test_each_message_is_apart_from_the_texts_before_it() -> None:
    refused = done(message({"type": "refusal", "refusal": "no"}), 0)
    items = [message(words("a"), words("b")), message(words("c"), phase="final_answer"), message(words(""))]
    said = [refused, *(done(item, index) for index, item in enumerate(items, 1))]
    assert [told.part.extra for told in read(*said, COMPLETED) if isinstance(told, Opened)] == [
        {},
        {},
        {},
        {"phase": "final_answer", "apart": True},
    ]


def test_what_is_thought_again_is_apart_from_the_words_before_it() -> None:
    summaries = [[], [{"text": "a"}], [], [{"text": "b"}]]
    items = [{"type": "reasoning", "summary": summary, "encrypted_content": "E"} for summary in summaries]
    said = [done(item, index) for index, item in enumerate(items)]
    streamed = delta("reasoning_summary_text", "c", 4, summary_index=0)
    opened = [told.part.extra for told in read(*said, streamed, COMPLETED) if isinstance(told, Opened)]
    assert opened == [{}, {}, {}, {"apart": True}, {"apart": True}]


def test_summaries_are_paragraphs() -> None:
    said = [
        delta("reasoning_summary_text", "a", summary_index=0),
        delta("reasoning_summary_text", "b", summary_index=1),
        done({"id": "rs_1", "type": "reasoning", "summary": [{"text": "a"}, {"text": "b"}]}),
    ]
    assert read(*said, COMPLETED)[:-1] == [
        Opened(0, Thinking("")),
        Grew(0, "a"),
        Grew(0, "\n\n"),
        Grew(0, "b"),
        Closed(0),
    ]


@pytest.mark.parametrize("kind", ["reasoning_text", "reasoning"])
def test_the_text_itself_may_be_told(kind: str) -> None:
    said = [delta(kind, "a", content_index=0), delta("reasoning_summary_text", "not this", summary_index=0)]
    item = {"id": "rs_1", "type": "reasoning", "content": [{"text": "ab"}], "summary": [{"text": "not this"}]}
    assert read(added({"id": "rs_1", "type": "reasoning"}), *said, done(item), COMPLETED)[:-1] == [
        Opened(0, Thinking("", extra={"id": "rs_1"})),
        Grew(0, "a"),
        Grew(0, "b"),
        Closed(0),
    ]


@pytest.mark.parametrize("summary", [[], [{"text": "hm"}]])
def test_a_sealed_item_is_its_own_seal(summary: list[Any]) -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": summary, "encrypted_content": "E"}
    events = read(done(item), COMPLETED)
    assert (events[0], events[-2]) == (
        Opened(0, Thinking("", extra={"id": "rs_1"})),
        Closed(0, Seal(R, "maker", item, "encrypted")),
    )


def test_reasoning_of_nothing_is_nothing() -> None:
    assert read(added({"type": "reasoning"}), done({"type": "reasoning", "summary": []}), COMPLETED) == [STOP]


def test_a_call() -> None:
    said = [added(call()), delta("function_call_arguments", '{"a"'), done(call(arguments='{"a":1}', namespace="n"))]
    assert read(*said, COMPLETED) == [Opened(0, ToolCall("c", "f")), Grew(0, '{"a"'), Grew(0, ":1}"), Closed(0), CALLED]


def test_free_text() -> None:
    item = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "c", "name": "p", "input": "", "namespace": "n"}
    said = [added(item), delta("custom_tool_call_input", "raw"), done({**item, "input": "raw"})]
    assert read(*said, COMPLETED)[0] == Opened(0, ToolCall("c", "p", kind="custom", namespace="n"))


def test_growth_of_a_call_that_is_not_open_is_left_to_the_whole_item() -> None:
    said = [added(call(name="")), delta("function_call_arguments", "{"), done(call(arguments="{}"))]
    assert read(*said, COMPLETED) == [Opened(0, ToolCall("c", "f")), Grew(0, "{}"), Closed(0), CALLED]


def test_a_call_without_a_name_is_no_answer() -> None:
    assert failure(read(done(call(name=""), 0), COMPLETED)).public == "the backend called a tool without naming it"


def test_ids_are_the_backends_unless_it_has_none_or_repeats_one() -> None:
    past = Request(dialect=R, model="m", turns=(Turn("assistant", (ToolCall("c", "f"),)),))
    events = read(done(call(), 0), done(call(call_id="", id=""), 1), COMPLETED, request=past)
    ids = [e.part.id for e in events if isinstance(e, Opened) and isinstance(e.part, ToolCall)]
    assert len(set(ids)) == 2
    assert all(call_id.startswith(f"call_{STAMP.id}") for call_id in ids)


def test_names_that_had_to_be_fitted_are_the_clients_again() -> None:
    asked = Request(dialect=R, model="m", turns=(), tools=(FunctionTool("a.b"),))
    (opened, *_) = read(done(call(name=tool_names.fit("a.b"))), COMPLETED, request=asked)
    assert opened == Opened(0, ToolCall("c", "a.b"))


@pytest.mark.parametrize(
    ("item", "name", "arguments"),
    [
        (
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}},
            "local_shell",
            '{"command":["ls"]}',
        ),
        ({"type": "shell_call", "action": {"commands": []}}, "shell", '{"commands":[]}'),
        ({"type": "apply_patch_call", "operation": {"type": "x"}}, "apply_patch", '{"type":"x"}'),
        ({"type": "tool_search_call", "execution": "client", "arguments": {"q": 1}}, "tool_search", '{"q":1}'),
    ],
)
def test_calls_that_are_objects(item: dict[str, Any], name: Any, arguments: str) -> None:
    events = read(added({**item, "call_id": "c"}), done({**item, "call_id": "c"}), COMPLETED)
    assert events == [Opened(0, ToolCall("c", name, kind=name)), Grew(0, arguments), Closed(0), CALLED]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "tool_search_call", "execution": "server"},
        {"type": "mcp_call", "id": "x"},
        {"type": "web_search_call", "action": {"type": "open_page", "url": "u"}},
    ],
)
def test_what_the_backend_did_itself_is_shown(item: dict[str, Any]) -> None:
    assert read(done(item), COMPLETED) == [Showed(0, Opaque(R, item["type"], item)), STOP]


def test_searches_are_shown_and_counted() -> None:
    first = {"type": "web_search_call", "action": {"type": "search", "query": "q", "sources": [{"url": "u"}, 7]}}
    second = {"type": "web_search_call", "action": {"type": "search", "queries": ["a", "b", 7]}}
    assert read(done(first, 0), done(second, 1), COMPLETED) == [
        Showed(0, Searched(R, ("q",), (Hit("u"),), first)),
        Showed(1, Searched(R, ("a", "b"), (), second)),
        Noted(Usage(searches=2)),
        STOP,
    ]


def test_citations_count_in_the_text_of_the_whole_answer() -> None:
    citation = {"type": "url_citation", "url": "u", "title": "t", "start_index": 1, "end_index": 2}
    note = event("response.output_text.annotation.added", output_index=1, content_index=0, annotation=citation)
    other = {**citation, "url": "v", "start_index": None, "end_index": None}
    said = [
        *(delta("output_text", "first"), done(message(words("first")), 0)),
        *(delta("output_text", "second", 1), note),
        done(message(words("second", annotations=[citation, other, {"type": "file_citation"}])), 1),
    ]
    cited = [e for e in read(*said, COMPLETED) if isinstance(e, Cited)]
    assert cited == [Cited(1, Citation("u", "t", "", 6, 7)), Cited(1, Citation("v", "t"))]


@pytest.mark.parametrize("annotation", [None, 7, {}, {"url": 7}])
def test_a_citation_of_nothing(annotation: Any) -> None:
    note = event("response.output_text.annotation.added", output_index=0, annotation=annotation)
    assert not any(isinstance(e, Cited) for e in read(delta("output_text", "a"), note, COMPLETED))


# Backends differ.


def test_items_without_a_number_are_known_by_their_id() -> None:
    """llama.cpp."""
    first, second = message(id="msg_1"), call(id="fc_2")
    said = [
        added(first, None),
        delta("output_text", "a", None, item_id="msg_1"),
        added(second, None),
        delta("function_call_arguments", "{}", None, item_id="fc_2"),
        done({**second, "arguments": "{}"}, None),
        done({**first, "content": [words("a")]}, None),
    ]
    assert read(*said, COMPLETED) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Opened(1, ToolCall("c", "f")),
        Grew(1, "{}"),
        Closed(1),
        Closed(0),
        CALLED,
    ]


def test_items_without_number_and_id_come_one_after_the_other() -> None:
    said = [
        delta("output_text", "a", None),
        delta("output_text", "b", None),
        done({**message(words("ab")), "id": None}, None),
    ]
    assert read(*said, delta("output_text", "c", None), COMPLETED)[:5] == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Grew(0, "b"),
        Closed(0),
        Opened(1, Text("", extra={"apart": True})),
    ]


@pytest.mark.parametrize(
    "output",
    [
        [message(words("ab"))],
        [{**message(words("ab")), "id": "rotated"}],
    ],
    ids=["by its id", "by its place"],
)
def test_an_item_that_was_never_done_is_finished_by_the_end(output: list[Any]) -> None:
    end = event("response.completed", response={"status": "completed", "output": output})
    assert read(added(message()), delta("output_text", "a"), end) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Grew(0, "b"),
        Closed(0),
        STOP,
    ]


def test_what_stands_behind_all_that_was_streamed_is_new() -> None:
    end = event("response.completed", response={"output": [message(words("a")), call(arguments="{}")]})
    events = read(delta("output_text", "a"), done(message(words("a"))), end)
    assert events[3:] == [Opened(1, ToolCall("c", "f")), Grew(1, "{}"), Closed(1), CALLED]


def test_gaps_in_the_numbers_are_no_items() -> None:
    """OpenAI's numbers have some."""
    said = [delta("output_text", "a", 0), delta("output_text", "b", 2)]
    end = event("response.completed", response={"output": [message(words("a"), id="x"), message(words("b"), id="y")]})
    apart = Text("", extra={"apart": True})
    assert [e for e in read(*said, end) if isinstance(e, Opened)] == [Opened(0, Text("")), Opened(1, apart)]


def test_an_item_that_turns_out_to_be_another_is_closed() -> None:
    assert read(delta("output_text", "a"), done(call(arguments="{}")), COMPLETED) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Closed(0),
        STOP,
    ]


def test_what_is_done_is_done() -> None:
    again = [delta("output_text", "b"), delta("reasoning_text", "c"), added(call()), done(message(words("abc")))]
    assert read(done(message(words("a"))), *again, COMPLETED) == [Opened(0, Text("")), Grew(0, "a"), Closed(0), STOP]


def test_a_whole_answer_instead_of_a_stream() -> None:
    body = jsons.write({"id": "resp_1", "status": "completed", "output": [message(words("a"))]})
    assert read(body[:9], body[9:]) == [Opened(0, Text("")), Grew(0, "a"), Closed(0), STOP]


def test_the_last_event_may_lack_its_blank_line() -> None:
    assert read(COMPLETED.rstrip()) == [STOP]


def test_the_type_may_stand_in_the_event_line_only() -> None:
    assert read(b'event: response.completed\ndata: {"response":{}}\n\n') == [STOP]


# Ends.


@pytest.mark.parametrize(
    ("response", "ended"),
    [
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            Ended("length", "max_output_tokens"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            Ended("filtered", "content_filter"),
        ),
        ({"status": "incomplete", "incomplete_details": None}, Ended("length", "incomplete")),
        ({"status": "completed"}, STOP),
        ({"status": None}, Ended("stop", None)),
    ],
)
def test_ends(response: dict[str, Any], ended: Ended) -> None:
    assert read_whole(output=[], **response) == [ended]


@pytest.mark.parametrize(
    ("response", "kind", "public"),
    [
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}}, "rate_limited", "slow"),
        ({"status": "failed", "error": None}, "backend_failed", "the backend failed"),
        ({"status": "cancelled"}, "backend_failed", "the backend failed"),
        ({"status": "queued"}, "backend_failed", "the backend's answer is not there yet (status 'queued')"),
    ],
)
def test_answers_that_are_none(response: dict[str, Any], kind: str, public: str) -> None:
    problem = failure(read_whole(output=[], **response))
    assert (problem.kind, problem.public) == (kind, public)


@pytest.mark.parametrize("body", [b"[1]", b'{"output":7}', b'{"error":{"message":"no"}}', b"{oops"])
def test_bodies_that_are_none(body: bytes) -> None:
    assert failure(AnswerReader(ASKED, PROFILE, STAMP).read_whole(body)).kind == "backend_failed"


@pytest.mark.parametrize(
    ("said", "public"),
    [
        (event("error", message="no", code="x"), "no"),
        (event("error", error={"message": "no"}), "no"),
        (b'data: {"error":{"message":"no"}}\n\n', "no"),
        (b'data: {"error":"no"}\n\n', "no"),
        (b"data: {oops\n\n", "the backend sent a garbled stream: Expecting property name enclosed in double quotes"),
        (b"data: [1]\n\n", "the backend sent a garbled stream: an event is no object"),
        (b"", TRUNCATED.public),
        (b"data: [DONE]\n\n", TRUNCATED.public),
        (b'data: {"type":[7]}\n\ndata: \n\n: ping\n\n', TRUNCATED.public),
    ],
)
def test_streams_that_go_wrong(said: bytes, public: str) -> None:
    problem = failure(read(delta("output_text", "a"), said))
    assert problem.public.startswith(public)


def test_one_event_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MAX_FRAME", 50)
    reader = AnswerReader(ASKED, PROFILE, STAMP)
    (failed,) = reader.feed(b'{"output":"' + b"x" * 50) + reader.feed(b"x" * 50)
    assert isinstance(failed, Failed)
    assert failed.problem.public.startswith("the backend sent an unreadable stream")


def test_what_repeats_other_events_is_not_even_parsed() -> None:
    repeated = b"event: response.in_progress\ndata: {the request, with all its tools\n\n"
    assert read(CREATED, repeated, COMPLETED) == [Ended("stop", "completed")]


def test_logprobs_stand_with_the_text_when_it_is_whole() -> None:
    tokens = [{"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}]
    part = {"type": "output_text", "text": "a", "annotations": [], "logprobs": tokens}
    item = {"type": "message", "id": "msg_1", "content": [part]}
    done = event("response.output_item.done", output_index=0, item=item)
    assert read(CREATED, done, COMPLETED)[-2] == Closed(0, extra={"logprobs": tokens})
    assert read_whole(status="completed", output=[item])[-2] == Closed(0, extra={"logprobs": tokens})


def test_the_tier_is_what_was_served_and_not_what_was_asked_for() -> None:
    began = event("response.created", response={"id": "r", "service_tier": "priority"})
    ended = event("response.completed", response={"status": "completed", "output": [], "service_tier": "default"})
    events = AnswerReader(ASKED, PROFILE, STAMP).feed(began + ended)
    assert events == [Began("r"), Ended("stop", "completed", tier="default")]


def test_the_tier_of_a_whole_answer_is_known_at_its_beginning() -> None:
    """The end is not told where a stop sequence cuts it short."""
    body = jsons.write({"id": "r", "status": "completed", "output": [], "service_tier": "priority"})
    assert AnswerReader(ASKED, PROFILE, STAMP).read_whole(body) == [
        Began("r", tier="priority"),
        Ended("stop", "completed", tier="priority"),
    ]
