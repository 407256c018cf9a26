"""Work is done once for the same content: while it is under way, afterwards, and after a restart."""

import asyncio
import hashlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dragoman.hub.problems import Problem
from dragoman.store import results as module
from dragoman.store.database import Database
from dragoman.store.results import RESULTS, Results, key_of
from tests.store.keeping import Clock, Opener

T = TypeVar("T")
HOUR = 3600.0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


class Labour:
    """Work that counts itself. gate: it is not done before this is set."""

    def __init__(self, *outcomes: str | Exception, gate: asyncio.Event | None = None) -> None:
        self.outcomes = list(outcomes)
        self.gate = gate
        self.at_it = asyncio.Event()
        self.begun = 0

    async def __call__(self) -> str:
        self.begun += 1
        self.at_it.set()
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def database(place: Path | None, opening: Opener) -> Database:
    return opening(place, (RESULTS,))


@pytest.fixture
def results(database: Database, clock: Clock) -> Results:
    return Results(database, now=clock)


def kept(database: Database) -> list[str]:
    database.flush()
    query = "SELECT value FROM results ORDER BY number"
    return database.read(lambda db: [bytes(value).decode() for (value,) in db.execute(query)], ["not read"])


def test_how_long_it_lasts_may_depend_on_what_it_is(results: Results, clock: Clock) -> None:
    flawed, good = Labour("flawed"), Labour("good")
    for passed, begun in ((0, (1, 1)), (9, (1, 1)), (2, (2, 1))):
        clock.seconds += passed
        for labour in (flawed, good):
            run(results.once("pdf", str(labour.outcomes), labour, ttl=lambda text: 10.0 if text == "flawed" else HOUR))
        assert (flawed.begun, good.begun) == begun


def test_it_is_done_once(results: Results, database: Database) -> None:
    labour = Labour("text")
    assert run(results.once("ocr", "k", labour, ttl=HOUR)) == "text"
    assert run(results.once("ocr", "k", labour, ttl=HOUR)) == "text"  # before it is in the file
    database.flush()
    assert not results._unsettled
    assert run(results.once("ocr", "k", labour, ttl=HOUR)) == "text"
    assert labour.begun == 1


def test_kinds_and_keys_are_apart(results: Results) -> None:
    async def ask() -> list[str]:
        places = [("a", "k"), ("a", "l"), ("b", "k"), ("ak", ""), ("a", "k")]
        return [await results.once(kind, key, Labour(f"{n}"), ttl=HOUR) for n, (kind, key) in enumerate(places)]

    assert run(ask()) == ["0", "1", "2", "3", "0"]


def test_it_is_there_after_a_restart(tmp_path: Path, opening: Opener, clock: Clock) -> None:
    first = opening(tmp_path / "f.db", (RESULTS,))
    assert run(Results(first, now=clock).once("ocr", "k", Labour("text"), ttl=HOUR)) == "text"
    first.close()
    again = Results(opening(tmp_path / "f.db", (RESULTS,)), now=clock)
    assert run(again.once("ocr", "k", Labour("not again"), ttl=HOUR)) == "text"


def test_each_has_its_time(results: Results, database: Database, clock: Clock) -> None:
    async def ask(said: str) -> list[str]:
        seconds = {"none": 0.0, "short": HOUR, "long": 3 * HOUR}
        return [await results.once("ocr", key, Labour(said), ttl=ttl) for key, ttl in seconds.items()]

    assert run(ask("one")) == ["one", "one", "one"]
    database.flush()
    assert run(ask("two")) == ["two", "one", "one"]
    clock.seconds += 2 * HOUR
    assert run(ask("three")) == ["three", "three", "one"]
    database.flush()
    clock.seconds += 1.5 * HOUR
    assert run(ask("four")) == ["four", "four", "four"]


