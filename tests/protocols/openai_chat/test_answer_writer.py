"""The writer, read aloud: events on the left, what a Chat client hears on the right."""

from typing import Any, Final

import openai
import pytest

from dragoman.hub.answer import Answer, Said, fold, unfold
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    Fetched,
    Opaque,
    Refusal,
    Request,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
)
from dragoman.hub.usage import Usage
from dragoman.protocols.openai_chat.answer_writer import StreamWriter, write_answer
from dragoman.wire import jsons
from tests.conformance import official
from tests.laws import wires
from tests.laws.recorded import STAMP

ASKED: Final = Request(dialect="openai-chat", model="m", turns=(), stream=True)
ENDED: Final = Ended("stop")
CALL: Final = Opened(0, ToolCall("a", "f"))


def told(*events: Event, request: Request = ASKED) -> bytes:
    writer = StreamWriter(request, STAMP)
    return b"".join([writer.feed(event) for event in events])


def chunks(*events: Event, request: Request = ASKED) -> list[Any]:
    """What is said, [DONE] as a string."""
    lines = told(*events, request=request).decode().split("\n\n")[:-1]
    return [line if "[DONE]" in line else jsons.read(line.removeprefix("data: ")) for line in lines]


def deltas(*events: Event) -> list[Any]:
    """The deltas behind the one with the role."""
    return [chunk["choices"][0]["delta"] for chunk in chunks(*events) if isinstance(chunk, dict) and chunk["choices"]][
        1:
    ]


def calls(*pieces: Any) -> list[Any]:
    return [{"tool_calls": [{"index": 0, **piece}]} for piece in pieces]


def test_a_text_answer() -> None:
    head = {"id": f"chatcmpl-{STAMP.id}", "object": "chat.completion.chunk", "created": STAMP.at, "model": "m"}

    def choice(delta: Any, finish: str | None = None) -> Any:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    events: list[Event] = [
        Began(),
        Opened(7, Text("")),
        Grew(7, "hi"),
        Closed(7),
        Noted(Usage(input=3, output=1)),
        ENDED,
    ]
    said = chunks(*events)
    usage = said.pop(-2)
    assert said == [
        choice({"role": "assistant", "content": ""}),
        choice({"content": "hi"}),
        choice({}, "stop"),
        "data: [DONE]",
    ]
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 4)
    assert wires.chat_breaches(told(*events)) == []


def test_usage_is_said_if_it_was_asked_for_and_is_known() -> None:
    assert not any("usage" in chunk for chunk in chunks(Began(), ENDED))
    unasked = Request(dialect="openai-chat", model="m", turns=(), stream_usage=False)
    assert not any("usage" in chunk for chunk in chunks(Noted(Usage(input=1)), ENDED, request=unasked))


@pytest.mark.parametrize(
    ("part", "member"), [(Text(""), "content"), (Thinking(""), "reasoning_content"), (Refusal(""), "refusal")]
)
def test_kinds_of_text(part: Any, member: str) -> None:
    assert deltas(Opened(0, part), Grew(0, "x"), Closed(0), ENDED) == [{member: "x"}, {}]


