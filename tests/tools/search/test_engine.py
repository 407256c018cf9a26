"""What holds for every engine: it asks so that its service understands, and hears what it says, good or bad."""

from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import pytest

from dragoman.config.processors import SearchProvider
from dragoman.config.searches import KEYLESS
from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.tools.search import ENGINES
from dragoman.tools.search.engine import Engine, Heard, Query
from dragoman.wire import jsons
from tests import engines
from tests.engines import KEYS, PAGES, Plight, Question

BASE = "https://engine.example"
every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)


def asked(engine: Engine, query: Query, key: str | None = None) -> Question:
    """The question as the stand-in hears it."""
    question = engine.ask(query, BASE, Secret(KEYS[engine.name] if key is None else key))
    assert question.url.startswith(f"{BASE}/")
    parts = urlsplit(question.url)
    said = dict(parse_qsl(parts.query))
    headers = dict(question.headers)
    if headers.get("content-type") == "application/json":
        said |= jsons.read(question.body)
    elif question.body:
        said |= dict(parse_qsl(question.body.decode()))
    return Question(engine.name, question.method, parts.path, headers, said)


def heard(engine: Engine, query: Query, plight: Plight = "well", key: str | None = None) -> Heard:
    given = engines.answer(asked(engine, query, key), PAGES, plight)
    return Heard(given.status, dict(given.headers), given.body)


def test_the_configuration_knows_the_same_engines() -> None:
    assert {engine.name for engine in ENGINES} == set(get_args(SearchProvider)) == set(engines.ENGINES)
    assert {engine.name for engine in ENGINES if not engine.needs_key} == KEYLESS
    assert {engine.name for engine in ENGINES if not engine.home} == {"searxng"}


@every_engine
def test_what_is_found(engine: Engine) -> None:
    hits = engine.hear(heard(engine, Query("llama")))
    assert [hit.url for hit in hits] == [page.url for page in PAGES]
    assert [hit.title for hit in hits] == [page.title for page in PAGES]
    assert [hit.text for hit in hits] == [page.text for page in PAGES]
    if engine.name not in ("searxng", "duckduckgo"):
        assert [hit.age is not None for hit in hits] == [bool(page.age) for page in PAGES]


@every_engine
def test_nothing_found_is_no_problem(engine: Engine) -> None:
    assert engine.hear(heard(engine, Query("llama"), "nothing")) == []


@every_engine
@pytest.mark.parametrize(
    ("plight", "kinds"),
    [
        ("key", {"backend_refused_us"}),
        ("quota", {"out_of_credit"}),
        ("busy", {"rate_limited"}),
        ("dead", {"backend_failed"}),
        ("rubbish", {"backend_failed"}),
    ],
)
def test_what_goes_wrong(engine: Engine, plight: Plight, kinds: set[str]) -> None:
    if engine.name in KEYLESS:
        kinds = kinds & {"backend_failed", "rate_limited"} or {"backend_failed", "rate_limited"}
    with pytest.raises(Problem) as caught:
        engine.hear(heard(engine, Query("llama"), plight))
    assert caught.value.kind in kinds
    assert caught.value.public.startswith((f"{engine.name} ", "none of the engines"))
    assert "<" not in caught.value.public


@every_engine
def test_a_key_that_is_not_known(engine: Engine) -> None:
    if engine.needs_key:
        with pytest.raises(Problem) as caught:
            engine.hear(heard(engine, Query("llama"), key="wrong"))
        assert caught.value.kind == "backend_refused_us"


@every_engine
def test_domains_are_said_in_whatever_way_there_is(engine: Engine) -> None:
    said = asked(engine, Query("llama", allowed=("a.example", "b.example"))).said
    assert all(domain in str(said) for domain in ("a.example", "b.example"))
    said = asked(engine, Query("llama", blocked=("spam.example",))).said
    assert "spam.example" in str(said)


@every_engine
def test_domains_never_make_a_query_too_long(engine: Engine) -> None:
    many = tuple(f"domain-number-{number}.example" for number in range(200))
    said = asked(engine, Query("llama", allowed=many))
    assert len(said.query) <= engine.longest
    assert "llama" in said.query


@every_engine
def test_odd_queries_arrive_as_they_are(engine: Engine) -> None:
    odd = "C++ & C# 100% \u9a6c? a=b #1"
    assert asked(engine, Query(odd)).query == odd


@every_engine
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"7", b'"x"', b"{", b"\xff"])
def test_answers_of_another_shape_are_problems_and_no_crash(engine: Engine, body: bytes) -> None:
    with pytest.raises(Problem):
        engine.hear(Heard(200, {}, body))


@every_engine
@pytest.mark.parametrize("where", ["results", "web", "organic", "data"])
@pytest.mark.parametrize("what", [None, 7, "x", {}, [], [7], [{}], [{"url": 7, "title": None, "t": 0}]])
def test_members_of_another_shape_are_passed_over(engine: Engine, where: str, what: object) -> None:
    try:
        hits = engine.hear(Heard(200, {}, jsons.write({where: what})))
    except Problem:
        return
    assert all(not hit.url for hit in hits)
