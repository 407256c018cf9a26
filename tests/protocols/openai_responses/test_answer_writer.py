"""The writer, read aloud: events on the left, what a Responses client hears on the right. (With SDKs: tests/conformance.)"""

from typing import Any, Final

import pytest

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
from dragoman.protocols.openai_responses.answer_writer import StreamWriter
from dragoman.wire import jsons
from tests.asking import R, read
from tests.laws import wires
from tests.laws.recorded import STAMP

ENDED: Final = Ended("stop")


def asked(**members: Any) -> Request:
    return read(R, {"model": "the-model", "input": "hi", "stream": True, **members})


def told(*events: Event, request: Request | None = None) -> list[dict[str, Any]]:
    writer = StreamWriter(request or asked(), STAMP)
    wire = b"".join([writer.feed(event) for event in events])
    assert wires.responses_breaches(wire) == []
    return [jsons.read(line[6:]) for line in wire.decode().split("\n") if line.startswith("data: {")]


def kinds(*events: Event) -> list[str]:
    """What is said between `in_progress` and the end, without the prefix."""
    return [said["type"].removeprefix("response.") for said in told(*events, ENDED)][2:-1]


def output(*events: Event, request: Request | None = None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = told(*events, request=request)[-1]["response"]["output"]
    return items


def test_a_text_answer() -> None:
    assert kinds(Began(), Opened(7, Text("")), Grew(7, "h"), Grew(7, "i"), Closed(7), Noted(Usage(input=3))) == [
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]


def test_thinking_is_a_summary() -> None:
    assert kinds(Opened(0, Thinking("")), Grew(0, "hm"), Closed(0)) == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]


def test_the_response_repeats_the_request_and_answers_under_the_name_that_was_asked() -> None:
    request = asked(instructions="Be brief.", tools=[{"type": "custom", "name": "f"}], metadata={"a": "b"})
    response = told(Began("theirs", "alias"), Noted(Usage(input=3, output=1)), ENDED, request=request)[-1]["response"]
    assert (response["id"], response["model"]) == (f"resp_{STAMP.id}", "the-model")
    assert (response["instructions"], response["tools"], response["metadata"]) == (
        "Be brief.",
        [{"type": "custom", "name": "f"}],
        {"a": "b"},
    )
    assert (response["usage"]["total_tokens"], response["error"], response["output"]) == (4, None, [])


def test_what_was_closed_waits_for_the_end_to_tell_whether_it_was_cut_short() -> None:
    writer = StreamWriter(asked(), STAMP)
    for event in (Opened(0, Text("")), Grew(0, "a")):
        writer.feed(event)
    assert writer.feed(Closed(0)) == b""
    assert b"output_item.done" in writer.feed(Opened(1, Thinking("")))


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("stop_sequence", "completed", None),
        ("tool_calls", "completed", None),
        ("paused", "completed", None),
        ("compacted", "completed", None),
        ("refused", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("context_full", "incomplete", "max_output_tokens"),
        ("filtered", "incomplete", "content_filter"),
    ],
)
def test_every_reason(reason: Reason, status: str, why: str | None) -> None:
    response = told(Ended(reason))[-1]["response"]
    assert response["status"] == status
    assert response["incomplete_details"] == (None if why is None else {"reason": why})


def test_the_backends_own_id_is_kept_where_its_seal_holds_only_under_it() -> None:
    item = {"id": "rs_9", "type": "reasoning", "summary": [], "encrypted_content": "E"}
    sealed = Seal(R, "openai", item, "encrypted")
    first = (Opened(0, Thinking("", extra={"id": "rs_9"})), Closed(0, sealed))
    assert output(*first, ENDED) == [item]
    again = output(*first, Opened(1, Thinking("", extra={"id": "rs_9"})), Closed(1), ENDED)
    assert len({one["id"] for one in again}) == 2


def test_redacted_reasoning_travels_in_its_envelope() -> None:
    (item,) = output(Showed(0, Thinking("", Seal(R, "dragoman", "dgm1.x", "encrypted"))), ENDED)
    assert (item["type"], item["summary"], item["encrypted_content"]) == ("reasoning", [], "dgm1.x")


@pytest.mark.parametrize(
    "part",
    [
        Thinking("", Seal("anthropic-messages", "a", "x", "redacted")),
        Opaque("anthropic-messages", "x", {}),
        ToolResult("c"),
    ],
)
def test_what_has_no_place_is_not_shown(part: Any) -> None:
    assert output(Showed(0, part), ENDED) == []


