"""DuckDuckGo's page."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.tools.search.duckduckgo import DuckDuckGo
from dragoman.tools.search.engine import Heard, Query
from tests.tools.search.test_engine import asked, heard


def test_advertisements_are_no_results_and_links_lead_to_the_pages() -> None:
    hits = DuckDuckGo().hear(heard(DuckDuckGo(), Query("llama")))
    assert len(hits) == 3
    assert not any("duckduckgo" in hit.url or "shop.example" in hit.url for hit in hits)


def test_links_that_lead_nowhere_through_the_counter() -> None:
    page = (
        b'<a class="result__a" href="https://a.example/x">A &amp; <b>B</b></a>'
        b'<a class="result__a" href="http://[">bad</a><a class="result__snippet">lost</a>'
        b'<a class="result__a" href="//duckduckgo.com/l/?rut=1">odd</a><a class="result__snippet">so'
    )
    hits = DuckDuckGo().hear(Heard(200, {}, page))
    assert (hits[0].url, hits[0].title, hits[0].text) == ("https://a.example/x", "A & B", "")


@pytest.mark.parametrize(
    "answer", [Heard(202, {}, b""), Heard(200, {}, b"<div class='anomaly-modal'>"), Heard(403, {}, b"")]
)
def test_riddles(answer: Heard) -> None:
    with pytest.raises(Problem, match="human") as caught:
        DuckDuckGo().hear(answer)
    assert caught.value.kind == "rate_limited"


def test_the_region_is_told_where_its_language_is_known() -> None:
    assert asked(DuckDuckGo(), Query("llama", country="GB")).said["kl"] == "gb-en"
    assert "kl" not in asked(DuckDuckGo(), Query("llama", country="DE")).said
