"""Limits of requests at a time: kept exactly, in the order of arrival, and never for ever."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.schema import BackendConfig, ModelConfig
from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend, Secret
from dragoman.routing.load import Load, limits_of


def backend(name: str, limit: int = 0) -> Backend:
    return Backend(f"http://{name}", Secret(""), "openai-chat", max_inflight=limit)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def within_reason() -> None:
        async with asyncio.timeout(20):
            await main()

    asyncio.run(within_reason())


def test_who_is_full_is_passed_over() -> None:
    async def main() -> None:
        load, small, large = Load(), backend("small", 1), backend("large")
        assert await load.enter([small, large], "m") is small
        assert await load.enter([small, large], "m") is large
        assert await load.enter([small, large], "other") is small, "the limit is said of backend and model"
        load.leave(small, "m")
        assert await load.enter([small, large], "m") is small
        assert (load.under_way("http://small", "m"), load.under_way("http://large", "m")) == (1, 1)

    run(main)


def test_where_all_are_full_it_is_first_come_first_served() -> None:
    async def main() -> None:
        load, only = Load(), backend("only", 1)
        await load.enter([only], "m")
        came: list[int] = []

        async def come(number: int) -> None:
            await load.enter([only], "m")
            came.append(number)
            load.leave(only, "m")

        tasks = [asyncio.ensure_future(come(number)) for number in range(5)]
        await asyncio.sleep(0)
        load.leave(only, "m")
        await asyncio.gather(*tasks)
        assert came == [0, 1, 2, 3, 4]
        assert load.under_way("http://only", "m") == 0

    run(main)


def test_who_waits_too_long_is_told_to_come_back() -> None:
    async def main() -> None:
        load, only = Load(longest_wait=0.01), backend("only", 1)
        await load.enter([only], "m")
        with pytest.raises(Problem, match="busy") as raised:
            await load.enter([only], "m")
        assert (raised.value.status, raised.value.retry_after) == (503, 5.0)
        load.leave(only, "m")
        assert await load.enter([only], "m") is only

    run(main)


def test_the_line_has_an_end() -> None:
    async def main() -> None:
        load, only = Load(most_waiting=1), backend("only", 1)
        await load.enter([only], "m")
        waiting = asyncio.ensure_future(load.enter([only], "m"))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="busy"):
            await load.enter([only], "m")
        load.leave(only, "m")
        assert await waiting is only

    run(main)


def test_a_place_that_comes_as_its_client_hangs_up_is_not_lost() -> None:
    async def main() -> None:
        load, only = Load(), backend("only", 1)
        await load.enter([only], "m")
        gone, next_ = (asyncio.ensure_future(load.enter([only], "m")) for _ in range(2))
        await asyncio.sleep(0)
        load.leave(only, "m")
        gone.cancel()
        assert await next_ is only
        assert gone.cancelled()
        load.leave(only, "m")
        assert load.under_way("http://only", "m") == 0

    run(main)


def test_a_limit_that_was_lowered_counts() -> None:
    async def main() -> None:
        load = Load()
        for _ in range(2):
            await load.enter([backend("a", 2)], "m")
        waiting = asyncio.ensure_future(load.enter([backend("a", 1)], "m"))
        await asyncio.sleep(0)
        load.leave(backend("a", 2), "m")
        await asyncio.sleep(0)
        assert not waiting.done()
        load.leave(backend("a", 2), "m")
        await waiting

    run(main)


@pytest.mark.parametrize("raised", [3, 0])
def test_who_waits_has_the_places_that_a_new_limit_brings_and_is_not_overtaken(raised: int) -> None:
    async def main() -> None:
        load, before, now = Load(), backend("only", 1), backend("only", raised)
        await load.enter([before], "m")
        waiting = [asyncio.ensure_future(load.enter([before], "m")) for _ in range(4)]
        await asyncio.sleep(0)
        load.limit({("http://only", "m"): raised})
        await asyncio.sleep(0)
        room = raised - 1 if raised else 4
        assert [each.done() for each in waiting] == [True] * room + [False] * (4 - room)
        newcomer = asyncio.ensure_future(load.enter([now], "m"))
        await asyncio.sleep(0)
        for each in waiting:
            load.leave(before, "m")
            assert await each is before
        load.leave(before, "m")
        assert await newcomer is now

    run(main)


def test_a_lower_limit_holds_for_who_waits() -> None:
    async def main() -> None:
        load, before = Load(), backend("only", 2)
        await asyncio.gather(load.enter([before], "m"), load.enter([before], "m"))
        waiting = asyncio.ensure_future(load.enter([before], "m"))
        await asyncio.sleep(0)
        load.limit({("http://only", "m"): 1})
        load.leave(before, "m")
        await asyncio.sleep(0)
        assert not waiting.done()
        load.leave(before, "m")
        assert await waiting is before

    run(main)


def test_the_limits_of_a_configuration() -> None:
    def model(name: str, limit: int, url: str = "http://a/v1/") -> ModelConfig:
        return ModelConfig(name=name, model="x", backends=(BackendConfig(url=url, max_inflight=limit),))

    assert limits_of([model("a", 2), model("b", 3), model("c", 1, "http://c")]) == {
        ("http://a/v1", "x"): 3,
        ("http://c", "x"): 1,
    }
    assert limits_of([model("a", 2), model("b", 0)]) == {("http://a/v1", "x"): 0}


@given(st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=4), st.integers())
def test_no_limit_is_exceeded_and_everybody_gets_a_place(limits: list[int], seed: int) -> None:
    async def main() -> None:
        load, chance = Load(), random.Random(seed)
        places = [backend(str(number), limit) for number, limit in enumerate(limits)]

        async def visit() -> None:
            choice = chance.sample(places, chance.randint(1, len(places)))
            place = await load.enter(choice, "m")
            try:
                assert place in choice
                assert not place.max_inflight or load.under_way(place.url, "m") <= place.max_inflight
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                load.leave(place, "m")

        visits = [asyncio.ensure_future(visit()) for _ in range(20)]
        for each in chance.sample(visits, 5):
            await asyncio.sleep(0)
            each.cancel()
        outcomes = await asyncio.gather(*visits, return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert load._line == []
        assert load._under_way == {}

    run(main)
