"""Which call does a delta go on with? Each row is a backend's habit."""

import pytest

from dragoman.protocols.openai_chat.calls import Call, find

A = Call(0, 0, "a", "f", ["{}"])
B = Call(1, 1, "b", "g", ['{"x":', "1"])
NAMELESS = Call(2, 2, "c")
IDLESS = Call(3, 3, None, "h", ['{"y":'])
UNNUMBERED = Call(4, None, "u", "k", ["{"])
EMPTY = Call(5, 5, "e", "m", ["{}"], held=True)
ALL = [A, B, NAMELESS, IDLESS, UNNUMBERED, EMPTY]


@pytest.mark.parametrize(
    ("index", "call_id", "name", "piece", "found"),
    [
        (0, None, "", "x", A),
        (1, "b", "g", "x", B),
        (1, "other", "g", "{", None),
        (1, "b", "other", "{", None),
        (1, "b", "g", "{", B),
        (1, "other", "", "}", B),
        (0, "other", "", "{}", None),
        (2, "c", "late", "", NAMELESS),
        (2, "other", "", "{}", None),
        (3, "late", "", "x", IDLESS),
        (9, None, "", "x", None),
        (0, "a", "f", '{"x":', None),
        (0, "a", "f", '{"x":1}', None),
        (0, "a", "f", " {} ", A),
        (0, "a", "f", "", A),
        (5, "e", "m", '{"x":1}', EMPTY),
        (5, None, "m", '{"x":1}', EMPTY),
        (5, "e", "other", '{"x":1}', None),
        (None, "u", "", "x", UNNUMBERED),
        (None, "a", "", "x", A),
        (None, "new", "", "x", None),
        (None, None, "", "x", EMPTY),
        (None, None, "named", "x", None),
    ],
)
def test_find(index: int | None, call_id: str | None, name: str, piece: str, found: Call | None) -> None:
    assert find(ALL, index, call_id, name, piece) is found


def test_the_first_delta_is_a_new_call() -> None:
    assert find([], None, None, "", "x") is None


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [([], False), (["{"], False), (["{", "}"], True), (["{}", " \n"], True), (["{", "}x"], False), (["[]"], False)],
)
def test_a_call_is_whole_when_its_arguments_are_one_object(pieces: list[str], whole: bool) -> None:
    assert Call(0, 0, "a", "f", pieces).is_whole() is whole
