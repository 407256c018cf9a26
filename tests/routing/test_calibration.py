"""Estimates follow what backends count, slowly and within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.routing.calibration import Calibration

counts = st.integers(min_value=0, max_value=10**6)


def test_without_observations_an_estimate_stays_as_it_is() -> None:
    assert Calibration().apply("m", 1000) == 1000


def test_the_first_observation_counts_whole_and_later_ones_a_little() -> None:
    learnt = Calibration()
    learnt.observe("m", 1000, 1500)
    assert learnt.apply("m", 100) == 150
    learnt.observe("m", 1000, 1000)
    assert learnt.apply("m", 100) == 140
    assert learnt.apply("other", 100) == 100


@given(st.lists(st.tuples(counts, counts), max_size=30))
def test_no_observation_leads_out_of_bounds(seen: list[tuple[int, int]]) -> None:
    learnt = Calibration()
    for estimated, counted in seen:
        learnt.observe("m", estimated, counted)
    assert 500 <= learnt.apply("m", 1000) <= 2000


def test_small_prompts_teach_nothing() -> None:
    learnt = Calibration()
    learnt.observe("m", 49, 100)
    learnt.observe("m", 100, 49)
    assert not learnt.wants("m", 49)
    assert learnt.apply("m", 1000) == 1000


def test_it_wants_what_is_new_and_then_one_in_eight() -> None:
    learnt = Calibration()
    assert all(learnt.wants("m", 100) for _ in range(20))
    learnt.observe("m", 100, 100)
    assert sum(learnt.wants("m", 100) for _ in range(80)) == 10


def test_models_without_number_are_forgotten() -> None:
    learnt = Calibration()
    for number in range(1001):
        learnt.observe(f"m{number}", 100, 200)
    assert len(learnt._factors) == 1000
    assert (learnt.apply("m0", 100), learnt.apply("m1000", 100)) == (100, 200)