def test_what_its_own_backend_showed_is_shown() -> None:
    raw = {"type": "mcp_call", "id": "mcp_1", "name": "echo"}
    assert output(Showed(0, Opaque(R, "mcp_call", raw)), ENDED) == [raw]
    (named,) = output(Showed(0, Opaque(R, "mcp_call", {"type": "mcp_call"})), ENDED)
    assert named["id"].startswith("item_")


def test_searches() -> None:
    raw = {"type": "web_search_call", "id": "ws_9", "status": "completed", "action": {"type": "search", "query": "q"}}
    assert output(Showed(0, Searched(R, ("q",), (), raw)), ENDED) == [raw]
    other = Searched("anthropic-messages", ("q",), (Hit("u"),))
    assert output(Showed(0, other), ENDED)[0]["action"] == {"type": "search", "query": "q", "queries": ["q"]}
    request = asked(include=["web_search_call.action.sources"])
    assert output(Showed(0, other), ENDED, request=request)[0]["action"]["sources"] == [{"type": "url", "url": "u"}]


def test_what_the_proxy_ran() -> None:
    page = Fetched("https://x.example/a", "t", "text", id="ab01")
    (item,) = output(Showed(0, page), ENDED)
    assert item == {
        "id": "ws_ab01",
        "type": "web_search_call",
        "status": "completed",
        "action": {"type": "open_page", "url": "https://x.example/a"},
    }
    failed = Searched("openai-chat", ("q",), problem="unavailable", id="ab02")
    assert kinds(Showed(0, failed)) == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "output_item.done",
    ]
    assert [item["status"] for item in output(Showed(0, failed), ENDED)] == ["failed"]


@pytest.mark.parametrize(("arguments", "queries"), [('{"query":"q"}', ["q"]), ("oops", []), ('{"query":7}', [])])
def test_a_search_that_was_called_as_a_tool(arguments: str, queries: list[str]) -> None:
    call = ToolCall("s", "web_search", by="backend")
    (item,) = output(Opened(0, call), Grew(0, arguments), Closed(0), ENDED)
    assert (item["type"], item["action"]["queries"]) == ("web_search_call", queries)


def test_other_tools_of_the_backend_have_no_place() -> None:
    call = ToolCall("s", "code_execution", by="backend")
    assert output(Opened(0, call), Grew(0, "{}"), Cited(0, Citation("u")), Closed(0), ENDED) == []


def test_citations_follow_the_text_they_stand_in() -> None:
    cited: list[Event] = [Opened(0, Text("")), Cited(0, Citation("u", "t")), Grew(0, "abc"), Closed(0)]
    assert kinds(*cited)[2:5] == ["output_text.delta", "output_text.annotation.added", "output_text.done"]
    (item,) = output(*cited, ENDED)
    assert item["content"][0]["annotations"][0]["end_index"] == 3


def test_a_text_that_goes_on_in_another_block_is_one_message() -> None:
    """Messages begins a block anew at each citation. What each cites is where it stands in the one text."""
    cited: list[Event] = [
        *(Opened(0, Text("")), Grew(0, "It is "), Closed(0)),
        *(Opened(1, Text("")), Cited(1, Citation("u", "t")), Grew(1, "8"), Grew(1, ","), Closed(1)),
        *(Opened(2, Text("")), Grew(2, " or "), Closed(2), Noted(Usage())),
        *(
            Opened(3, Text("")),
            Cited(3, Citation("v", start=9, end=12)),
            Grew(3, "9"),
            Cited(3, Citation("w")),
            Closed(3),
        ),
        *(Opened(4, Text("")), Grew(4, "."), Closed(4)),
    ]
    (item,) = output(*cited, ENDED)
    assert item["content"][0]["text"] == "It is 8, or 9."
    places = [(note["url"], note["start_index"], note["end_index"]) for note in item["content"][0]["annotations"]]
    assert places == [("u", 6, 8), ("v", 9, 12), ("w", 12, 13)]
    said = kinds(*cited)
    assert said.count("output_text.delta") == 6
    assert said.count("output_item.done") == 1
    assert said[-6:] == [
        *["output_text.annotation.added"] * 3,
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]


@pytest.mark.parametrize(
    "between",
    [
        [Opened(1, Text("", extra={"apart": True}))],
        [Opened(1, Text("", extra={"phase": "final_answer"}))],
        [Opened(9, Thinking("")), Closed(9), Opened(1, Text(""))],
        [Showed(9, Searched(R, ("q",))), Opened(1, Text(""))],
    ],
    ids=["apart", "another phase", "reasoning", "a search"],
)
def test_a_text_behind_something_else_is_a_message_of_its_own(between: list[Event]) -> None:
    events: list[Event] = [Opened(0, Text("")), Grew(0, "a"), Closed(0), *between, Grew(1, "b"), Closed(1), ENDED]
    texts = [item["content"][0]["text"] for item in output(*events) if item["type"] == "message"]
    assert texts == ["a", "b"]


