"""What a chat backend says on the left, the events on the right. (Whole cases with SDKs: tests/conformance.)"""

from typing import Any, Final

import pytest

from dragoman.hub.answer import fold
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    FunctionTool,
    Refusal,
    Request,
    Sampling,
    Seal,
    Text,
    Thinking,
    ToolCall,
    Turn,
)
from dragoman.hub.route import Profile
from dragoman.hub.usage import Usage
from dragoman.protocols import frames as frames_module
from dragoman.protocols import tool_names
from dragoman.protocols.openai_chat.answer_reader import AnswerReader
from dragoman.wire import jsons
from tests.conformance.backends import DONE, call, chunk, completion, frame, text, usage
from tests.laws.recorded import STAMP

ASKED: Final = Request(dialect="openai-chat", model="m", turns=())
PLAIN: Final = Profile(think_tags=(), family="maker")
BEGAN: Final = Began("chatcmpl-x", "alias-of-it")
TRUNCATED: Final = Problem("truncated", "the backend's stream ended before the answer was complete")


def read(*pieces: bytes, request: Request = ASKED, profile: Profile = PLAIN) -> list[Event]:
    """The events, without the Began that every answer has."""
    reader = AnswerReader(request, profile, STAMP)
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.finish()
    assert reader.feed(text("late")) == reader.finish() == []
    return [event for event in events if event != BEGAN]


def read_whole(body: bytes) -> list[Event]:
    return [event for event in AnswerReader(ASKED, PLAIN, STAMP).read_whole(body) if event != BEGAN]


def failure(events: list[Event]) -> Problem:
    (failed,) = [event for event in events if isinstance(event, Failed)]
    assert events[-1] == failed
    return failed.problem


def text_events(block: int, *pieces: str) -> list[Event]:
    return [Opened(block, Text("")), *(Grew(block, piece) for piece in pieces), Closed(block)]


def test_a_text_answer() -> None:
    said = [chunk({"role": "assistant", "content": ""}), text("a", "b"), chunk(finish="stop"), usage(prompt_tokens=3)]
    events = AnswerReader(ASKED, PLAIN, STAMP).feed(b"".join([*said, DONE]))
    assert events == [
        BEGAN,
        Opened(0, Text("")),
        Grew(0, "a"),
        Grew(0, "b"),
        Noted(Usage(input=3)),
        Closed(0),
        Ended("stop", "stop"),
    ]


def test_one_delta_may_say_everything() -> None:
    delta = {
        "reasoning_content": "t",
        "content": "c",
        "refusal": "r",
        "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}],
        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
    }
    assert read(chunk(delta, "tool_calls"), DONE) == [
        Opened(0, Thinking("")),
        Grew(0, "t"),
        Closed(0),
        *text_events(1, "c"),
        Opened(2, Refusal("")),
        Grew(2, "r"),
        Closed(2),
        Opened(3, ToolCall("a", "f")),
        Grew(3, "{}"),
        Closed(3),
        Ended("tool_calls", "tool_calls", None, "r"),
    ]


@pytest.mark.parametrize("more", [{}, {"reasoning_content": None}, {"role": "assistant", "tool_calls": []}])
def test_members_that_say_nothing_change_nothing(more: dict[str, Any]) -> None:
    """The hot path and the other say the same."""
    assert read(text("a"), chunk({"content": "b", **more}), DONE)[1:3] == [Grew(0, "a"), Grew(0, "b")]
    thought = chunk({**more, "reasoning_content": "b", "content": ""})
    assert read(thought, thought, DONE)[:3] == [Opened(0, Thinking("")), Grew(0, "b"), Grew(0, "b")]


def test_the_end_may_stand_behind_the_last_blank_line_or_not() -> None:
    assert read((text("a") + chunk(finish="stop")).removesuffix(b"\n\n"))[-1] == Ended("stop", "stop")
    assert read(text("a") + b"data: [DONE]")[-1] == Ended("stop")
    assert read(b"".join([text("a"), frame({"error": {"message": "no"}}), text("b"), DONE]))[-1] == Failed(
        Problem("backend_failed", "no", private='{"error":{"message":"no"}}')
    )


def test_a_refusal_is_one_however_it_ends() -> None:
    assert read(chunk({"refusal": "no"}), DONE)[-1] == Ended("refused", None, None, "no")


