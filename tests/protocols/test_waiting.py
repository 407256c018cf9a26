"""How long to wait: read from headers and words, and never invented as nonsense."""

import email.utils
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.protocols.waiting import headers_of, seconds_in, seconds_to_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2020 10:00:30 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers) == seconds


@pytest.mark.parametrize("date", [{}, {"date": "now"}], ids=["none", "no date"])
def test_a_date_without_the_date_of_the_answer_counts_from_now(date: dict[str, str]) -> None:
    soon = email.utils.formatdate(time.time() + 60, usegmt=True)
    seconds = seconds_to_wait({"retry-after": soon, **date})
    assert seconds is not None
    assert 50 < seconds <= 60


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 1.5s. Visit the page", 1.5),
        ("Please try again in 900ms.", 0.9),
        ("try again in 2m30.5s", 150.5),
        ("Try again in 1h2m3s", 3723.0),
        ("retry after 20 seconds", 20.0),
        ("Please retry in 34.07s.", 34.07),
        ("try again in 6m0s", 360.0),
        ("try again later", None),
        ("retry in a minute", None),
        ("try again in 90h", None),
        ("", None),
    ],
)
def test_words(message: str, seconds: float | None) -> None:
    assert seconds_in(message) == (None if seconds is None else pytest.approx(seconds))


@given(st.floats() | st.none())
def test_a_header_can_always_be_written(seconds: float | None) -> None:
    for name, value in headers_of(Problem("rate_limited", "slow", retry_after=seconds)):
        assert name == "retry-after"
        assert 0 <= int(value) <= 24 * 3600


def test_whole_seconds_and_never_too_early() -> None:
    assert headers_of(Problem("overloaded", "later", retry_after=1.2)) == [("retry-after", "2")]


def test_a_rate_limit_always_says_how_long() -> None:
    assert headers_of(Problem("rate_limited", "slow")) == [("retry-after", "5")]
    assert headers_of(Problem("overloaded", "later")) == []