def test_a_call_says_its_id_type_and_name_once() -> None:
    assert deltas(CALL, Grew(0, '{"a":'), Grew(0, "1}"), Closed(0), Ended("tool_calls")) == [
        *calls(
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
            {"function": {"arguments": '{"a":'}},
            {"function": {"arguments": "1}"}},
        ),
        {},
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert deltas(CALL, Closed(0), Ended("tool_calls"))[1:] == [*calls({"function": {"arguments": "{}"}}), {}]


def test_a_call_of_free_text_is_said_as_a_function() -> None:
    opened = Opened(0, ToolCall("a", "f", kind="custom"))
    said = deltas(opened, Grew(0, 'say "hi"'), Grew(0, "\n😀"), Closed(0), Ended("tool_calls"))
    pieces = [delta["tool_calls"][0]["function"]["arguments"] for delta in said[:-1]]
    assert jsons.read("".join(pieces)) == {"input": 'say "hi"\n😀'}
    assert deltas(opened, Closed(0), Ended("tool_calls"))[1] == calls({"function": {"arguments": '"}'}})[0]


def test_what_the_backend_runs_itself_has_no_place_here() -> None:
    theirs = Opened(0, ToolCall("s", "web_search", by="backend"))
    shown = Showed(1, Opaque("anthropic-messages", "odd", {}))
    assert deltas(theirs, Grew(0, "{}"), Closed(0), shown, ENDED) == [{}]


def test_citations_come_once_with_the_place_of_what_they_cite() -> None:
    cited = Citation("u", "t", start=1, end=2)
    events: list[Event] = [Opened(0, Text("")), Grew(0, "ab"), Closed(0), Opened(1, Text("")), Cited(1, Citation("v"))]
    events += [Grew(1, "c😀"), Cited(1, cited), Closed(1), ENDED]
    assert deltas(*events)[-1] == {
        "annotations": [
            {
                "type": "url_citation",
                "url_citation": {"url": "v", "title": "", "start_index": 2, "end_index": 4},
                "index": 0,
            },
            {
                "type": "url_citation",
                "url_citation": {"url": "u", "title": "t", "start_index": 1, "end_index": 2},
                "index": 1,
            },
        ]
    }


def test_messages_apart_are_paragraphs_of_one() -> None:
    apart, cited = {"apart": True}, (Citation("u", "t", start=1, end=2),)
    answer = Answer(
        parts=(
            Thinking("hm"),
            Text("a", extra=apart),  # nothing stands before it
            Thinking("so", extra=apart),
            Text("b", extra={"phase": "final_answer", **apart}, citations=cited),
            Text("c", citations=(Citation("v"),)),
        ),
        reason="stop",
    )
    heard = deltas(*unfold(answer))
    said = jsons.read(write_answer(answer, ASKED, STAMP))["choices"][0]["message"]
    assert "".join(delta.get("content", "") for delta in heard) == said["content"] == "a\n\nbc"
    assert "".join(delta.get("reasoning_content", "") for delta in heard) == said["reasoning_content"] == "hm\n\nso"
    ranges = [(note["url_citation"]["start_index"], note["url_citation"]["end_index"]) for note in said["annotations"]]
    assert ranges == [(3, 4), (4, 5)]
    assert [{**note, "index": index} for index, note in enumerate(said["annotations"])] == heard[-1]["annotations"]


@pytest.mark.parametrize(
    "ran",
    [
        (ToolCall("s", "web_search", "{}", by="backend"), Opaque("anthropic-messages", "web_search_tool_result", {})),
        (Searched("openai-chat", ("q",)),),
        (Fetched("https://a.example"),),
    ],
    ids=["backend's", "proxy's", "page"],
)
def test_a_tool_that_is_not_shown_ends_a_paragraph(ran: tuple[Said, ...]) -> None:
    """But a text that goes on in another block, as it does where Messages cites, goes on without a break."""
    cited = Citation("u", "t")
    parts = (*ran, Text("Let me "), Text("look."), *ran, *ran, Text("It is "), Text("8", citations=(cited,)), *ran)
    answer = Answer(parts=parts, reason="stop")
    heard = deltas(*unfold(answer))
    said = jsons.read(write_answer(answer, ASKED, STAMP))["choices"][0]["message"]
    assert "".join(delta.get("content", "") for delta in heard) == said["content"] == "Let me look.\n\nIt is 8"
    (note,) = said["annotations"]
    assert (note["url_citation"]["start_index"], note["url_citation"]["end_index"]) == (20, 21)
    assert [{**note, "index": 0}] == heard[-1]["annotations"]


def test_a_tool_that_is_not_shown_ends_a_paragraph_of_what_is_thought() -> None:
    ran = Searched("openai-chat", ("q",))
    thoughts = (Thinking(""), ran, Thinking("hm"), Thinking(", so"), Text("a"), ran, Text("b"), Thinking("now"))
    answer = Answer(parts=(*thoughts, ran, Thinking("yes")), reason="stop")
    heard = deltas(*unfold(answer))
    said = jsons.read(write_answer(answer, ASKED, STAMP))["choices"][0]["message"]
    streamed = "".join(delta.get("reasoning_content", "") for delta in heard)
    assert streamed == said["reasoning_content"] == "hm, so\n\nnow\n\nyes"
    assert said["content"] == "a\n\nb"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context_full", "length"),
        ("tool_calls", "tool_calls"),
        ("refused", "stop"),
        ("filtered", "content_filter"),
        ("paused", "stop"),
        ("compacted", "stop"),
    ],
)
def test_reasons(reason: Reason, finish: str) -> None:
    assert chunks(Ended(reason))[-2]["choices"][0]["finish_reason"] == finish
    whole = jsons.read(write_answer(Answer(parts=(), reason=reason), ASKED, STAMP))
    assert whole["choices"][0]["finish_reason"] == finish
    called = chunks(CALL, Grew(0, "{}"), Closed(0), Ended(reason))[-2]["choices"][0]["finish_reason"]
    assert called == ("tool_calls" if finish == "stop" else finish)


def test_why_it_was_declined_is_said_once() -> None:
    declined = Ended("filtered", explanation="E")
    assert deltas(declined) == [{"refusal": "E"}]
    assert deltas(Opened(0, Refusal("")), Grew(0, "E"), Closed(0), declined) == [{"refusal": "E"}, {}]
    assert deltas(Ended("stop", explanation="E")) == [{}]


