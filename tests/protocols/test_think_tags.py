"""Reasoning in tags: only at the very start, cut anywhere, and never mistaken for code."""

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.events import Cited, Closed, Event, Grew, Opened, Showed
from dragoman.hub.request import Citation, Refusal, Text, Thinking, ToolCall
from dragoman.protocols.think_tags import ThinkTags
from tests.laws.grammar import breaches, told
from tests.laws.making import in_pieces

TAGS: Final = ("think", "thinking", "[THINK]")
PIECES: Final = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<thinking>",
        "[THINK]",
        "[/THINK]",
        "<th",
        "ink>",
        "</",
        "a",
        "b c",
        " ",
        "\n",
        "\r\n",
        "<",
    ]
)
_PAIRS: Final = (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("[THINK]", "[/THINK]"))


def filtered(tags: ThinkTags, *events: Event) -> list[Event]:
    return [said for event in events for said in tags.feed(event)]


def text_block(pieces: list[str], block: int = 0) -> list[Event]:
    return [Opened(block, Text("")), *(Grew(block, piece) for piece in pieces if piece), Closed(block)]


def said(events: list[Event]) -> list[tuple[str, str]]:
    """The blocks in order of opening: kind and text."""
    blocks: dict[int, tuple[str, str]] = {}
    for event in events:
        if isinstance(event, Opened):
            blocks[event.block] = (type(event.part).__name__, "")
        elif isinstance(event, Grew):
            kind, text = blocks[event.block]
            blocks[event.block] = (kind, text + event.text)
    return list(blocks.values())


def expected(text: str, *, implicit: bool = False) -> list[tuple[str, str]]:
    """The rule, said of the whole text at once."""
    blocks: list[tuple[str, str]] = []
    while True:
        opened = next((pair for pair in _PAIRS if text.lstrip().startswith(pair[0])), None)
        if opened is not None:
            text = text.lstrip()[len(opened[0]) :]
        elif implicit and text.strip() and not any(pair[0].startswith(text.lstrip()) for pair in _PAIRS):
            opened = _PAIRS[0]
        else:
            return [*blocks, ("Text", text)] if text else blocks
        implicit = False
        text = text.lstrip("\r\n")
        found = re.match(rf"(.*?)[\r\n]*{re.escape(opened[1])}[\r\n]*(.*)", text, re.DOTALL)
        thought, text = (found[1], found[2]) if found else (text, "")
        blocks += [("Thinking", thought)] if thought else []


@given(st.lists(PIECES, max_size=10), st.lists(st.integers(1, 5), max_size=40), st.booleans())
def test_any_cutting_says_what_the_rule_says(parts: list[str], sizes: list[int], implicit: bool) -> None:
    text = "".join(parts)
    pieces = [piece.decode() for piece in in_pieces(text.encode(), sizes)]
    events = filtered(ThinkTags(TAGS, implicit_open=implicit), *text_block(pieces))
    assert breaches(events, whole=False) == []
    assert said(events) == expected(text, implicit=implicit)


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("<think>a</think>b", [("Thinking", "a"), ("Text", "b")]),
        ("\n <think>\n a \n</think>\n\n b ", [("Thinking", " a "), ("Text", " b ")]),
        ("<think>\n\n</think>\n\nhi", [("Text", "hi")]),
        ("<think></think>", []),
        ("<think>", []),
        ("<think>cut of", [("Thinking", "cut of")]),
        ("<think>cut </thi", [("Thinking", "cut </thi")]),
        ("<thi", [("Text", "<thi")]),
        ("  x \n", [("Text", "  x \n")]),
        (" \n", [("Text", " \n")]),
        ("see <think>a</think>", [("Text", "see <think>a</think>")]),
        ("<think>a</think>```<think>```", [("Thinking", "a"), ("Text", "```<think>```")]),
        ("<think>a</think>\n<think>b</think>c", [("Thinking", "a"), ("Thinking", "b"), ("Text", "c")]),
        ("[THINK]a[/THINK]b", [("Thinking", "a"), ("Text", "b")]),
        ("<thinking>a</think></thinking>b", [("Thinking", "a</think>"), ("Text", "b")]),
    ],
)
def test_tags(text: str, blocks: list[tuple[str, str]]) -> None:
    assert said(filtered(ThinkTags(TAGS), *text_block(list(text)))) == blocks
    assert said(filtered(ThinkTags(TAGS), *text_block([text]))) == blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("a</think>b", [("Thinking", "a"), ("Text", "b")]),
        ("<think>a</think>b", [("Thinking", "a"), ("Text", "b")]),
        ("\n\na", [("Thinking", "a")]),
    ],
)
def test_the_opening_tag_may_be_implied(text: str, blocks: list[tuple[str, str]]) -> None:
    assert said(filtered(ThinkTags(("think",), implicit_open=True), *text_block(list(text)))) == blocks


