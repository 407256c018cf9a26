"""Who has logged in, for how long, and with what."""

import pytest

from dragoman.hub.route import Secret
from dragoman.server.pages.logins import Logins
from tests.store.keeping import Clock

RIGHT, NONE = Secret("correct horse"), Secret("")


@pytest.fixture
def logins(clock: Clock) -> Logins:
    return Logins(clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_password_opens_a_session_of_a_name_nobody_can_guess(logins: Logins) -> None:
    one, other = logins.with_password("correct horse", RIGHT), logins.with_password("correct horse", RIGHT)
    assert one is not None
    assert other is not None
    assert (one != other, len(one) >= 40) == (True, True)
    assert logins.is_open(one, RIGHT)
    assert not logins.is_open(one + "x", RIGHT)
    assert not logins.is_open("", RIGHT)


@pytest.mark.parametrize("said", ["", "Correct horse", "correct horse ", "\ud800"])
def test_another_does_not(logins: Logins, said: str) -> None:
    assert logins.with_password(said, RIGHT) is None


def test_no_password_is_not_an_empty_one(logins: Logins) -> None:
    assert logins.with_password("", NONE) is None


def test_the_link_opens_one_session(logins: Logins) -> None:
    assert logins.with_link("guessed", NONE) is None
    name = logins.with_link(logins.link, NONE)
    assert name is not None
    assert logins.is_open(name, NONE)
    assert logins.with_link(logins.link, NONE) is None


def test_with_a_password_the_link_is_of_no_use(logins: Logins) -> None:
    assert logins.with_link(logins.link, RIGHT) is None
    assert logins.with_link(logins.link, NONE) is not None


def test_every_start_has_its_own_link() -> None:
    assert len({Logins().link for _ in range(10)}) == 10


def test_a_session_ends_where_it_is_closed(logins: Logins) -> None:
    name = logins.with_password("correct horse", RIGHT) or ""
    logins.close("another")
    assert logins.is_open(name, RIGHT)
    logins.close(name)
    assert not logins.is_open(name, RIGHT)


def test_a_session_ends_a_day_after_the_last_visit(logins: Logins, clock: Clock) -> None:
    name = logins.with_password("correct horse", RIGHT) or ""
    for _ in range(3):
        clock.seconds += 23 * 3600
        assert logins.is_open(name, RIGHT)
    clock.seconds += 25 * 3600
    assert not logins.is_open(name, RIGHT)


def test_another_password_ends_all_sessions(logins: Logins) -> None:
    name = logins.with_password("correct horse", RIGHT) or ""
    assert not logins.is_open(name, Secret("new"))
    assert not logins.is_open(name, RIGHT)


def test_sessions_are_bounded(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.server.pages.logins._MOST", 3)
    names = [logins.with_password("correct horse", RIGHT) or "" for _ in range(5)]
    assert [logins.is_open(name, RIGHT) for name in names] == [False, False, True, True, True]
