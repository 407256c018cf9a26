"""A whole answer is a fold of its events. (That unfold is its inverse is a law: tests/laws.)"""

import pytest

from dragoman.hub.answer import Answer, Fold, fold, unfold
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Cache,
    Citation,
    Fetched,
    Hit,
    Opaque,
    Refusal,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from dragoman.hub.usage import Usage

SEAL = Seal("anthropic-messages", "anthropic", "sig")
CITED = Citation("https://example.org", "A title")


def test_events_gather_into_parts() -> None:
    assert fold(
        [
            Began("id", "model"),
            Opened(0, Thinking("")),
            Grew(0, "a"),
            Grew(0, "b"),
            Closed(0, SEAL, {"x": 1}),
            Opened(1, Text("", extra={"y": 2})),
            Cited(1, CITED),
            Grew(1, "text"),
            Closed(1),
            Noted(Usage(input=7)),
            Opened(2, ToolCall("c", "f")),
            Opened(3, ToolCall("d", "g")),
            Grew(3, "{}"),
            Grew(2, '{"a":1}'),
            Closed(2),
            Closed(3, extra={"z": 3}),
            Showed(4, ToolResult("c")),
            Opened(5, Refusal("")),
            Grew(5, "no"),
            Closed(5),
            Noted(Usage(output=3)),
            Ended("tool_calls", "tool_use", None, None),
        ]
    ) == Answer(
        parts=(
            Thinking("ab", SEAL, {"x": 1}),
            Text("text", citations=(CITED,), extra={"y": 2}),
            ToolCall("c", "f", '{"a":1}'),
            ToolCall("d", "g", "{}", extra={"z": 3}),
            ToolResult("c"),
            Refusal("no"),
        ),
        reason="tool_calls",
        raw="tool_use",
        usage=Usage(input=7, output=3),
        id="id",
        model="model",
    )


def test_a_number_that_opens_again_is_another_block() -> None:
    events: list[Event] = []
    for text in ("first", "second"):
        events += [Opened(0, Text("")), Grew(0, text), Closed(0)]
    assert fold([*events, Ended("stop")]).parts == (Text("first"), Text("second"))


def test_a_failure_is_raised() -> None:
    with pytest.raises(Problem) as caught:
        fold([Failed(Problem("overloaded", "later"))])
    assert caught.value == Problem("overloaded", "later")


def test_an_answer_without_an_end_is_truncated_and_its_parts_can_be_seen() -> None:
    said = Fold()
    for event in (Opened(0, Text("")), Grew(0, "half")):
        said.feed(event)
    assert said.parts() == (Text("half"),)
    with pytest.raises(Problem, match="before it was complete") as caught:
        said.answer()
    assert caught.value.kind == "truncated"


def test_everything_an_answer_holds_survives_unfolding() -> None:
    answer = Answer(
        parts=(
            Text("", cache=Cache("1h")),
            Text("a", citations=(CITED, CITED), extra={"x": 1}),
            Thinking("", SEAL),
            Thinking("t", extra={"y": 1}),
            Thinking("seen", Seal("anthropic-messages", "anthropic", "data", "redacted")),
            ToolCall("i", "n", "", "custom", "proxy", "space", Cache(), {"z": 1}),
            ToolResult("i", (Text("r"),), is_error=True),
            Opaque("anthropic-messages", "odd", {"type": "odd"}),
            Searched("openai-responses", ("q",), (Hit("u", "t"),), {"type": "web_search_call"}),
            Fetched("u", "t", "text"),
            Refusal("no", {"w": 1}),
        ),
        reason="stop_sequence",
        raw="stop",
        stop_sequence="END",
        explanation="why",
        usage=Usage(output=1),
        id="i",
        model="m",
    )
    assert fold(unfold(answer)) == answer
