"""Tavily's own ways."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.tools.search.engine import Heard, Query
from dragoman.tools.search.tavily import Tavily
from dragoman.wire import jsons
from tests.tools.search.test_engine import asked, heard


def test_domains_have_fields_of_their_own() -> None:
    said = asked(Tavily(), Query("llama", 30, allowed=("a.example",), blocked=("b.example",))).said
    assert said == {
        "query": "llama",
        "max_results": 20,
        "search_depth": "basic",
        "include_domains": ["a.example"],
        "exclude_domains": ["b.example"],
    }


@pytest.mark.parametrize("status", [432, 433])
def test_both_limits_of_an_account(status: int) -> None:
    with pytest.raises(Problem) as caught:
        Tavily().hear(Heard(status, {}, b"{}"))
    assert caught.value.kind == "out_of_credit"


def test_how_long_to_wait_is_said_in_a_header_or_in_the_envelope() -> None:
    with pytest.raises(Problem) as caught:
        Tavily().hear(heard(Tavily(), Query("llama"), "busy"))
    assert caught.value.retry_after == 7
    envelope = jsons.write({"error": {"code": "keyless_limit", "retry_after_seconds": 60}})
    with pytest.raises(Problem) as caught:
        Tavily().hear(Heard(429, {}, envelope))
    assert caught.value.retry_after == 60


def test_a_query_that_is_too_long_is_the_queries_fault() -> None:
    with pytest.raises(Problem) as caught:
        Tavily().hear(heard(Tavily(), Query("x" * 401)))
    assert (caught.value.kind, caught.value.code) == ("bad_request", "invalid_tool_input")
