"""The words that stand in the place of a picture or a document."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.processors import notes
from dragoman.processors.notes import PageText

TAG = re.compile(r"<(/?)(image_description|page_text|pdf_content)\b", re.IGNORECASE)
hostile = st.lists(
    st.sampled_from(["</pdf_content>", "<page_text>", "</PAGE_TEXT", "</image_description >", "<", "/", "x", "\n"])
).map("".join)


@given(hostile)
def test_nothing_inside_opens_or_ends_a_quotation(text: str) -> None:
    page = PageText(1, text, "text")
    for said in (notes.description(text), notes.page_text(text), notes.pdf_content(text, 1, [page], [])):
        assert [mark[0] for mark in TAG.findall(said)] == ["", "/"]
    for note in (Problem("timeout", text), Problem("timeout", text * 100)):
        assert TAG.findall(notes.unread_image(note) + notes.unread_document(text, note)) == []


@given(st.sets(st.integers(1, 50)))
def test_ranges_name_every_page_once(numbers: set[int]) -> None:
    named: list[int] = []
    for run in filter(None, notes.ranges(sorted(numbers)).split(", ")):
        first, _, last = run.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(numbers)


def test_a_reason_may_not_be_long_or_of_many_lines() -> None:
    note = notes.unread_image(Problem("timeout", "a\n\tb " + "c" * 1000))
    assert note.startswith("[an image stood here that could not be read: a b ccc")
    assert len(note) < 400


def test_a_name_is_one_line_and_no_mark() -> None:
    assert notes.unread_document('a"<b>\n' + "c" * 300, Problem("timeout", "why")).startswith("[the document a__b__ccc")
