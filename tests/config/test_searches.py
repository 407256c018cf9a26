"""Accounts of web search, as they may be written and as they may not."""

import pytest

from dragoman.config.load import load_bytes
from dragoman.config.searches import provider_of
from dragoman.hub.route import Secret

GOOD = "models: [{name: m, backends: ['http://127.0.0.1:1/v1']%s}]\n"


def complaints(processors: str, own: str = "") -> list[str]:
    text = GOOD % (f", processors: {own}" if own else "") + f"processors: {processors}\n"
    return [f"{finding.path}: {finding.message}" for finding in load_bytes(text.encode(), {}).findings]


@pytest.mark.parametrize(
    ("processors", "says"),
    [
        ("{web_search: [{provider: tavily}]}", "processors.web_search[0].key: is required for tavily"),
        ("{web_search: exa}", "processors.web_search[0].key: is required for exa"),
        ("{web_search: searxng}", "processors.web_search[0].url: is required for searxng"),
        ("{web_search: [{provider: kagi, key: a, api_key: b}]}", "processors.web_search[0].api_key: is the same field"),
        ("{web_search: [{provider: searxng, url: 'ftp://x'}]}", "processors.web_search[0].url: must begin with http"),
        ("{web_search: [{provider: tavilly, key: x}]}", "did you mean tavily?"),
        ("{web_search: [{key: x}]}", "processors.web_search[0].provider: is required"),
        (
            "{web_search_key: sk-1}",
            "processors.web_search_key: is not used: it must begin with `tvly-` (tavily) or `BSA` (brave)",
        ),
    ],
)
def test_what_is_wrong(processors: str, says: str) -> None:
    assert any(says in complaint for complaint in complaints(processors))


def test_a_models_own_key() -> None:
    assert any(
        "models[0].processors.web_search_key: is not used" in text for text in complaints("{}", "{web_search_key: x}")
    )


@pytest.mark.parametrize(
    "processors", ["{web_search_key: none}", "{web_search_key: BSA1}", "{web_search: [duckduckgo]}"]
)
def test_what_is_right(processors: str) -> None:
    assert complaints(processors) == []


def test_no_complaint_shows_a_key() -> None:
    assert "hunter2" not in str(
        complaints("{web_search_key: hunter2, web_search: [{provider: exa, key: hunter2, api_key: hunter2}]}")
    )


@pytest.mark.parametrize(("key", "name"), [("tvly-dev-1", "tavily"), ("BSAx", "brave"), ("bsa", None), ("", None)])
def test_whose_a_key_is(key: str, name: str | None) -> None:
    assert provider_of(Secret(key)) == name
