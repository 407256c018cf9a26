"""Histograms add up, and their percentiles are right to within a tenth."""

import math

from hypothesis import given
from hypothesis import strategies as st

from dragoman.ledger import histogram

times = st.lists(st.integers(min_value=1, max_value=10**7), min_size=1, max_size=200)


@given(times, times)
def test_adding_two_is_adding_all(some: list[int], more: list[int]) -> None:
    together = sum(map(histogram.one, some + more))
    assert sum(map(histogram.one, some)) + sum(map(histogram.one, more)) == together
    assert histogram.unpack(histogram.pack(together)) == together


@given(times, st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(some: list[int], share: float) -> None:
    true = sorted(some)[max(0, math.ceil(share * len(some)) - 1)]
    (found,) = histogram.percentiles(sum(map(histogram.one, some)), [share])
    assert found is not None
    assert true / 2**0.25 <= found * 1.000001
    assert found <= true * 2**0.25 * 1.000001


def test_of_many_it_is_right_to_within_a_tenth() -> None:
    some = [round(1.002**n * 50) for n in range(4000)]
    found = histogram.percentiles(sum(map(histogram.one, some)), [0.5, 0.95])
    for share, value in zip([0.5, 0.95], found, strict=True):
        assert value is not None
        assert abs(value / sorted(some)[round(share * len(some))] - 1) < 0.1


def test_of_nothing_there_is_none() -> None:
    assert histogram.percentiles(0, [0.5]) == [None]
    assert histogram.unpack(b"") == 0


def test_what_is_out_of_range_is_at_its_ends() -> None:
    (low,) = histogram.percentiles(histogram.one(0), [0.5])
    (high,) = histogram.percentiles(histogram.one(10**12), [0.5])
    assert low is not None
    assert high is not None
    assert (1 <= low < 2, high > 3 * 3_600_000) == (True, True)


def test_a_bucket_holds_more_than_two_billion() -> None:
    (found,) = histogram.percentiles(histogram.one(1000) * (2**31 + 5), [0.5])
    assert found is not None
    assert 900 < found < 1200
