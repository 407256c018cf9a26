"""A grammar that reads what is still being said: cut anywhere, it reads the same."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.call_reading import NotACallError, Reading, Unread
from dragoman.wire import jsons

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def read(grammar: Callable[[Unread], Reading[Any]], *pieces: str, names: tuple[str, ...] = ("read_file", "run")) -> Any:
    """What the grammar reads of a text in pieces; "..." where it still waits at the end, "no" where it refuses."""
    unread = Unread(names)
    reading = grammar(unread)
    for piece in [*pieces, None]:
        if piece is None:
            unread.over = True
        else:
            unread.add(piece)
        try:
            next(reading)
        except StopIteration as done:
            return done.value
        except NotACallError:
            return "no"
    return "..."


@given(JSON, st.sampled_from(["", " ", "}", ", 1", "</tool_call>"]))
def test_a_value_ends_where_it_ends_however_it_is_cut(value: object, behind: str) -> None:
    text = jsons.write_text(value)
    for pieces in ([text + behind], list(text + behind)):
        assert jsons.read(read(Unread.value, *pieces)) == value


@pytest.mark.parametrize("text", ['{"a": "b', '{"a": [1}', '{"a": "\\', "{", '["', "{]"])
def test_a_value_that_does_not_end_is_none(text: str) -> None:
    assert read(Unread.value, text) == read(Unread.value, *text) == "no"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("read_file>", "read_file"),
        ("run", "run"),
        ("functions.run:0", "run"),
        ("running ", "no"),
        ("rea ", "no"),
        ("", "no"),
        ("functions.", "no"),
        ("x" * 300, "no"),
    ],
)
def test_only_declared_names_are_names(text: str, name: str) -> None:
    assert read(Unread.name, text) == read(Unread.name, *text) == name


def test_a_name_is_refused_at_its_first_wrong_letter() -> None:
    unread = Unread(["read_file"])
    reading = unread.name()
    unread.add("rex")
    with pytest.raises(NotACallError):
        next(reading)


@given(st.text("ab<", max_size=20), st.text("ab<", max_size=5))
def test_what_stands_before_an_ending(before: str, behind: str) -> None:
    text = f"{before}</x>{behind}"
    expected = text.partition("</x>")[0]
    assert read(lambda said: said.until("</x>"), text) == read(lambda said: said.until("</x>"), *text) == expected


def test_a_literal_is_waited_for_only_as_long_as_it_may_come() -> None:
    def grammar(said: Unread) -> Reading[str]:
        return (yield from said.skip("<parameter=", "</function>"))

    assert read(grammar, "<para", "meter=") == "<parameter="
    assert read(grammar, *"</function>") == "</function>"
    unread = Unread(())
    reading = grammar(unread)
    unread.add("</p")
    with pytest.raises(StopIteration):
        next(reading)


def test_everything_is_read_only_at_the_end() -> None:
    unread = Unread(())
    assert not unread.is_all()
    unread.over = True
    assert unread.is_all()
