"""Who has which tools."""

import pytest

from dragoman.config.load import load_bytes
from dragoman.config.schema import Config
from dragoman.config.snapshot import Snapshot
from dragoman.net.client import Client
from dragoman.store.results import Results
from dragoman.tools.toolbox import Toolbox, accounts_for
from dragoman.workers.pool import Workers

MODEL = "models: [{name: m, backends: ['http://127.0.0.1:1/v1']%s}]\n"


def config(processors: str, own: str = "") -> Config:
    text = MODEL % (f", processors: {own}" if own else "") + (f"processors: {processors}" if processors else "")
    loaded = load_bytes(text.encode(), {})
    assert loaded.config is not None, loaded.findings
    return loaded.config


def asked(config: Config) -> list[tuple[str, str, str]]:
    accounts = accounts_for(config, config.models[0].processors.web_search_key)
    return [(account.engine.name, account.key.reveal(), account.url) for account in accounts]


@pytest.mark.parametrize(
    ("processors", "own", "accounts"),
    [
        ("", "", []),
        ("{web_search_key: tvly-1}", "", [("tavily", "tvly-1", "https://api.tavily.com")]),
        ("{web_search_key: BSA1}", "", [("brave", "BSA1", "https://api.search.brave.com")]),
        ("{web_search_key: none}", "", []),
        ("{web_search: duckduckgo}", "", [("duckduckgo", "", "https://html.duckduckgo.com")]),
        (
            "{web_search_key: BSA1, web_search: [{provider: searxng, url: 'http://10.0.0.1/x/'}, {provider: exa, api_key: e}]}",
            "",
            [
                ("brave", "BSA1", "https://api.search.brave.com"),
                ("searxng", "", "http://10.0.0.1/x"),
                ("exa", "e", "https://api.exa.ai"),
            ],
        ),
        (
            "{web_search: [{provider: kagi, key: k}]}",
            "{web_search_key: tvly-2}",
            [("tavily", "tvly-2", "https://api.tavily.com")],
        ),
        ("{web_search_key: BSA1}", "{web_search_key: none}", []),
        ("", "{web_search_key: BSA2}", [("brave", "BSA2", "https://api.search.brave.com")]),
    ],
)
def test_accounts(processors: str, own: str, accounts: list[tuple[str, str, str]]) -> None:
    assert asked(config(processors, own)) == accounts


def names(processors: str, own: str = "", *, anyone: bool = False) -> list[str]:
    toolbox = Toolbox(Client.__new__(Client), Results.__new__(Results), Workers())
    return [*toolbox.tools(Snapshot.of(config(processors, own)), None if anyone else "m")]


@pytest.mark.parametrize(
    ("processors", "own", "has"),
    [
        ("", "", []),
        ("{web_search_key: tvly-1}", "", ["web_search", "web_fetch"]),
        ("{web_search_key: tvly-1, web_fetch: false}", "", ["web_search"]),
        ("{web_search_key: tvly-1}", "{web_search_key: none}", []),
        ("{web_fetch: true}", "", ["web_fetch"]),
    ],
)
def test_tools_of_a_model(processors: str, own: str, has: list[str]) -> None:
    assert names(processors, own) == has


def test_tools_of_anyone() -> None:
    assert names("{web_search_key: tvly-1}", "{web_search_key: none}", anyone=True) == ["web_search", "web_fetch"]
    assert names("", anyone=True) == []


def test_what_was_made_for_a_model_is_kept_until_the_next_reload() -> None:
    toolbox = Toolbox(Client.__new__(Client), Results.__new__(Results), Workers())
    before, after = Snapshot.of(config("{web_search_key: BSA1}")), Snapshot.of(config("{web_search_key: none}"))
    first = toolbox.tools(before, "m")
    assert [*first] == ["web_search", "web_fetch"]
    assert toolbox.tools(before, "m") is first
    assert toolbox.tools(before, None) is not first
    assert not toolbox.tools(after, "m")
