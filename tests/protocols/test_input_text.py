"""The text of a tool that takes free text, in whatever JSON and in whatever pieces it comes."""

import json  # noqa: TID251 - our own writer must not vouch for itself

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.protocols.input_text import InputText
from tests.laws.codex import PATCH, SCRIPT
from tests.laws.making import cut, texts

_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", '"': '\\"', "\\": "\\\\", "/": "\\/"}


def told(*pieces: str) -> str:
    text = InputText()
    return "".join([text.feed(piece) for piece in pieces] + [text.finish()])


@st.composite
def spellings(draw: st.DrawFn, text: str) -> str:
    """The text as one of the JSON strings that mean it: every character escaped, or as short as can be, or raw."""
    spelled = []
    for character in text:
        long = "".join(f"\\u{unit:04x}" for unit in _units(character))
        ways = [long, long.upper().replace("\\U", "\\u")]
        if character in _ESCAPES:
            ways.append(_ESCAPES[character])
        if character not in '"\\':
            ways.append(character)  # raw control characters too: models write them
        spelled.append(draw(st.sampled_from(ways)))
    return "".join(spelled)


def _units(character: str) -> list[int]:
    raw = character.encode("utf-16-be")
    return [int.from_bytes(raw[n : n + 2], "big") for n in range(0, len(raw), 2)]


characters = st.characters(codec="utf-8")
openings = st.sampled_from(['{"input":"', '{"input": "', ' \n{ "input" : "', '\t{\r\n  "input":\n"'])
closings = st.sampled_from(['"}', '" }', '"\n}\n', '", "note": "}"}', '"}\n\nDone.'])


@given(st.text(characters) | texts, openings, closings, st.data())
@example(PATCH, '{"input":"', '"}', None)
@example(SCRIPT, '{"input":"', '"}', None)
def test_any_text_in_any_spelling_and_any_pieces(
    text: str, opening: str, closing: str, data: st.DataObject | None
) -> None:
    inside = json.dumps(text)[1:-1] if data is None else data.draw(spellings(text))
    whole = opening + inside + closing
    assert told(*whole) == text
    if data is not None:
        assert told(*data.draw(cut(whole))) == text


@given(st.text(characters, min_size=1), st.data())
def test_text_that_comes_as_it_is(text: str, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(["*", "c", "ä", " x"])) + text
    assert told(*data.draw(cut(raw))) == raw


def test_it_is_told_while_it_comes() -> None:
    text = InputText()
    heard = [
        text.feed(piece) for piece in ['{"in', 'put": "*** Be', "gin", " \\u00", "e9 \\ud83d", "\\ude00", '"', "}"]
    ]
    assert heard == ["", "*** Be", "gin", " ", "é ", "😀", "", ""]
    assert text.finish() == ""


def test_raw_text_is_told_while_it_comes() -> None:
    text = InputText()
    assert [text.feed(piece) for piece in ["  ", "*** Begin", " Patch"]] == ["", "  *** Begin", " Patch"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"patch":"x"}', "x"),
        ('{"other":1,"input":"x"}', "x"),
        ('{"script":"x"}', "x"),
        ('```json\n{"input":"x"}\n```', '```json\n{"input":"x"}\n```'),
        ('{"a":"x","b":"y"}', '{"a":"x","b":"y"}'),
        ('{"input":["x"]}', '{"input":["x"]}'),
        ('{"input":{"input":"x"}}', '{"input":{"input":"x"}}'),
        ('"*** Begin\\nPatch"', "*** Begin\nPatch"),
        ('"use strict"; text(1)', '"use strict"; text(1)'),
        ("{ const a = 1 }", "{ const a = 1 }"),
        ("{}", ""),
        ("", ""),
        ("  ", ""),
    ],
)
def test_other_ways_to_say_it(said: str, text: str) -> None:
    assert told(said) == text
    assert told(*said) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ('{"input":"say "hi" now"}', 'say "hi" now'),
        ('{"input":"a regex \\d+ and \\u00zz and \\x"}', "a regex \\d+ and \\u00zz and \\x"),
        ('{"input":"\\ud83d alone, \\ude00 too"}', "\ufffd alone, \ufffd too"),
        ('{"input":"\\ud83d\\u0041"}', "\ufffdA"),
    ],
)
def test_what_models_forget_to_escape_is_kept(said: str, text: str) -> None:
    assert told(said) == text
    assert told(*said) == text


@pytest.mark.parametrize("end", ["", "\\", "\\u", "\\u00", "\\ud83d", "\\ud83d\\u", "\\ud83d\\ude0"])
def test_cut_short_it_tells_what_there_is(end: str) -> None:
    assert told('{"input":"so far' + end) == "so far"
    assert told(*('{"input":"so far' + end)) == "so far"
    assert told('{"inp') == '{"inp'


@pytest.mark.parametrize(
    ("said", "is_open"),
    [
        ('{"input":"so far', True),
        ('{"input":"', True),
        ('{"input":"so far\\', True),
        ('{"input":"so far\\"', True),
        ('{"input":"all"', False),
        ('{"input":"all" ', False),
        ('{"input":"all"}', False),
        ("raw text", False),
        ('{"other":"x', False),
        ("", False),
    ],
)
def test_a_string_that_has_not_ended_is_open(said: str, *, is_open: bool) -> None:
    for pieces in ([said], said):
        text = InputText()
        for piece in pieces:
            text.feed(piece)
        assert text.is_open == is_open


def test_a_long_text_takes_linear_time() -> None:
    text = InputText()
    said = '{"input":"' + "x\\n" * 200_000 + '"}'
    assert sum(len(text.feed(said[n : n + 4])) for n in range(0, len(said), 4)) == 400_000
    held = InputText()
    for _ in range(100_000):
        held.feed('{"a":1')
    assert len(held.finish()) == 600_000
