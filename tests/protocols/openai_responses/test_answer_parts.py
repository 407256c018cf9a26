"""What single things in an answer come to."""

from typing import Any

import pytest

from dragoman.hub.request import Citation, Hit, Searched
from dragoman.protocols.openai_responses.answer_parts import citation_of, phase_of, search_of


def test_a_citation_counts_from_the_beginning_of_the_answer() -> None:
    said = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 2, "end_index": 5}
    assert citation_of(said, 10) == Citation("https://a.example", "A", "", 12, 15)
    assert citation_of({"url": "https://a.example"}, 10) == Citation("https://a.example")


@pytest.mark.parametrize("said", [None, [], {"type": "file_citation", "file_id": "f"}, {"url": 1}], ids=str)
def test_what_is_no_place_on_the_web_is_no_citation(said: Any) -> None:
    assert citation_of(said, 0) is None


def test_a_search_knows_its_queries_and_what_was_found() -> None:
    sources = [{"type": "url", "url": "https://a.example", "title": "A"}, {"type": "api"}, 1]
    raw = {"type": "web_search_call", "action": {"type": "search", "queries": ["a", 1, "b"], "sources": sources}}
    assert search_of(raw) == Searched("openai-responses", ("a", "b"), (Hit("https://a.example", "A"),), raw)
    raw = {"type": "web_search_call", "action": {"type": "search", "query": "a", "queries": None}}
    assert search_of(raw) == Searched("openai-responses", ("a",), (), raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"type": "web_search_call", "action": {"type": "open_page", "url": "u"}},
        {"type": "web_search_call"},
        {"type": "file_search_call", "action": {"type": "search"}},
    ],
    ids=str,
)
def test_a_page_that_was_opened_is_no_search(raw: dict[str, Any]) -> None:
    assert search_of(raw) is None


def test_a_phase_is_kept_as_it_was_said() -> None:
    assert phase_of({"phase": "commentary"}) == {"phase": "commentary"}
    assert phase_of({"phase": 1}) == phase_of({}) == {}
