"""Accounts in turn: who is asked, who rests, what is told when nobody answers. The engines are the stand-in's."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.net.client import Client
from dragoman.store.database import Database
from dragoman.store.results import RESULTS, Results
from dragoman.tools.search import ENGINES
from dragoman.tools.search.asking import Searches
from dragoman.tools.search.engine import Account, Query
from tests.engines import KEYS, PAGES, Engines, Page

NAMES = {engine.name: engine for engine in ENGINES}


@pytest.fixture
def engines() -> Iterator[Engines]:
    with Engines() as engines:
        yield engines


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


Main = Callable[[Searches, Clock], Awaitable[None]]


def search(main: Main) -> None:
    async def run() -> None:
        database = Database(None, (RESULTS,))
        net, results, clock = Client(), Results(database), Clock()
        try:
            await main(Searches(net, results, clock), clock)
        finally:
            await results.close()
            await net.close()
            await asyncio.to_thread(database.close)

    asyncio.run(run())


def accounts(engines: Engines, *names: str) -> tuple[Account, ...]:
    return tuple(Account(NAMES[name], Secret(KEYS[name]), engines.url(name)) for name in names)


async def problem(searches: Searches, them: tuple[Account, ...], query: Query) -> Problem:
    with pytest.raises(Problem) as caught:
        await searches.search(them, query)
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_each_engine_over_a_real_connection(engines: Engines, name: str) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        hits = await searches.search(accounts(engines, name), Query("llama"))
        assert [hit.url for hit in hits] == [page.url for page in PAGES]

    search(main)


def test_the_first_that_answers_is_enough(engines: Engines) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        await searches.search(accounts(engines, "tavily", "brave"), Query("llama"))
        assert [question.engine for question in engines.asked] == ["tavily"]

    search(main)


@pytest.mark.parametrize("plight", ["key", "quota", "busy", "dead", "rubbish"])
def test_others_stand_in_for_one_in_trouble(engines: Engines, plight: object) -> None:
    engines.plight["tavily"] = plight  # type: ignore[assignment]

    async def main(searches: Searches, _: Clock) -> None:
        assert await searches.search(accounts(engines, "tavily", "brave"), Query("llama"))
        assert [question.engine for question in engines.asked] == ["tavily", "brave"]

    search(main)


def test_nothing_found_is_an_answer_and_nobody_else_is_asked(engines: Engines) -> None:
    engines.plight["tavily"] = "nothing"

    async def main(searches: Searches, _: Clock) -> None:
        assert await searches.search(accounts(engines, "tavily", "brave"), Query("llama")) == ()
        assert [question.engine for question in engines.asked] == ["tavily"]

    search(main)


@pytest.mark.parametrize(("plight", "seconds"), [("quota", 900), ("busy", 7), ("key", 300)])
def test_who_is_used_up_rests_for_a_while(engines: Engines, plight: object, seconds: float) -> None:
    engines.plight["tavily"] = plight  # type: ignore[assignment]

    async def main(searches: Searches, clock: Clock) -> None:
        them = accounts(engines, "tavily", "brave")
        await searches.search(them, Query("one"))
        engines.plight.clear()
        clock.seconds += seconds - 1
        await searches.search(them, Query("two"))
        clock.seconds += 1
        await searches.search(them, Query("three"))
        assert [question.engine for question in engines.asked] == ["tavily", "brave", "brave", "tavily"]

    search(main)


def test_no_rest_is_longer_than_an_hour(engines: Engines) -> None:
    engines.plight["brave"] = "quota"  # says: for two weeks

    async def main(searches: Searches, clock: Clock) -> None:
        them = accounts(engines, "brave")
        assert (await problem(searches, them, Query("one"))).kind == "out_of_credit"
        resting = await problem(searches, them, Query("two"))
        assert (resting.kind, resting.retry_after, len(engines.asked)) == ("out_of_credit", 3600, 1)
        engines.plight.clear()
        clock.seconds += 3600
        assert await searches.search(them, Query("two"))

    search(main)


def test_a_new_key_does_not_rest_for_the_old_ones_sins(engines: Engines) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        wrong = (Account(NAMES["tavily"], Secret("tvly-wrong"), engines.url("tavily")),)
        assert (await problem(searches, wrong, Query("llama"))).kind == "backend_refused_us"
        assert await searches.search(accounts(engines, "tavily"), Query("llama"))

    search(main)


def test_who_cannot_be_reached_is_asked_again_if_there_is_no_other(engines: Engines) -> None:
    async def main(searches: Searches, clock: Clock) -> None:
        nobody = Account(NAMES["searxng"], Secret(""), "http://127.0.0.1:9")
        for _ in range(2):
            trouble = await problem(searches, (nobody,), Query("llama"))
            assert (trouble.kind, trouble.public) == ("unreachable", "searxng cannot be reached")
        them = (nobody, *accounts(engines, "brave"))
        assert await searches.search(them, Query("llama"))

    search(main)


def test_when_all_fail_all_are_named(engines: Engines) -> None:
    engines.plight |= {"tavily": "busy", "brave": "busy", "searxng": "dead"}

    async def main(searches: Searches, _: Clock) -> None:
        both = await problem(searches, accounts(engines, "tavily", "brave"), Query("llama"))
        assert (both.kind, both.retry_after) == ("rate_limited", 1)
        three = await problem(searches, accounts(engines, "tavily", "brave", "searxng"), Query("llama"))
        assert three.kind == "backend_failed"
        assert all(name in three.public for name in ("tavily", "brave", "searxng"))

    search(main)


def test_the_same_search_is_asked_once(engines: Engines) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        them = accounts(engines, "tavily")
        found = await asyncio.gather(*(searches.search(them, Query("llama")) for _ in range(5)))
        assert all(hits == found[0] for hits in found)
        await searches.search(them, Query("llama"))
        assert len(engines.asked) == 1
        await searches.search(them, Query("llama", allowed=("docs.llama.example",)))
        assert len(engines.asked) == 2

    search(main)


def test_failures_are_not_remembered_with_the_search(engines: Engines) -> None:
    engines.plight["searxng"] = "dead"

    async def main(searches: Searches, _: Clock) -> None:
        them = accounts(engines, "searxng")
        await problem(searches, them, Query("llama"))
        engines.plight.clear()
        assert await searches.search(them, Query("llama"))

    search(main)


def test_what_an_engine_sends_is_sifted(engines: Engines) -> None:
    engines.pages = [
        Page("javascript:alert(1)", "evil", ""),
        Page("https://spam.example/x", "spam", ""),
        Page("https://a.example/\n# Now do this", "two lines", ""),
        Page("https://a.example/1", "t" * 400, "x" * 50),
        Page("https://a.example/1", "again", ""),
        Page("https://a.example/" + "y" * 3000, "long", ""),
        *(Page(f"https://b.example/{number}", "", "") for number in range(9)),
    ]

    async def main(searches: Searches, _: Clock) -> None:
        query = Query("llama", count=4, length=10, blocked=("spam.example",))
        hits = await searches.search(accounts(engines, "searxng"), query)
        assert [hit.url for hit in hits] == ["https://a.example/1", *(f"https://b.example/{n}" for n in range(3))]
        assert hits[0] == Hit("https://a.example/1", "t" * 300 + " ...", "x" * 10 + " ...")

    search(main)


def test_engines_are_told_of_hosts_and_the_answer_is_sifted_by_paths(engines: Engines) -> None:
    engines.pages = [Page(f"https://a.example/{path}", "", "") for path in ("docs/1", "news/1", "docs/old/1")]

    async def main(searches: Searches, _: Clock) -> None:
        query = Query("llama", allowed=("a.example/docs",), blocked=("a.example/docs/old",))
        hits = await searches.search(accounts(engines, "exa"), query)
        assert [hit.url for hit in hits] == ["https://a.example/docs/1"]
        said = engines.asked[0].said
        assert said["includeDomains"] == ["a.example"]
        assert "excludeDomains" not in said

    search(main)


def test_a_query_that_is_too_long_for_one_may_do_for_another(engines: Engines) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        long = Query("x" * 450)
        assert (await problem(searches, accounts(engines, "tavily", "brave"), long)).code == "query_too_long"
        assert await searches.search(accounts(engines, "tavily", "exa"), long)
        assert [question.engine for question in engines.asked] == ["exa"]

    search(main)


def test_the_log_says_what_happened_and_holds_no_key(engines: Engines, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main(searches: Searches, _: Clock) -> None:
        await problem(
            searches, (Account(NAMES["tavily"], Secret("tvly-secret-99"), engines.url("tavily")),), Query("llama")
        )

    search(main)
    assert "tavily refuses the proxy's key" in caplog.text
    assert "invalid API key" in caplog.text
    assert "tvly-secret" not in caplog.text
    assert "llama" not in caplog.text
