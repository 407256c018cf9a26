"""GPT-OSS's channels in the text: thinking and text without a token of them, calls still in theirs."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import fold
from dragoman.hub.events import Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Text, Thinking, ToolCall
from dragoman.hub.usage import Usage
from dragoman.protocols.channels import Channels
from tests.laws.grammar import breaches

ANALYSIS: Final = "<|channel|>analysis<|message|>"
FINAL: Final = "<|channel|>final<|message|>"
NEXT: Final = "<|end|><|start|>assistant"
CALL: Final = "<|channel|>commentary to=functions.run <|constrain|>json<|message|>"


def heard(*pieces: str) -> list[Event]:
    channels = Channels()
    events: list[Event] = [
        Opened(0, Text("")),
        *(Grew(0, piece) for piece in pieces if piece),
        Closed(0),
        Ended("stop"),
    ]
    return [said for event in events for said in channels.feed(event)]


def parts(*pieces: str) -> list[tuple[str, str]]:
    said = fold(heard(*pieces)).parts
    return [(type(part).__name__, part.text) for part in said if isinstance(part, Text | Thinking)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", [("Text", "Hello.")]),
        (" \n", [("Text", " \n")]),
        ("<|chan", [("Text", "<|chan")]),
        (f"It says {FINAL}.", [("Text", f"It says {FINAL}.")]),
        (f"{ANALYSIS}Hm.{NEXT}{FINAL}Hello.<|return|>", [("Thinking", "Hm."), ("Text", "Hello.")]),
        (f"<|start|>assistant{ANALYSIS}Hm.{NEXT}{FINAL}Hello.", [("Thinking", "Hm."), ("Text", "Hello.")]),
        (f"\n{FINAL}1 <| 2 <|en", [("Text", "1 <| 2 <|en")]),
        (f"{ANALYSIS}Hm.{FINAL}Hello.", [("Thinking", "Hm."), ("Text", "Hello.")]),
        (f"{ANALYSIS}Hm.<|end|>Hello.", [("Thinking", "Hm."), ("Text", "Hello.")]),
        (f"{ANALYSIS}Hm.{NEXT}<|channel|>fin", [("Thinking", "Hm.")]),
        (f"{ANALYSIS}Hm.{NEXT}{CALL}{{}}<|call|>", [("Thinking", "Hm."), ("Text", f"{CALL}{{}}<|call|>")]),
        (
            f"{CALL}{{}}<|call|><|start|>assistant to=functions.run<|channel|>commentary json<|message|>{{}}<|call|>",
            [("Text", f"{CALL}{{}}<|call|>{CALL}{{}}<|call|>")],
        ),
        ("<|channel|>" + "x" * 400 + FINAL, [("Text", "<|channel|>" + "x" * 400 + FINAL)]),
        ("<|channel|>" + "x" * 400, [("Text", "<|channel|>" + "x" * 400)]),
    ],
)
def test_what_is_said_on_which_channel(text: str, said: list[tuple[str, str]]) -> None:
    assert parts(text) == parts(*text) == said


@given(
    st.lists(
        st.sampled_from(
            [ANALYSIS, FINAL, CALL, NEXT, "<|call|>", "<|end|>", "<|start|>", "<|", "a", " ", "\n", "x" * 310]
        ),
        max_size=8,
    ),
    st.integers(1, 40),
)
def test_cut_anywhere_it_is_the_same(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert parts(text) == parts(*cut)
    assert not breaches(heard(*cut))


def test_a_channel_behind_a_calls_name_is_taken_off() -> None:
    """vllm#32587: `run<|channel|>commentary`."""
    channels = Channels()
    opened = Opened(0, ToolCall("1", "run<|channel|>commentary"))
    assert channels.feed(opened) == [Opened(0, ToolCall("1", "run"))]
    assert channels.feed(Grew(0, "{}")) == [Grew(0, "{}")]


def test_thinking_of_its_own_and_other_events_pass() -> None:
    channels = Channels()
    events: list[Event] = [Opened(-1, Thinking("")), Grew(-1, "Hm."), Closed(-1), Noted(Usage(output=1))]
    assert [said for event in events for said in channels.feed(event)] == events
    assert channels.feed(Opened(0, Text(""))) == []
    said = channels.feed(Grew(0, f"{FINAL}Hi"))
    assert said == [Opened(-2, Text("")), Grew(-2, "Hi")]
    assert channels.feed(Cited(0, Citation("https://lab.example"))) == []
    failed = Failed(Problem("truncated", "cut"))
    assert channels.feed(failed) == [failed]
