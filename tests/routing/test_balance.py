"""Backends come in a random order that their weights bend."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.route import Backend, Secret
from dragoman.routing.balance import in_order


def backends(*weights: int) -> list[Backend]:
    return [Backend(f"http://{n}", Secret(""), "openai-chat", weight=weight) for n, weight in enumerate(weights)]


@given(st.lists(st.integers(min_value=0, max_value=1000), max_size=6), st.integers())
def test_every_backend_comes_once(weights: list[int], seed: int) -> None:
    given_ = backends(*weights)
    ordered = in_order(given_, random.Random(seed))
    assert sorted(ordered, key=lambda b: b.url) == given_


def test_a_backend_of_twice_the_weight_comes_first_twice_as_often() -> None:
    chance = random.Random(1)
    first = Counter(in_order(backends(1, 2, 5), chance)[0].url for _ in range(8000))
    assert [round(first[f"http://{n}"] / 1000, 1) for n in range(3)] == [1.0, 2.0, 5.0]


def test_those_that_stand_in_are_chosen_by_weight_too() -> None:
    chance = random.Random(2)
    second = Counter(
        order[1].url for _ in range(4000) if (order := in_order(backends(1, 3, 1000), chance))[2].url != "http://2"
    )
    assert 2 < second["http://1"] / second["http://0"] < 4


def test_weight_zero_stands_in_last() -> None:
    chance = random.Random(3)
    assert all(in_order(backends(0, 1, 2), chance)[-1].url == "http://0" for _ in range(100))


keys = st.text(min_size=1, max_size=40)
some_weights = st.lists(st.integers(min_value=1, max_value=1000), min_size=1, max_size=6)


@given(some_weights, keys, st.integers(), st.randoms(use_true_random=False))
def test_what_belongs_together_meets_the_same_backend_whatever_chance_says(
    weights: list[int], affinity: str, seed: int, shuffling: random.Random
) -> None:
    listed = backends(*weights)
    ordered = in_order(listed, random.Random(seed), affinity)
    shuffling.shuffle(listed)
    assert in_order(listed, random.Random(seed + 1), affinity) == ordered


@given(some_weights, keys, st.data())
def test_a_backend_that_is_lost_moves_only_what_was_its_own(
    weights: list[int], affinity: str, data: st.DataObject
) -> None:
    listed = backends(*weights)
    before = in_order(listed, random.Random(1), affinity)
    lost = data.draw(st.sampled_from(listed))
    after = in_order([each for each in listed if each is not lost], random.Random(2), affinity)
    assert after == tuple(each for each in before if each is not lost)


def test_conversations_are_shared_by_weight() -> None:
    chance = random.Random(4)
    first = Counter(in_order(backends(1, 2, 5), chance, f"conversation {n}")[0].url for n in range(8000))
    for number, share in enumerate((1000, 2000, 5000)):
        assert abs(first[f"http://{number}"] - share) < 4 * (share * (1 - share / 8000)) ** 0.5


def test_a_new_key_for_a_backend_is_another_backend() -> None:
    twins = [Backend("http://a", Secret(key), "openai-chat") for key in ("one", "two")]
    first = Counter(in_order(twins, random.Random(5), f"{n}")[0].key.reveal() for n in range(200))
    assert set(first) == {"one", "two"}