@pytest.mark.parametrize(
    "odd",
    [
        chunk({"content": "b"}, index=1),
        frame({"choices": []}),
        frame({"choices": [7]}),
        frame({"choices": "x"}),
        frame({"choices": [{"index": 0, "delta": "x"}]}),
        chunk({"content": 7}),
        chunk({"content": {"text": "x"}}),
        chunk({"refusal": 7, "annotations": 7, "tool_calls": [7], "function_call": 7}),
        chunk({"annotations": [7, {"url_citation": {}}, {"url_citation": {"url": 7}}]}),
    ],
)
def test_what_means_nothing_changes_nothing(odd: bytes) -> None:
    assert read(text("a"), odd, text("c"), DONE) == [*text_events(0, "a", "c"), Ended("stop")]


def test_content_may_come_in_parts() -> None:
    """Mistral's reasoning models."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "a"}, 7]}
    said = [thought, {"type": "thinking", "thinking": "b"}, {"type": "thinking"}, {"type": "text", "text": "c"}]
    assert read(chunk({"content": [*said, 7, {"type": "reference"}]}), DONE) == [
        Opened(0, Thinking("")),
        Grew(0, "a"),
        Grew(0, "b"),
        Closed(0),
        *text_events(1, "c"),
        Ended("stop"),
    ]


def test_a_call_that_is_said_in_the_oldest_way() -> None:
    said = [chunk({"function_call": {"name": "f"}}), chunk({"function_call": {"arguments": "{}"}}), DONE]
    assert read(*said)[:2] == [Opened(0, ToolCall(f"call_{STAMP.id}1", "f")), Grew(0, "{}")]


def test_a_name_may_come_late_or_never() -> None:
    late = read(call(id="a", arguments="{"), call(arguments="}", name="f"), call(arguments=""), DONE)
    assert late[:2] == [Opened(0, ToolCall("a", "f")), Grew(0, "{}")]
    assert read(text("a"), call(id="a"), chunk(finish="length"))[-1] == Ended("length", "length")


@pytest.mark.parametrize(
    "more",
    [
        call(arguments="1}"),
        call(id="a", name="f", arguments="1}"),
        call(id="", name="", arguments="1}"),
        call(id="b", arguments="1") + call(id="c", arguments="}"),
        call(index=None, arguments="1}"),
        chunk({"content": None, "tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
        chunk(
            {"tool_calls": [{"index": 0, "function": {"arguments": "1"}}, {"index": 0, "function": {"arguments": "}"}}]}
        ),
        chunk({"tool_calls": [{"index": 0, "function": None}, {"index": 0, "function": {"arguments": "1}"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": None}]}) + call(arguments="1}"),
        chunk({"tool_calls": ["x"]}) + call(arguments="") + call(arguments="1}"),
    ],
)
def test_a_call_goes_on_however_that_is_said(more: bytes) -> None:
    """The hot path and the other say the same."""
    events = read(call(id="a", name="f", arguments='{"x":'), more, DONE)
    assert [event for event in events if not isinstance(event, Grew)] == [
        Opened(0, ToolCall("a", "f")),
        Closed(0),
        Ended("tool_calls"),
    ]
    assert "".join(event.text for event in events if isinstance(event, Grew)) == '{"x":1}'


@pytest.mark.parametrize("name", ["f", None])
def test_a_call_that_is_said_once_more_as_a_whole_is_one_call(name: str | None) -> None:
    """Claude Code would run it twice."""
    deltas = call(id="a", name="f", arguments='{"x":') + call(arguments="1}")
    events = read(deltas, call(id="a", name=name, arguments='{"x": 1}'), DONE)
    assert events == read(deltas, DONE)


@pytest.mark.parametrize(
    "more",
    [
        [call(arguments='{"a"'), call(arguments=":1}")],
        [call(arguments=" "), call(arguments="{}"), call(arguments=' {"a":1}')],
        [call(id="i", arguments='{"a":1}')],
        [call(id="i", name="f", arguments='{"a"'), call(id="i", name="f", arguments=":1}")],
        [call(name="f", arguments='{"a":1}')],
    ],
    ids=["in pieces", "behind white space", "with its id", "with id and name", "with its name"],
)
@pytest.mark.parametrize(
    "first", [[call(id="i", name="f", arguments="{}")], [call(id="i", name="f"), call(arguments="{ }")]]
)
def test_the_real_arguments_take_the_place_of_an_empty_object(first: list[bytes], more: list[bytes]) -> None:
    (said,) = fold(read(*first, *more, DONE)).parts
    assert isinstance(said, ToolCall)
    assert jsons.read(said.arguments) == {"a": 1}


def test_an_empty_object_is_said_when_nothing_follows() -> None:
    first, done = call(id="i", name="f", arguments="{}"), [Grew(0, "{}"), Closed(0)]
    assert read(first, call(arguments=" \n"), DONE)[1:3] == [Grew(0, "{} \n"), Closed(0)]
    assert read(first, call(index=1, id="j", name="f", arguments='{"a":1}'), DONE)[1:3] == done
    assert read(first, text("so"), call(arguments='{"a":1}'), DONE)[1:3] == done
    assert read(first, call(arguments="x"), DONE)[1:3] == [Grew(0, "{}x"), Closed(0)]
    unnumbered = read(call(name="f", arguments="{}"), call(name="f", arguments='{"a":1}'), DONE)
    assert [event.text for event in unnumbered if isinstance(event, Grew)] == ["{}", '{"a":1}']


def test_interleaved_calls_close_at_the_end() -> None:
    events = read(call(id="a", name="f", arguments="{"), call(index=1, id="b", name="g"), call(arguments="}"), DONE)
    assert events[-3:] == [Closed(0), Closed(1), Ended("tool_calls")]


def test_annotations_need_their_text() -> None:
    cited = chunk({"annotations": [{"url_citation": {"url": "u", "title": "t", "content": "c", "start_index": 1}}]})
    assert read(cited, text("a"), cited, DONE) == [
        Opened(0, Text("")),
        Grew(0, "a"),
        Cited(0, Citation("u", "t", "c", 1)),
        Closed(0),
        Ended("stop"),
    ]


def test_details_of_reasoning_are_its_seal() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    events = read(chunk({"reasoning": "t", "reasoning_details": details}), text("a"), DONE)
    assert events[:3] == [
        Opened(0, Thinking("")),
        Grew(0, "t"),
        Closed(0, Seal("openai-chat", "maker", details, "details")),
    ]


def test_details_without_reasoning_are_shown_before_what_follows() -> None:
    """Gemini's, at OpenRouter: they come with the call, and it refuses the next turn without them."""
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    calling = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    events = read(chunk({"reasoning_details": details, "tool_calls": [calling]}), DONE)
    assert events[:2] == [
        Showed(1, Thinking("", Seal("openai-chat", "maker", details, "details"))),
        Opened(0, ToolCall("c", "f")),
    ]


