"""Spans of time, as numbers and as Go writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.durations import read_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("300", 300), ("1.5", 1.5), (".5", 0.5), ("300s", 300), ("5m", 300), ("1h30m", 5400), ("1500ms", 1.5), ("0", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert read_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "-1", "5 m", "5x", "m", "1h30", "nan", "inf", "1e3", "٣"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="wanted a duration"):
        read_seconds(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_units_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert float(read_seconds(f"{hours}h{minutes}m{seconds}s")) == hours * 3600 + minutes * 60 + seconds