def test_growth_of_nothing_known_is_nothing() -> None:
    assert kinds(Grew(9, "x"), Closed(9)) == []


def test_nothing_follows_the_end() -> None:
    writer = StreamWriter(asked(), STAMP)
    writer.feed(Opened(0, Text("")))
    assert writer.feed(ENDED).endswith(b"data: [DONE]\n\n")
    for event in (Grew(0, "x"), Closed(0), Failed(Problem("internal", "x")), ENDED, Noted(Usage())):
        assert writer.feed(event) == b""


def test_what_was_whole_before_a_failure_stays() -> None:
    events: list[Event] = [
        *(Opened(0, Text("")), Grew(0, "a"), Closed(0)),
        *(Opened(1, ToolCall("c", "f")), Grew(1, "{")),
        Failed(Problem("overloaded", "busy")),
    ]
    response = told(*events)[-1]["response"]
    assert (response["status"], response["usage"]) == ("failed", None)
    assert [item["type"] for item in response["output"]] == ["message"]
    assert response["error"] == {"code": "server_is_overloaded", "message": "busy"}


def test_a_refusal() -> None:
    assert kinds(Opened(0, Refusal("")), Grew(0, "no"), Closed(0)) == [
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]


def test_why_it_declined_is_said_once() -> None:
    why = Ended("refused", explanation="Because.")
    assert [item["content"][0] for item in output(why)] == [{"type": "refusal", "refusal": "Because."}]
    declined: list[Event] = [Opened(0, Refusal("")), Grew(0, "No."), Closed(0)]
    assert [item["content"][0] for item in output(*declined, why)] == [{"type": "refusal", "refusal": "No."}]
    assert output(Ended("stop", explanation="x")) == output(Ended("filtered")) == []


def test_a_call_without_a_word_has_no_arguments() -> None:
    """What its deltas come to is what it is in the end."""
    heard = told(Opened(0, ToolCall("c", "look")), Closed(0), Ended("tool_calls"))
    deltas = [event["delta"] for event in heard if event["type"] == "response.function_call_arguments.delta"]
    assert deltas == ["{}"]
    assert heard[-1]["response"]["output"][0]["arguments"] == "{}"


def test_logprobs_stand_with_their_text() -> None:
    """Chat's are said as this dialect's types want them."""
    heard = [
        {
            "token": "a",
            "bytes": None,
            "logprob": -1.0,
            "top_logprobs": [{"token": "a", "bytes": None, "logprob": -1.0}],
        },
        {"token": "b", "bytes": [98], "logprob": -2.0},
    ]
    said = [
        {"token": "a", "bytes": [], "logprob": -1.0, "top_logprobs": [{"token": "a", "bytes": [], "logprob": -1.0}]},
        {"token": "b", "bytes": [98], "logprob": -2.0, "top_logprobs": []},
    ]
    streamed = told(Opened(0, Text("")), Grew(0, "ab"), Closed(0, extra={"logprobs": heard}), ENDED)
    (done,) = [event for event in streamed if event["type"] == "response.output_text.done"]
    assert done["logprobs"] == said
    assert streamed[-1]["response"]["output"][0]["content"][0]["logprobs"] == said
    (whole,) = output(Opened(0, Text("", extra={"logprobs": heard})), Grew(0, "ab"), Closed(0), ENDED)
    assert whole["content"][0]["logprobs"] == said
    (joined,) = output(
        *(Opened(0, Text("")), Grew(0, "a"), Closed(0, extra={"logprobs": heard[:1]})),
        *(Opened(1, Text("", extra={"logprobs": heard[1:]})), Grew(1, "b"), Closed(1)),
        ENDED,
    )
    assert joined["content"][0]["logprobs"] == said


def test_two_calls_may_be_said_at_once() -> None:
    events: list[Event] = [
        *(Opened(0, ToolCall("a", "f")), Opened(1, ToolCall("b", "g"))),
        *(Grew(0, '{"x"'), Grew(1, "{}"), Grew(0, ":1}"), Closed(1), Closed(0)),
    ]
    assert [(item["call_id"], item["arguments"]) for item in output(*events, ENDED)] == [("a", '{"x":1}'), ("b", "{}")]
