"""Token counts in the Responses dialect."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.usage import Usage
from dragoman.protocols.openai_responses.usage import read_usage, write_usage
from tests.laws.making import counts, json_values

FULL = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 1050,
}
COUNTED = Usage(input=1000, cache_read=800, cache_written=100, output=50, reasoning=20)


def test_all_counts_there_are() -> None:
    assert read_usage(FULL) == COUNTED
    assert write_usage(COUNTED) == FULL


def test_nothing_is_never_null() -> None:
    assert write_usage(Usage()) == {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }


@pytest.mark.parametrize("said", [None, 7, {}, {"input_tokens": None}, {"input_tokens": -1, "output_tokens": True}])
def test_what_says_nothing(said: Any) -> None:
    assert read_usage(said) is None


@pytest.mark.parametrize("details", [None, 7, []])
def test_details_may_be_anything(details: Any) -> None:
    assert read_usage({"input_tokens": 3, "input_tokens_details": details}) == Usage(input=3)


@given(st.dictionaries(st.sampled_from(list(FULL)), json_values))
def test_any_value_is_read(said: Any) -> None:
    read_usage(said)


@given(counts, counts)
def test_what_is_written_is_what_is_read(given_tokens: int, made: int) -> None:
    usage = Usage(input=given_tokens, cache_read=0, cache_written=0, output=made, reasoning=0)
    assert read_usage(write_usage(usage)) == usage


def test_what_fills_the_window_is_the_last_prompt() -> None:
    usage = Usage(input=3000, cache_read=2000, output=84, context=1600)
    said = write_usage(usage, of_window=True)
    assert (said["input_tokens"], said["total_tokens"]) == (1600, 1684)
    assert said["input_tokens_details"]["cached_tokens"] == 1600
    assert write_usage(usage)["input_tokens"] == 3000
    once = Usage(input=3000, cache_read=2000, output=84)
    assert write_usage(once, of_window=True) == write_usage(once)
