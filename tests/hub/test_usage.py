"""Counts have one meaning each."""

from typing import Any

import pytest
from msgspec import Struct

from dragoman.hub.usage import Count, Usage, count, counts


def test_fresh_is_what_touched_no_cache() -> None:
    assert Usage(input=1000, cache_read=800, cache_written=100).fresh == 100
    assert Usage(input=10, cache_read=800).fresh == 0
    assert Usage().fresh == 0


def test_later_counts_replace_earlier_ones_where_they_say_something() -> None:
    assert Usage(input=1, output=1).updated(Usage(output=5, reasoning=0)) == Usage(input=1, output=5, reasoning=0)
    assert Usage(input=1).updated(Usage()) == Usage(input=1)


def test_the_counts_of_several_passes() -> None:
    assert Usage(input=1, output=1).plus(Usage(output=5, searches=0)) == Usage(input=1, output=6, searches=0)
    assert Usage().plus(Usage()) == Usage()
    assert Usage(context=3).plus(Usage(context=4)) == Usage()


@pytest.mark.parametrize(
    ("said", "counted"),
    [(0, 0), (7, 7), (7.0, 7), (2**53, 2**53), (-1, None), (1e300, None), (True, None), ("7", None), (None, None)],
)
def test_what_can_be_a_count(said: Any, counted: int | None) -> None:
    assert count(said) == counted


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**30])
def test_what_is_no_number_of_tokens(number: float) -> None:
    assert count(number) is None


class Details(Struct):
    cached: Count | None = None


class Told(Struct):
    asked: Count | None = None
    details: Details | None = None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"asked": 7, "details": {"cached": 3, "other": "x"}, "more": []}, Told(7, Details(3))),
        ({"asked": None, "details": None}, Told()),
        ({"asked": 7.0, "details": {"cached": "three"}}, Told(7, Details())),
        ({"asked": -1, "details": [1]}, Told(None, Details())),
        ({"asked": True, "details": 5}, Told(None, Details())),
        ("no object", Told()),
        (None, Told()),
    ],
)
def test_counts_are_read_as_far_as_they_are_some(said: Any, told: Told) -> None:
    assert counts(said, Told) == told
