"""Which tools there are for a model: what the configuration gives it, and nothing else."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.about import NO_SECRET
from dragoman.config.processors import SearchConfig
from dragoman.config.schema import Config, ModelConfig
from dragoman.config.searches import NONE, provider_of
from dragoman.config.snapshot import Snapshot
from dragoman.hub.route import Secret
from dragoman.net.client import Client
from dragoman.store.results import Results
from dragoman.tools.search import ENGINES
from dragoman.tools.search.asking import Searches
from dragoman.tools.search.engine import Account
from dragoman.tools.tool import ServerTool
from dragoman.tools.web_fetch import Pages, WebFetch
from dragoman.tools.web_search import WebSearch
from dragoman.workers.pool import Workers

_MOST_KEPT: Final = 1_000  # an alias that ends in `*` has any number of names
_ENGINES: Final = {engine.name: engine for engine in ENGINES}


class Toolbox:
    """One per process: what it knows of accounts that rest, and of answers, is everybody's."""

    def __init__(self, net: Client, results: Results, workers: Workers) -> None:
        self._searches: Final = Searches(net, results)
        self._pages: Final = Pages(net, results, workers)

        self._snapshot: Snapshot | None = None
        self._kept: dict[str | None, Mapping[str, ServerTool]] = {}  # of that snapshot, by model

    def tools(self, snapshot: Snapshot, name: str | None) -> Mapping[str, ServerTool]:
        """The tools that the proxy runs for the model of this name or alias, by kind; none where nothing is configured.

        None = for whoever asks for a tool without a model, as over MCP.
        """
        if self._snapshot is not snapshot or len(self._kept) > _MOST_KEPT:
            self._snapshot, self._kept = snapshot, {}
        tools = self._kept.get(name)
        if tools is None:
            model = None if name is None else snapshot.model(name)
            tools = self._kept[name] = self._made(snapshot.config, model)
        return tools

    def _made(self, config: Config, model: ModelConfig | None) -> Mapping[str, ServerTool]:
        accounts = accounts_for(config, NO_SECRET if model is None else model.processors.web_search_key)
        tools: list[ServerTool] = [WebSearch(self._searches, accounts)] if accounts else []
        fetches = config.processors.web_fetch
        if fetches or (fetches is None and accounts):
            tools.append(WebFetch(self._pages, config.allowed))
        return {tool.declaration.name: tool for tool in tools}


def accounts_for(config: Config, own_key: Secret = NO_SECRET) -> tuple[Account, ...]:
    """own_key: a model's own, which takes the place of all others; "none": there are none for it."""
    processors = config.processors
    if own_key:
        return _of_key(own_key)
    return (*_of_key(processors.web_search_key), *map(_account, processors.web_search))


def _of_key(key: Secret) -> tuple[Account, ...]:
    name = provider_of(key) if key and key.reveal() != NONE else None
    return () if name is None else (Account(_ENGINES[name], key, _ENGINES[name].home),)


def _account(said: SearchConfig) -> Account:
    engine = _ENGINES[said.provider]
    return Account(engine, said.key or said.api_key, said.url.rstrip("/") or engine.home)