def test_details_behind_everything_are_shown_last() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    events = read(text("a"), chunk({"reasoning_details": details}, "stop"), DONE)
    assert events == [
        *text_events(0, "a"),
        Showed(1, Thinking("", Seal("openai-chat", "maker", details, "details"))),
        Ended("stop", "stop"),
    ]


def test_usage_may_stand_in_the_choice() -> None:
    said = chunk({"content": "a"}, "stop", usage={"prompt_tokens": 3})
    assert Noted(Usage(input=3)) in read(said, DONE)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("", "stop"),
        ("tool_calls", "stop"),
        ("LENGTH", "length"),
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("content_filter", "filtered"),
        ("sensitive", "filtered"),
        ("SAFETY", "filtered"),
        ("something new", "stop"),
    ],
)
def test_reasons(finish: str, reason: str) -> None:
    assert read(text("a"), chunk(finish=finish))[-1] == Ended(reason, finish)  # type: ignore[arg-type]


@pytest.mark.parametrize("finish", ["abort", "error", "network_error", "insufficient_system_resource"])
def test_what_is_no_end(finish: str) -> None:
    problem = failure(read(text("a"), chunk(finish=finish), DONE))
    assert (problem.kind, finish in problem.public) == ("backend_failed", True)


@pytest.mark.parametrize(
    ("member", "value", "sequence"),
    [
        ("stop_reason", "END", "END"),
        ("matched_stop", "END", "END"),
        ("stop_reason", "other", None),
        ("stop_reason", 7, None),
    ],
)
def test_the_stop_sequence_is_one_that_was_asked_for(member: str, value: Any, sequence: str | None) -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(), stop=("END",))
    ended = read(chunk({"content": "a"}, "stop", **{member: value}), request=asked)[-1]
    assert ended == Ended("stop_sequence" if sequence else "stop", "stop", sequence)


