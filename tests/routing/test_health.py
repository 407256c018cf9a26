"""Backends that fail rest; none is ever refused."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from dragoman.routing.health import ACCOUNT, Health

URL: Final = "http://a"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def fails(health: Health, times: int) -> None:
    for _ in range(times):
        health.attempt(URL)
        health.failed(URL)


def test_three_failures_in_a_row_are_a_rest_of_thirty_seconds() -> None:
    clock = Clock()
    health = Health(clock)
    fails(health, 2)
    assert not health.rests(URL)
    health.answered(URL)
    fails(health, 2)
    assert not health.rests(URL)
    fails(health, 1)
    assert health.rests(URL)
    assert not health.rests("http://b")
    clock.now += 29.9
    assert health.rests(URL)
    clock.now += 0.2
    assert not health.rests(URL)


def test_after_a_rest_one_request_tries_and_its_outcome_decides() -> None:
    clock = Clock()
    health = Health(clock)
    fails(health, 3)
    clock.now += 31
    assert not health.rests(URL)
    health.attempt(URL)
    assert health.rests(URL), "others wait for the outcome"
    health.failed(URL)
    clock.now += 29
    assert health.rests(URL)
    clock.now += 2
    health.attempt(URL)
    health.answered(URL)
    assert not health.rests(URL)
    fails(health, 2)
    assert not health.rests(URL), "it starts anew"


def test_a_trial_whose_outcome_nobody_learns_is_followed_by_another() -> None:
    clock = Clock()
    health = Health(clock)
    fails(health, 3)
    clock.now += 31
    health.attempt(URL)  # and the client hangs up
    clock.now += 31
    assert not health.rests(URL)


def test_what_is_not_there_rests_until_it_is_seen_or_answers() -> None:
    health = Health(Clock())
    assert health.online(URL) is None
    health.looked(URL, answers=False)
    assert health.rests(URL)
    assert health.online(URL) is False
    health.looked(URL, answers=True)
    assert not health.rests(URL)
    assert health.online(URL) is True
    health.looked(URL, answers=False)
    health.answered(URL)
    assert not health.rests(URL)


def test_to_be_seen_is_to_be_tried_at_once_and_no_more() -> None:
    health = Health(Clock())
    fails(health, 3)
    health.looked(URL, answers=True)
    assert not health.rests(URL)
    assert health.online(URL) is False
    fails(health, 1)
    assert health.rests(URL)


def test_backends_that_left_the_configuration_are_forgotten() -> None:
    health = Health(Clock())
    fails(health, 3)
    health.answered("http://b")
    health.keep_only({"http://b"})
    assert health.online(URL) is None
    assert health.online("http://b") is True


events = st.lists(st.sampled_from(["failed", "answered", "there", "away", "attempt", "wait"]), max_size=40)


@given(events)
def test_who_answered_last_never_rests_and_nobody_rests_for_ever(happened: list[str]) -> None:
    clock = Clock()
    health = Health(clock)
    for event in happened:
        match event:
            case "failed":
                health.failed(URL)
            case "answered":
                health.answered(URL)
                assert not health.rests(URL)
            case "attempt":
                health.attempt(URL)
            case "wait":
                clock.now += 31
            case _:
                health.looked(URL, answers=event == "there")
    health.looked(URL, answers=True)
    clock.now += 31
    assert not health.rests(URL)


def test_two_accounts_at_one_url_rest_apart_and_are_gone_together() -> None:
    health = Health(Clock())
    used_up, other = (f"{URL}{ACCOUNT}{number}" for number in range(2))
    for _ in range(3):
        health.failed(used_up)
    health.answered(other)
    assert (health.rests(used_up), health.rests(other), health.online(URL)) == (True, False, True)
    health.looked(URL, answers=False)
    assert (health.rests(used_up), health.rests(other), health.online(URL)) == (True, True, False)
    health.answered(other)
    assert (health.rests(used_up), health.rests(other), health.online(URL)) == (True, False, True)
    health.keep_only({"http://b"})
    assert health.online(URL) is None
