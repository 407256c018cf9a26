"""Exa's own ways."""

from dragoman.tools.search.engine import Heard, Query
from dragoman.tools.search.exa import Exa
from dragoman.wire import jsons
from tests.tools.search.test_engine import asked


def test_what_it_is_told() -> None:
    said = asked(Exa(), Query("llama", 30, 700, ("a.example",), ("b.example",), "DE")).said
    assert said == {
        "query": "llama",
        "type": "auto",
        "numResults": 25,
        "contents": {"highlights": {"maxCharacters": 700}},
        "includeDomains": ["a.example"],
        "excludeDomains": ["b.example"],
        "userLocation": "DE",
    }


def test_pages_without_highlights_are_told_by_their_text() -> None:
    results = [{"url": "https://a.example", "text": "whole"}, {"url": "https://b.example", "highlights": ["x", 7, "y"]}]
    hits = Exa().hear(Heard(200, {}, jsons.write({"results": results})))
    assert [hit.text for hit in hits] == ["whole", "x\ny"]
