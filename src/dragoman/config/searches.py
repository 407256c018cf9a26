"""Accounts of web search: what a bare key belongs to, and what can be wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Final

from dragoman.config import urls
from dragoman.config.findings import Finding, child, item
from dragoman.config.processors import SearchConfig, SearchProvider
from dragoman.config.schema import Config
from dragoman.hub.route import Secret

# What a key begins with -> whose it is.
PREFIXES: Final[Mapping[str, SearchProvider]] = {"tvly-": "tavily", "BSA": "brave"}
KEYLESS: Final[frozenset[SearchProvider]] = frozenset({"searxng", "duckduckgo"})
NONE: Final = "none"


def provider_of(key: Secret) -> SearchProvider | None:
    """Whose key this is, by what it begins with; None = no telling."""
    return next((name for prefix, name in PREFIXES.items() if key.reveal().startswith(prefix)), None)


def accounts(config: Config) -> Iterator[Finding]:
    for index, account in enumerate(config.processors.web_search):
        yield from _account(account, item("processors.web_search", index))


def _account(account: SearchConfig, path: str) -> Iterator[Finding]:
    if account.key and account.api_key:
        yield Finding(child(path, "api_key"), "is the same field as `key`: keep one")
    elif not (account.key or account.api_key or account.provider in KEYLESS):
        yield Finding(child(path, "key"), f"is required for {account.provider}")
    if account.url:
        yield from urls.complaints(child(path, "url"), account.url)
    elif account.provider == "searxng":
        yield Finding(child(path, "url"), "is required for searxng: write that of yours, as in http://127.0.0.1:8888")


def key_prefixes(config: Config) -> Iterator[Finding]:
    places = {"processors": config.processors.web_search_key} | {
        child(item("models", index), "processors"): model.processors.web_search_key
        for index, model in enumerate(config.models)
    }
    known = " or ".join(f"`{prefix}` ({name})" for prefix, name in PREFIXES.items())
    for path, key in places.items():
        if key and key.reveal() != NONE and provider_of(key) is None:
            message = f"is not used: it must begin with {known}; other services stand in `processors.web_search`"
            yield Finding(child(path, "web_search_key"), message, "warning")