def test_without_tags_nothing_is_changed() -> None:
    events = text_block(["<think>"])
    assert filtered(ThinkTags(()), *events) == events
    assert filtered(ThinkTags((), implicit_open=True), *events) == events


@pytest.mark.parametrize("thought", [[Opened(0, Thinking("")), Closed(0)], [Showed(0, Thinking("x"))]])
def test_a_reasoning_field_turns_the_filter_off(thought: list[Event]) -> None:
    events = [*thought, *text_block(["<think>a</think>"], 1)]
    assert filtered(ThinkTags(TAGS), *events) == events


def test_what_is_visible_turns_the_filter_off_for_later_blocks() -> None:
    later = text_block(["<think>a</think>"], 2)
    events = filtered(ThinkTags(TAGS), *text_block(["seen"], 0), *later)
    assert said(events) == [("Text", "seen"), ("Text", "<think>a</think>")]


def test_reasoning_between_calls_is_found_again() -> None:
    call: list[Event] = [Opened(1, ToolCall("c", "f")), Grew(1, "{}"), Closed(1)]
    events = filtered(ThinkTags(TAGS), *text_block(["<think>a"], 0), *call, *text_block(["<think>b</think>c"], 2))
    assert breaches(events, whole=False) == []
    assert said(events) == [("Thinking", "a"), ("ToolCall", "{}"), ("Thinking", "b"), ("Text", "c")]


def test_other_blocks_pass_while_text_is_held() -> None:
    refusal: list[Event] = [Opened(1, Refusal("")), Grew(1, "no"), Closed(1)]
    events = filtered(ThinkTags(TAGS), Opened(0, Text("")), Grew(0, "<th"), *refusal, Closed(0))
    assert said(events) == [("Refusal", "no"), ("Text", "<th")]


def test_citations_wait_for_their_text() -> None:
    cited = Cited(0, Citation("https://example.org"))
    events = filtered(ThinkTags(TAGS), Opened(0, Text("")), Grew(0, " "), cited, Grew(0, "a"), cited, Closed(0))
    assert breaches(events, whole=False) == []
    assert told(events) == told([Opened(0, Text("")), Grew(0, " a"), cited, cited, Closed(0)])
    nothing = filtered(ThinkTags(TAGS), Opened(0, Text("")), Grew(0, "<think>a</think>"), cited, Closed(0))
    assert said(nothing) == [("Thinking", "a")]
    assert cited not in nothing


@given(st.lists(PIECES, min_size=1, max_size=5), st.booleans())
def test_what_passes_at_once_is_what_would_not_be_changed(parts: list[str], implicit: bool) -> None:
    text = "".join(parts)
    tags = ThinkTags(TAGS, implicit_open=implicit)
    block = text_block([text])
    if tags.passes(text):
        assert tags.off
        assert filtered(ThinkTags(TAGS, implicit_open=implicit), *block) == block
    else:
        assert not tags.off
    assert ThinkTags(TAGS).passes("\n a < b")
