"""A chore that fails is told to the log and goes on."""

import asyncio

import pytest

from dragoman.server.chores import FIRST_PAUSE, LONGEST_PAUSE, keep_doing
from tests.net.scripted import until


def pauses_of(failures: int, caplog: pytest.LogCaptureFixture, *, raising: bool) -> list[float]:
    """How long it paused after each of so many failures, until it was told to stop."""
    pauses: list[float] = []

    async def chore() -> None:
        if len(pauses) == failures:
            await asyncio.Event().wait()
        if raising:
            raise ValueError("a bug")

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> None:
        doing = asyncio.ensure_future(keep_doing("sweeping", chore, sleep))
        await until(lambda: len(pauses) == failures)
        await asyncio.sleep(0)
        assert not doing.done()
        doing.cancel()
        await asyncio.wait([doing])
        assert doing.cancelled()

    asyncio.run(main())
    return pauses


def test_it_goes_on_after_a_pause_that_grows(caplog: pytest.LogCaptureFixture) -> None:
    pauses = pauses_of(12, caplog, raising=True)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert caplog.text.count("ValueError: a bug") == 12
    assert "sweeping failed, and goes on in 1 s" in caplog.text


def test_one_that_ends_though_it_should_not_is_begun_again(caplog: pytest.LogCaptureFixture) -> None:
    assert pauses_of(2, caplog, raising=False) == [1.0, 2.0]
    assert "sweeping ended, and begins again in 1 s" in caplog.text
