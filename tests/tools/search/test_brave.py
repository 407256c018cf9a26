"""Brave's own ways."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.tools.search.brave import Brave
from dragoman.tools.search.engine import Heard, Query
from dragoman.wire import jsons
from tests.tools.search.test_engine import asked, heard


def test_the_place_is_said_in_headers_and_the_country_if_it_is_known_there() -> None:
    question = asked(
        Brave(), Query("llama", country="DE", region="Bavaria", city="M\u00fcnchen", timezone="Europe/Berlin")
    )
    assert question.said["country"] == "DE"
    places = {name: value for name, value in question.headers.items() if name.startswith("x-loc-")}
    assert places == {"x-loc-country": "DE", "x-loc-state-name": "Bavaria", "x-loc-timezone": "Europe/Berlin"}
    assert "country" not in asked(Brave(), Query("llama", country="IS")).said


def test_no_header_can_be_made_of_a_place() -> None:
    question = asked(Brave(), Query("llama", city="x\r\nx-evil: 1"))
    assert "x-loc-city" not in question.headers


@pytest.mark.parametrize(("plight", "kind", "wait"), [("busy", "rate_limited", 1), ("quota", "out_of_credit", 1419704)])
def test_the_second_and_the_month_have_limits_of_their_own(plight: object, kind: str, wait: float) -> None:
    with pytest.raises(Problem) as caught:
        Brave().hear(heard(Brave(), Query("llama"), plight))  # type: ignore[arg-type]
    assert (caught.value.kind, caught.value.retry_after) == (kind, wait)


def test_a_limit_without_headers_has_no_time() -> None:
    with pytest.raises(Problem) as caught:
        Brave().hear(Heard(429, {}, b""))
    assert (caught.value.kind, caught.value.retry_after) == ("rate_limited", None)


def test_too_many_words() -> None:
    with pytest.raises(Problem) as caught:
        asked(Brave(), Query("a " * 51))
    assert caught.value.code == "query_too_long"


def test_extra_snippets_follow_the_first_one() -> None:
    item = {
        "url": "https://a.example",
        "title": "A",
        "description": "one <strong>two</strong>",
        "extra_snippets": ["x", 7],
    }
    hits = Brave().hear(Heard(200, {}, jsons.write({"web": {"results": [item]}})))
    assert hits[0].text == "one two\nx"