def test_any_text_comes_back_as_it_was(results: Results, database: Database) -> None:
    text = "\ud83d lone, \0, 模型 \U0001f600\r\n"
    assert run(results.once("ocr", "k", Labour(text), ttl=HOUR)) == text
    database.flush()
    assert run(results.once("ocr", "k", Labour(""), ttl=HOUR)) == text
    assert run(results.once("ocr", "empty", Labour(""), ttl=HOUR)) == ""
    database.flush()
    assert run(results.once("ocr", "empty", Labour("x"), ttl=HOUR)) == ""
    assert database.lost == 0


def test_the_same_work_under_way_is_done_once(results: Results) -> None:
    async def ask() -> None:
        labour = Labour("text", gate=asyncio.Event())
        asking = [asyncio.ensure_future(results.once("ocr", "k", labour, ttl=HOUR)) for _ in range(20)]
        await labour.at_it.wait()
        assert labour.gate is not None
        labour.gate.set()
        assert await asyncio.gather(*asking) == ["text"] * 20
        assert labour.begun == 1
        assert not results._under_way

    run(ask())


@pytest.mark.parametrize("others", [0, 1])
def test_work_goes_on_when_who_began_it_leaves(results: Results, others: int) -> None:
    async def ask() -> None:
        labour = Labour("text", gate=asyncio.Event())
        first = asyncio.ensure_future(results.once("ocr", "k", labour, ttl=HOUR))
        await labour.at_it.wait()
        waiting = [asyncio.ensure_future(results.once("ocr", "k", labour, ttl=HOUR)) for _ in range(others)]
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert labour.gate is not None
        labour.gate.set()
        assert await asyncio.gather(*waiting) == ["text"] * others
        assert await results.once("ocr", "k", labour, ttl=HOUR) == "text"
        assert labour.begun == 1

    run(ask())


def test_a_failure_is_raised_again_for_five_minutes(results: Results, clock: Clock) -> None:
    async def ask() -> None:
        labour = Labour(Problem("bad_request", "damaged"), "text")
        for _ in range(3):
            with pytest.raises(Problem, match="damaged"):
                await results.once("ocr", "k", labour, ttl=HOUR)
            clock.seconds += 100
        assert labour.begun == 1
        clock.seconds += 1
        assert await results.once("ocr", "k", labour, ttl=HOUR) == "text"

    run(ask())


def test_a_failure_that_names_its_time_lasts_no_longer(results: Results, clock: Clock) -> None:
    async def ask() -> None:
        labour = Labour(
            Problem("overloaded", "busy", retry_after=0.0), Problem("rate_limited", "slow", retry_after=20.0), "text"
        )
        with pytest.raises(Problem, match="busy"):
            await results.once("ocr", "k", labour, ttl=HOUR)
        for _ in range(2):
            with pytest.raises(Problem, match="slow"):
                await results.once("ocr", "k", labour, ttl=HOUR)
        clock.seconds += 20
        assert await results.once("ocr", "k", labour, ttl=HOUR) == "text"

    run(ask())


def test_failures_need_not_be_remembered(results: Results) -> None:
    async def ask() -> None:
        labour = Labour(Problem("rate_limited", "slow", retry_after=20.0), "text")
        with pytest.raises(Problem, match="slow"):
            await results.once("search", "k", labour, ttl=HOUR, failures_last=0)
        assert await results.once("search", "k", labour, ttl=HOUR, failures_last=0) == "text"

    run(ask())


def test_all_who_wait_hear_of_a_failure(results: Results) -> None:
    async def ask() -> None:
        labour = Labour(Problem("timeout", "slow"))
        asking = [results.once("ocr", "k", labour, ttl=HOUR) for _ in range(3)]
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert outcomes == [Problem("timeout", "slow")] * 3
        assert labour.begun == 1

    run(ask())


def test_a_failure_that_nobody_hears_of_is_no_noise(results: Results, caplog: pytest.LogCaptureFixture) -> None:
    async def ask() -> None:
        labour = Labour(Problem("timeout", "slow"), gate=asyncio.Event())
        asking = asyncio.ensure_future(results.once("ocr", "k", labour, ttl=HOUR))
        await labour.at_it.wait()
        asking.cancel()
        assert labour.gate is not None
        labour.gate.set()
        with pytest.raises(Problem, match="slow"):
            await results.once("ocr", "k", labour, ttl=HOUR)

    run(ask())
    assert not caplog.records