def test_a_failure_is_the_last_word() -> None:
    said = chunks(
        Opened(0, Text("")), Grew(0, "a"), Failed(Problem("truncated", "cut")), Grew(0, "b"), Closed(0), ENDED
    )
    assert said[-1] == {
        "error": {"message": "cut", "type": "server_error", "param": None, "code": "upstream_truncated"}
    }
    assert said[-2]["choices"][0]["delta"] == {"content": "a"}


def test_growth_of_unknown_blocks_is_not_said() -> None:
    assert told(Grew(0, "x"), Closed(0)) == b""


def test_the_line_is_kept_alive_by_chunks() -> None:
    writer = StreamWriter(ASKED, STAMP)
    first, second = writer.pulse(), writer.pulse()
    assert b'"role":"assistant"' in first
    assert b'"delta":{}' in second
    assert writer.begin() == b""
    assert wires.chat_breaches(first + second + writer.feed(ENDED)) == []


def test_a_whole_answer() -> None:
    answer = Answer(
        parts=(
            Thinking("t"),
            Text("a", citations=(Citation("u"),)),
            Text("b", citations=(Citation("v"),)),
            ToolCall("x", "f", ""),
            ToolCall("y", "g", "raw", kind="custom"),
            ToolCall("z", "web_search", "{}", by="backend"),
        ),
        reason="tool_calls",
        usage=Usage(input=1),
    )
    said = jsons.read(write_answer(answer, ASKED, STAMP))
    message = said["choices"][0]["message"]
    assert message["content"] == "ab"
    assert message["reasoning_content"] == "t"
    assert message["tool_calls"] == [
        {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "y", "type": "custom", "custom": {"name": "g", "input": "raw"}},
    ]
    ranges = [(a["url_citation"]["start_index"], a["url_citation"]["end_index"]) for a in message["annotations"]]
    assert ranges == [(0, 1), (1, 2)]
    assert said["usage"]["prompt_tokens"] == 1


@pytest.mark.parametrize(
    ("parts", "content", "refusal"),
    [((), "", None), ((ToolCall("x", "f"),), None, None), ((Refusal("no"),), "", "no")],
)
def test_content_is_null_only_beside_calls(parts: Any, content: str | None, refusal: str | None) -> None:
    said = jsons.read(write_answer(Answer(parts=parts, reason="stop"), ASKED, STAMP))
    message = said["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (content, refusal)
    assert "usage" not in said


SEALED: Final[list[Event]] = [
    Opened(0, Thinking("")),
    Grew(0, "hm"),
    Closed(0, Seal("openai-chat", "maker", [{"type": "reasoning.encrypted", "data": "x", "index": 0}], "details")),
    Opened(1, Text("")),
    Grew(1, "So."),
    Closed(1),
    Showed(2, Thinking("", Seal("openai-chat", "maker", [{"type": "reasoning.encrypted", "data": "y"}], "details"))),
    Opened(3, Thinking("")),
    Closed(3, Seal("anthropic-messages", "anthropic", "sig")),
]
DETAILS: Final = [
    {"type": "reasoning.encrypted", "data": "x", "index": 0},
    {"type": "reasoning.encrypted", "data": "y", "index": 1},
]


def test_seals_are_said_once_and_each_with_its_own_index() -> None:
    said = [delta for delta in deltas(*SEALED, ENDED) if "reasoning_details" in delta]
    assert said == [{"reasoning_details": DETAILS}]
    assert wires.chat_breaches(told(*SEALED, ENDED)) == []


def test_a_whole_answer_has_the_same_seals() -> None:
    answer = jsons.read(write_answer(fold([*SEALED, ENDED]), ASKED, STAMP))
    assert answer["choices"][0]["message"]["reasoning_details"] == DETAILS


def test_the_sdk_hears_the_seals() -> None:
    wire = told(*SEALED, ENDED)
    pieces = [wire[n : n + 1] for n in range(len(wire))]
    http = official.transport(200, {"content-type": "text/event-stream"}, pieces)
    with openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9", max_retries=0, http_client=http) as client:
        asked: Any = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        with client.chat.completions.stream(**asked) as answer:
            message = answer.get_final_completion().choices[0].message
    assert (message.model_extra or {})["reasoning_details"] == DETAILS


def test_logprobs_come_behind_their_text() -> None:
    tokens = [{"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}]
    heard = chunks(Opened(0, Text("")), Grew(0, "a"), Closed(0, extra={"logprobs": tokens}), Ended("stop"))
    (said,) = [chunk["choices"][0] for chunk in heard if isinstance(chunk, dict) and chunk["choices"][0]["logprobs"]]
    assert said == {
        "index": 0,
        "delta": {},
        "logprobs": {"content": tokens, "refusal": None},
        "finish_reason": None,
    }
    answer = fold([Opened(0, Text("")), Grew(0, "a"), Closed(0, extra={"logprobs": tokens}), Ended("stop")])
    whole = jsons.read(write_answer(answer, ASKED, STAMP))
    assert whole["choices"][0]["logprobs"] == {"content": tokens, "refusal": None}
