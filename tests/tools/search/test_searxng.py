"""SearXNG's own ways."""

from pathlib import Path

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.tools.search.asking import Searches
from dragoman.tools.search.engine import Account, Heard, Query
from dragoman.tools.search.searxng import SearXNG
from tests.engines import PAGES
from tests.searx import IS_HERE, MISSING, searx
from tests.tools.search.test_asking import Clock, search
from tests.tools.search.test_engine import asked, heard


@pytest.mark.parametrize("answer", [Heard(403, {}, b"<html>"), Heard(200, {}, b"<html>")])
def test_json_that_is_not_enabled_comes_with_the_remedy(answer: Heard) -> None:
    with pytest.raises(Problem, match=r"add `json` to `search.formats`"):
        SearXNG().hear(answer)


def test_engines_that_do_not_answer_are_named_and_not_taken_for_nothing_found() -> None:
    with pytest.raises(Problem, match="duckduckgo CAPTCHA, brave timeout") as caught:
        SearXNG().hear(heard(SearXNG(), Query("llama"), "dead"))
    assert caught.value.kind == "backend_failed"


@pytest.mark.parametrize("odd", [b"null", b"7", b"[7]", b'[["x"]]', b"[[]]", b'["x"]'])
def test_engines_told_of_in_another_shape(odd: bytes) -> None:
    body = b'{"results": [{"url": "https://a.example"}], "unresponsive_engines": ' + odd + b"}"
    assert len(SearXNG().hear(Heard(200, {}, body))) == 1


def test_one_that_stands_behind_a_key() -> None:
    assert "authorization" not in asked(SearXNG(), Query("llama")).headers
    assert SearXNG().ask(Query("x"), "http://a.example", Secret("k")).headers[0] == ("authorization", "Bearer k")


@pytest.mark.skipif(not IS_HERE, reason=MISSING)
def test_a_real_one_is_understood_when_it_finds_and_when_it_cannot(tmp_path: Path) -> None:
    async def main(searches: Searches, _: Clock) -> None:
        account = (Account(SearXNG(), Secret(""), served.url),)
        hits = await searches.search(account, Query("care of llamas", allowed=("llama.example",)))
        assert [(hit.url, hit.title) for hit in hits] == [(page.url, page.title) for page in PAGES[:2]]
        with pytest.raises(Problem, match="none of the engines that searxng asks has answered: lost"):
            await searches.search(account, Query("!lost llamas"))

    with searx(tmp_path) as served:
        search(main)