def test_a_bug_is_told_and_not_remembered(results: Results) -> None:
    async def ask() -> None:
        labour = Labour(ZeroDivisionError("a bug"), "text")
        with pytest.raises(ZeroDivisionError):
            await results.once("ocr", "k", labour, ttl=HOUR)
        assert await results.once("ocr", "k", labour, ttl=HOUR) == "text"

    run(ask())


def test_failures_are_bounded(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_FAILURES", 2)

    async def ask() -> None:
        for key in ("a", "b", "c"):
            with pytest.raises(Problem):
                await results.once("ocr", key, Labour(Problem("timeout", key)), ttl=HOUR)
        assert len(results._failures) == 2
        assert await results.once("ocr", "a", Labour("text"), ttl=HOUR) == "text"
        with pytest.raises(Problem):
            await results.once("ocr", "c", Labour("text"), ttl=HOUR)

    run(ask())


def test_what_was_not_used_for_longest_makes_room(database: Database, clock: Clock) -> None:
    results = Results(database, max_bytes=4_000, now=clock)

    async def ask(key: str, size: int = 1_000) -> str:
        clock.seconds += 2 * HOUR  # so that its use is noted
        return await results.once("ocr", key, Labour(key * size), ttl=1e9)

    async def fill() -> None:
        for key in "abc":
            await ask(key)
        database.flush()
        assert await ask("a", 0) == "a" * 1_000
        await ask("d")
        assert await ask("large", 1_000) == "large" * 1_000  # it comes back, and is not kept

    run(fill())
    assert [value[0] for value in kept(database)] == ["a", "c", "d"]


def test_what_has_passed_its_time_is_forgotten(tmp_path: Path, opening: Opener, clock: Clock) -> None:
    database = opening(tmp_path / "f.db", (RESULTS,))
    results = Results(database, now=clock)

    async def fill() -> None:
        await results.once("ocr", "a", Labour("short"), ttl=HOUR)
        await results.once("ocr", "b", Labour("long"), ttl=3 * HOUR)

    run(fill())
    assert kept(database) == ["short", "long"]
    clock.seconds += 2 * HOUR
    Results(database, now=clock)  # a restart sweeps
    assert kept(database) == ["long"]


def test_use_is_not_written_down_at_every_turn(results: Results, database: Database, clock: Clock) -> None:
    run(results.once("ocr", "k", Labour("text"), ttl=1e9))
    database.flush()
    before = database._taken
    for _ in range(60):
        clock.seconds += 60
        run(results.once("ocr", "k", Labour("text"), ttl=1e9))
    assert database._taken == before
    clock.seconds += 60
    run(results.once("ocr", "k", Labour("text"), ttl=1e9))
    assert database._taken == before + 1


def test_what_cannot_be_kept_still_comes_back(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (RESULTS,))
    results = Results(database)
    database.close()
    assert run(results.once("ocr", "k", Labour("text"), ttl=HOUR)) == "text"
    assert not results._unsettled


def test_the_end_gives_up_what_is_under_way(results: Results) -> None:
    async def ask() -> None:
        labour = Labour("text", gate=asyncio.Event())
        asking = asyncio.ensure_future(results.once("ocr", "k", labour, ttl=HOUR))
        await labour.at_it.wait()
        await results.close()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not results._under_way

    run(ask())


def test_a_key_tells_contents_and_their_cut_apart() -> None:
    large = b"x" * module._LARGE

    async def keys() -> list[str]:
        contents: list[tuple[bytes | str, ...]] = [(), ("",), ("ab",), ("a", "b"), (b"ab", ""), (large,), (large, "")]
        return [await key_of(*pieces) for pieces in contents]

    found = run(keys())
    assert len(set(found)) == len(found)
    assert found[2] == run(key_of(b"ab")) == hashlib.sha256(b"2:ab").hexdigest()
    assert found[5] == hashlib.sha256(b"%d:" % len(large) + large).hexdigest()