def test_calls_close_when_something_else_begins_and_they_are_whole() -> None:
    events = read(call(id="a", name="f", arguments="{}"), text("so"), call(arguments=" "), DONE)
    assert events == [
        Opened(0, ToolCall("a", "f")),
        Grew(0, "{}"),
        Closed(0),
        *text_events(1, "so"),
        Ended("tool_calls"),
    ]


def test_ids_of_earlier_calls_are_not_given_again() -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(Turn("assistant", (ToolCall("f:0", "f"),)),))
    (opened,) = [e for e in read(call(id="f:0", name="f"), DONE, request=asked) if isinstance(e, Opened)]
    assert isinstance(opened.part, ToolCall)
    assert opened.part.id == f"call_{STAMP.id}1"


def test_a_custom_call_takes_text() -> None:
    delta = {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": "raw"}}]}
    assert read(chunk(delta), DONE)[:2] == [Opened(0, ToolCall("a", "f", kind="custom")), Grew(0, "raw")]


def test_fitted_names_are_undone() -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(), tools=(FunctionTool("a.b"),))
    fitted = tool_names.fit("a.b")
    opened = read(call(id="i", name=fitted, arguments="{}"), DONE, request=asked)[0]
    assert opened == Opened(0, ToolCall("i", "a.b"))


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([], TRUNCATED),
        ([text("a")], TRUNCATED),
        ([DONE], TRUNCATED),
        ([b": ping\n\n"], TRUNCATED),
        ([text("a"), b'data: {"choices":'], TRUNCATED),
        (
            [call(id="a", arguments="{}"), DONE],
            Problem("backend_failed", "the backend called a tool without naming it"),
        ),
        (
            [frame({"error": {}})],
            Problem("backend_failed", "the backend reported an error and did not say which", private='{"error":{}}'),
        ),
    ],
)
def test_failures(pieces: list[bytes], problem: Problem) -> None:
    assert failure(read(*pieces)) == problem


@pytest.mark.parametrize(
    "said",
    [
        frame({"error": {"message": "gone wrong"}}),
        frame({"error": "gone wrong"}),
        frame({"object": "error", "message": "gone wrong"}),
        frame({"base_resp": {"status_code": 1, "status_msg": "gone wrong"}}),
        frame("gone wrong"),
        b'event: error\ndata: {"message":"gone wrong"}\n\n',
        jsons.write({"error": {"message": "gone wrong"}}),
    ],
)
def test_errors_of_every_form_inside_a_stream(said: bytes) -> None:
    assert failure(read(text("a") if b"data:" in said else b"", said)).public == "gone wrong"


def test_a_garbled_line_is_kept_for_the_log() -> None:
    problem = failure(read(text("a"), b"data: {oops\n\n"))
    assert (problem.kind, problem.private) == ("backend_failed", "{oops")
    assert "oops" not in problem.public


def test_a_character_in_two_events_is_one() -> None:
    halves = [
        b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % half for half in (rb"a\ud83d", rb"\ude00b")
    ]
    events = read(text("<"), *halves, DONE)
    assert "".join(event.text for event in events if isinstance(event, Grew)) == "<a\U0001f600b"


def test_blank_data_is_nothing() -> None:
    assert read(b"data:  \n\n", text("a"), b"data\n\n", DONE) == [*text_events(0, "a"), Ended("stop")]


def test_an_event_without_end_is_an_unreadable_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MAX_FRAME", 10)
    problem = failure(read(b'{"a":', b'"' + b"x" * 20))
    assert (problem.kind, "larger than 10 bytes" in problem.public) == ("backend_failed", True)


def test_a_page_in_a_streams_place_is_told_from_one_that_broke_off() -> None:
    problem = failure(read(b"<html>", b"<title>Log in</title>\n\n"))
    assert problem.public.startswith("the backend answers with a web page; check the url")
    assert problem.private == "<html><title>Log in</title>\n\n"


def test_a_whole_answer_to_a_stream_is_read() -> None:
    assert read(completion({"content": "a"})) == [*text_events(0, "a"), Ended("stop", "stop")]


