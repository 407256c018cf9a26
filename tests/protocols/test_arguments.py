"""Tool arguments: what is sound stays as it is, what is broken is repaired only where that changes nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.arguments import as_object, for_history, repaired
from dragoman.wire import jsons
from tests.laws import making


@given(making.arguments())
def test_sound_arguments_are_kept_to_the_byte(text: str) -> None:
    assert for_history(text) == text
    assert as_object(text) == repaired(text) == jsons.read(text)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_no_arguments_are_an_empty_object(text: str) -> None:
    assert as_object(text) == repaired(text) == {}
    assert for_history(text) == "{}"


@pytest.mark.parametrize("text", ["[1]", "7", "null", '"x"', '{"a": nope}', '{"a":', '{"a":"x', "{} {"])
def test_what_is_no_object_says_none(text: str) -> None:
    assert as_object(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('```json\n{"a":1}\n```', {"a": 1}),
        ('```\n{"a":1}```', {"a": 1}),
        (' ```json \n{"a":"```"}\n```\n', {"a": "```"}),
        ('{"a":1,}', {"a": 1}),
        ('{"a":[1,2] , } ', {"a": [1, 2]}),
        ('{"a":1}{"a":2}', {"a": 1}),
        ('{"a":"}{\\"]"} and that was it', {"a": '}{"]'}),
        ('{"a":{"b":[{}]}}</tool_call>', {"a": {"b": [{}]}}),
        ('{"a":"line\nbreak"}', {"a": "line\nbreak"}),
        ('{"a":"\\ud83d"}', {"a": "\ufffd"}),
        ('{"a":NaN}', {"a": None}),
    ],
)
def test_repairs_that_change_nothing(text: str, value: dict[str, Any]) -> None:
    assert repaired(text) == value
    assert jsons.is_object(for_history(text))
    assert jsons.read(for_history(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"command":"rm -rf build',
        '{"path":"a","content":"half a fi',
        '{"a":[1,2',
        '{"a":{"b":1}',
        '{"a":"\\',
        '{"a":1]}',
        "```json\n{\n```",
        "```json",
        "```not a language\n{}\n```",
        "``` json\n{",
        "oops",
        "[1]",
        'call: {"a":1}',
    ],
)
def test_what_is_open_is_never_closed(text: str) -> None:
    assert repaired(text) is None
    assert jsons.read(for_history(text)) == {"_raw": text}


@given(making.arguments(), st.data())
def test_half_of_an_object_is_never_an_object(text: str, data: st.DataObject) -> None:
    end = data.draw(st.integers(1, len(text.rstrip()) - 1))
    half = text[:end]
    assert not half.strip() or repaired(half) is None


@given(st.text())
def test_history_is_always_one_object(text: str) -> None:
    assert jsons.is_object(for_history(text))


def test_repair_is_linear_in_what_is_broken() -> None:
    """A model that went on for a megabyte: no pattern may try each place against all the others."""
    for broken in ('{"a":"' + "\\" * 10**6, "```\n" + "\n" * 10**6, '{"a":[' + "[" * 10**5, '{"a":1' + ",\n" * 10**6):
        assert repaired(broken) is None
