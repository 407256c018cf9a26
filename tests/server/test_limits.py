"""Failed logins: how strikes add up, decay and are forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.server.limits import CAPACITY, MOST_STRIKES, FailedLogins, Verdict

HERE = "192.0.2.1"


def after(strikes: int, address: str = HERE) -> FailedLogins:
    logins = FailedLogins()
    for _ in range(strikes):
        logins.failed(address, 0.0)
    return logins


@pytest.mark.parametrize(
    ("strikes", "verdict"),
    [
        (0, Verdict()),
        (1, Verdict()),
        (2, Verdict()),
        (3, Verdict(delay=1.0)),
        (4, Verdict(delay=2.0)),
        (5, Verdict(refuse_for=60.0)),
        (6, Verdict(refuse_for=120.0)),
    ],
)
def test_strikes(strikes: int, verdict: Verdict) -> None:
    assert after(strikes).verdict(HERE, 0.0) == verdict


def test_one_strike_decays_a_minute() -> None:
    logins = after(5)
    assert logins.verdict(HERE, 59.0) == Verdict(refuse_for=1.0)
    assert logins.verdict(HERE, 60.0) == Verdict(delay=2.0)
    assert logins.verdict(HERE, 120.0) == Verdict(delay=1.0)
    assert logins.verdict(HERE, 180.0) == Verdict()
    assert len(logins) == 1
    assert logins.verdict(HERE, 300.0) == Verdict()
    assert len(logins) == 0


def test_a_new_strike_does_not_put_off_the_decay_of_the_old_ones() -> None:
    logins = after(4)
    logins.failed(HERE, 50.0)
    assert logins.verdict(HERE, 50.0) == Verdict(refuse_for=10.0)
    assert logins.verdict(HERE, 60.0) == Verdict(delay=2.0)


def test_other_addresses_are_not_concerned() -> None:
    assert after(9).verdict("192.0.2.2", 0.0) == Verdict()


def test_an_address_never_owes_more_than_ten_minutes() -> None:
    assert after(1000).verdict(HERE, MOST_STRIKES * 60.0) == Verdict()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:0:0:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::2%eth1"),
        ("unknown", "unknown"),
    ],
)
def test_addresses_of_one_host_count_together(one: str, other: str) -> None:
    assert after(5, one).verdict(other, 0.0).refuse_for


def test_networks_of_ipv6_count_apart() -> None:
    assert after(5, "2001:db8:0:1::1").verdict("2001:db8:0:2::1", 0.0) == Verdict()


def test_the_longest_quiet_makes_room() -> None:
    logins = FailedLogins(capacity=2)
    for _ in range(5):
        logins.failed("192.0.2.1", 0.0)
        logins.failed("192.0.2.2", 0.0)
    logins.failed("192.0.2.1", 1.0)
    logins.failed("192.0.2.3", 2.0)
    assert len(logins) == 2
    assert logins.verdict("192.0.2.1", 2.0).refuse_for
    assert logins.verdict("192.0.2.2", 2.0) == Verdict()


def test_a_hundred_thousand_addresses_are_kept() -> None:
    assert CAPACITY == 100_000
    logins = FailedLogins(capacity=1000)
    for number in range(3000):
        logins.failed(f"10.0.{number // 256}.{number % 256}", 0.0)
    assert len(logins) == 1000


def test_a_clock_that_goes_back_forgives_nothing() -> None:
    logins = FailedLogins()
    for _ in range(5):
        logins.failed(HERE, 1000.0)
    assert logins.verdict(HERE, 0.0) == Verdict(refuse_for=60.0)


@given(st.lists(st.tuples(st.sampled_from(["failed", "asked"]), st.floats(0, 200)), max_size=60))
def test_who_waits_as_told_is_let_in(steps: list[tuple[str, float]]) -> None:
    logins, now = FailedLogins(), 0.0
    for step, pause in steps:
        now += pause
        verdict = logins.verdict(HERE, now)
        assert verdict.refuse_for is None or 0 < verdict.refuse_for <= MOST_STRIKES * 60
        if verdict.refuse_for is not None:
            assert logins.verdict(HERE, now + verdict.refuse_for + 1e-6).refuse_for is None
        if step == "failed":
            logins.failed(HERE, now)
