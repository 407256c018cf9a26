"""SearXNG's own ways."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.tools.search.engine import Heard, Query
from dragoman.tools.search.searxng import SearXNG
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
