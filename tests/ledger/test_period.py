"""Days as people count them, also when the clocks are changed."""

import datetime as dt
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.ledger.period import last_days, zone_named
from tests.ledger.writing import NOON

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns"]


@given(st.integers(0, 2**32), st.sampled_from(ZONES), st.integers(1, 90))
def test_days_follow_each_other_and_today_is_the_last(now: int, zone: str, days: int) -> None:
    period = last_days(days, now, zone_named(zone))
    pieces = period.days()
    assert len(pieces) == days
    assert (pieces[0].since, pieces[-1].until) == (period.since, period.until)
    assert all(one.until == other.since for one, other in pairwise(pieces))
    assert pieces[-1].since <= now < pieces[-1].until
    assert pieces[-1].name == dt.datetime.fromtimestamp(now, zone_named(zone)).date().isoformat()


def test_a_day_on_which_the_clocks_are_changed_is_longer_or_shorter() -> None:
    berlin = zone_named("Europe/Berlin")
    for date, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)):
        noon = dt.datetime.fromisoformat(f"{date}T12:00").replace(tzinfo=berlin).timestamp()
        period = last_days(1, noon, berlin)
        assert len(period.hours()) == hours
        assert period.hours()[0].name.startswith(f"{date}T00:00")


def test_hours_are_named_with_their_offset() -> None:
    hours = last_days(1, NOON, zone_named("Asia/Kolkata")).hours()
    assert (len(hours), hours[0].name, hours[23].name) == (24, "2026-09-27T00:00+0530", "2026-09-27T23:00+0530")


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../../etc/passwd", "x" * 1000, "/etc/passwd", "a\0b", "posix"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_named(name) is dt.UTC


@pytest.fixture
def honolulu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "HST10")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("honolulu")
def test_without_a_zone_it_is_the_machines() -> None:
    period = last_days(1, NOON, None)
    assert period.days()[0].name == "2026-09-27"
    assert period.since % 86_400 == 10 * 3600
    assert last_days(1, NOON - 3 * 3600, None).days()[0].name == "2026-09-26"
