"""What the answers of engines have in common."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.tools.search.answers import answer_of, items_in, refusal, seconds_in, tidy, unstressed, with_sites
from dragoman.tools.search.engine import Heard


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, "bad_request", "invalid_tool_input"),
        (401, "backend_refused_us", None),
        (402, "out_of_credit", None),
        (413, "bad_request", "request_too_large"),
        (414, "bad_request", "query_too_long"),
        (418, "backend_failed", None),
        (429, "rate_limited", None),
        (500, "backend_failed", None),
        (503, "overloaded", None),
    ],
)
def test_statuses(status: int, kind: str, code: str | None) -> None:
    problem = refusal("kagi", Heard(status, {"retry-after": "5"}, b"why"))
    assert (problem.kind, problem.code, problem.retry_after) == (kind, code, 5)
    assert problem.private == f"HTTP {status}: why"
    assert "why" not in problem.public


def test_what_is_no_object_is_no_answer() -> None:
    with pytest.raises(Problem, match="JSON"):
        answer_of("kagi", Heard(200, {}, b"[1]"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), (" 7 ", 7), ("", None), (None, None), ("Wed, 21 Oct", None), ("-1", None), ("9" * 12, None)],
)
def test_seconds(text: str | None, seconds: float | None) -> None:
    assert seconds_in(text) == seconds


def test_items() -> None:
    assert items_in({"a": {"b": [{"x": 1}, 7]}}, "a", "b") == [{"x": 1}]
    odd: list[Any] = [None, 7, {"a": []}, {"a": {"b": {}}}]
    assert all(items_in(one, "a", "b") == [] for one in odd)


def test_stress_goes_and_code_stays() -> None:
    assert unstressed("<strong>a</strong> &lt;b&gt; 1 < 2 <br/>vector<int>") == "a <b> 1 < 2 vector<int>"
    assert tidy("  one  two\n\n <div>  three\n") == "one two\n<div> three"


@given(st.text(max_size=50), st.lists(st.just("a.example"), max_size=3), st.lists(st.just("b.example"), max_size=3))
def test_a_query_stays_what_it_is_and_short_enough(text: str, allowed: list[str], blocked: list[str]) -> None:
    said = with_sites(text, tuple(allowed), tuple(blocked), 60)
    assert said.startswith(text)
    assert said == text or len(said) <= 60