def test_a_whole_message_in_one_event_is_read() -> None:
    calls = [{"id": "x", "function": {"name": "f", "arguments": "{}"}}] * 2
    message = {"role": "assistant", "content": "a", "tool_calls": calls}
    whole = completion(message)
    assert read(b"data: " + whole + b"\n\n", DONE) == read_whole(whole)


def test_a_message_beside_the_deltas_is_not_said_twice() -> None:
    """Perplexity: each event holds everything so far as well."""
    so_far = frame({"choices": [{"index": 0, "delta": {"content": "a"}, "message": {"content": "a"}}]})
    last = frame({"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]})
    assert read(so_far, last, DONE)[1:] == [*text_events(0, "a"), Ended("stop", "stop")]


def test_a_whole_answer() -> None:
    message = {
        "content": "a",
        "reasoning": "t",
        "tool_calls": [
            {"id": "x", "function": {"name": "f", "arguments": {"b": 1}}},
            {"id": "x", "function": {"name": "f"}},
        ],
    }
    assert read_whole(completion(message, None, {"prompt_tokens": 1})) == [
        Opened(0, Thinking("")),
        Grew(0, "t"),
        Closed(0),
        *text_events(1, "a"),
        Opened(2, ToolCall("x", "f")),
        Grew(2, '{"b":1}'),
        Closed(2),
        Opened(3, ToolCall(f"call_{STAMP.id}1", "f")),
        Noted(Usage(input=1)),
        Closed(3),
        Ended("tool_calls"),
    ]


@pytest.mark.parametrize(
    ("body", "public"),
    [
        (b"{oops", "the backend's answer is not valid JSON"),
        (b"[]", "the backend reported an error and did not say which"),
        (b'{"choices":[]}', "the backend reported an error and did not say which"),
        (b'{"choices":[{"index":1,"message":{"content":"x"}}]}', "the backend's answer holds no message"),
        (b'{"choices":[{"message":null}]}', "the backend's answer holds no message"),
        (b'{"error":{"message":"no"},"choices":[1]}', "no"),
    ],
)
def test_whole_answers_that_are_none(body: bytes, public: str) -> None:
    assert failure(read_whole(body)).public.startswith(public)


def test_tags_are_reasoning_where_the_profile_says_so() -> None:
    tagged = Profile(think_tags=("think",))
    events = read(text("<think>t</think>", "a"), DONE, profile=tagged)
    assert events[:3] == [Opened(-1, Thinking("")), Grew(-1, "t"), Closed(-1)]
    assert events[3:] == [*text_events(0, "a"), Ended("stop")]


TOKENS: Final[list[Any]] = [
    {"token": token, "bytes": None, "logprob": -0.5, "top_logprobs": []} for token in ("he", "llo")
]


def test_logprobs_are_those_of_the_text() -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(), sampling=Sampling(logprobs=True))
    said = [
        chunk({"reasoning_content": "hm"}, logprobs={"content": [{"token": "hm"}]}),
        chunk({"content": "he"}, logprobs={"content": TOKENS[:1]}),
        chunk({"content": "llo"}, logprobs={"content": TOKENS[1:], "refusal": None}),
        chunk({}, "stop", logprobs=None),
    ]
    assert read(*said, DONE, request=asked)[-2] == Closed(1, extra={"logprobs": TOKENS})
    assert read(*said, DONE)[-2] == Closed(1)  # nobody has asked


def test_logprobs_of_a_whole_answer() -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(), sampling=Sampling(logprobs=True))
    body = completion({"content": "hello"}, logprobs={"content": TOKENS})
    assert AnswerReader(asked, PLAIN, STAMP).read_whole(body)[-2] == Closed(0, extra={"logprobs": TOKENS})


def test_the_tier_may_be_known_only_at_the_end() -> None:
    """Azure's first chunk has nothing but the verdict of its filter on the prompt."""
    first = frame({"choices": [], "model": "", "id": "", "prompt_filter_results": []})
    last = frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "service_tier": "priority"})
    events = read(first, text("a"), last, usage(prompt_tokens=3), DONE)
    assert (events[0], events[-1]) == (Began(), Ended("stop", "stop", tier="priority"))


@pytest.mark.parametrize("said", [None, "", ["odd"], {}, 7])
def test_what_is_no_tier(said: Any) -> None:
    last = frame({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}], "service_tier": said})
    events = read(last, DONE)
    assert (events[0], events[-1]) == (Began(), Ended("stop", "stop"))
