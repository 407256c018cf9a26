"""From a model's name to a Route, or to a Problem that says why there is none."""

import difflib
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.config.schema import BackendConfig, BackendType, ModelConfig
from dragoman.config.snapshot import Key, Snapshot
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect
from dragoman.hub.route import Backend, Profile, Route
from dragoman.routing.affinity import affinity_in
from dragoman.routing.balance import in_order
from dragoman.routing.health import ACCOUNT, Health
from dragoman.routing.known import Knowledge, Known, converses
from dragoman.routing.needs import needs_of
from dragoman.routing.profiles import family_of, profile_for
from dragoman.wire import jsons

_DIALECTS: Final[dict[BackendType, Dialect]] = {
    "openai": "openai-chat",
    "anthropic": "anthropic-messages",
    "auto": "openai-chat",
    "responses": "openai-responses",
}
_FAMILY: Final[dict[Dialect, str]] = {
    "openai-chat": "generic",
    "anthropic-messages": "anthropic-like",
    "openai-responses": "generic",
}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_replace: Final = msgspec.structs.replace
_MOST_NAMES: Final = 20
_LONGEST_NAME: Final = 100  # characters


class Router:
    """Computes routes. What it derives from a model's configuration is kept until something new is known.

    has_ocr: this machine has an engine that reads text from pictures.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        chance: random.Random | None = None,
        health: Health | None = None,
        *,
        has_ocr: bool = True,
    ) -> None:
        self._knowledge: Final = knowledge
        self._has_ocr: Final = has_ocr
        self._health: Final = health or Health()
        self._chance: Final = chance or random.Random()  # noqa: S311 - it spreads load, it guards nothing
        self._routes: dict[tuple[int, Dialect], tuple[ModelConfig, Route]] = {}
        self._named: dict[tuple[str, Dialect], Route] = {}  # by what clients ask for in this snapshot
        self._version = -1
        self._snapshot: Snapshot | None = None

    def resolve(
        self,
        snapshot: Snapshot,
        key: Key,
        name: str,
        dialect: Dialect,
        headers: Mapping[str, str] = _NOTHING,
        members: jsons.Members | None = None,
    ) -> Route:
        """Raise Problem: "unknown_model", "forbidden", "unsupported".

        dialect: the client's. headers, members: of the request; they tell what it belongs to, where that matters.
        """
        if self._snapshot is not snapshot:
            # A reload: what refusals have taught may be about another server.
            self._snapshot = snapshot
            self._knowledge.forget_lessons()
            self._named.clear()
        if self._version != self._knowledge.version:
            self._forget_routes()
        route = self._named.get((name, dialect))
        if route is None and snapshot.model(name) is None:
            raise Problem("unknown_model", _unknown(snapshot, key, name), param="model")
        if key.models is not None and name not in key.models and not snapshot.may_use(key, name):
            raise Problem(
                "forbidden",
                f"this key may not use the model {name!r}; it may use {_names(snapshot, key)}",
                param="model",
            )
        if route is None:
            route = self._under_name(snapshot, name, dialect)
        if len(route.backends) == 1:
            return route
        ordered = in_order(route.backends, self._chance, affinity_in(headers, members or {}))
        backends = tuple(sorted(ordered, key=lambda backend: self._health.rests(backend.place)))
        return _replace(route, backends=backends)

    def profile(self, model: ModelConfig, client: Dialect) -> Profile:
        """What is known of the first of the model's backends; of none, if all are disabled."""
        backends = self._route(model, client).backends
        return backends[0].profile if backends else Profile()

    def backends(self, model: ModelConfig) -> tuple[Backend, ...]:
        """All in service, as a Chat client would be served; none if what the file calls them cannot be asked."""
        try:
            return self._route(model, "openai-chat").backends
        except Problem:
            return ()

    def known(self, model: ModelConfig) -> Known:
        """What the model's backends told: of windows the smallest, since any of them may be asked."""
        found = [self._knowledge.of(backend.url.rstrip("/"), model.backend_model) for backend in model.in_service]
        online = [self.online(model, backend) for backend in model.in_service]
        merged = Known(
            family=next((k.family for k in found if k.family), None),
            context_window=min((k.context_window for k in found if k.context_window), default=None),
            max_output=min((k.max_output for k in found if k.max_output), default=None),
            vision=next((k.vision for k in found if k.vision is not None), None),
            converses=next((k.converses for k in found if k.converses is not None), None),
        )
        return _replace(merged, online=True if True in online else False if False in online else None)

    def converses(self, model: ModelConfig) -> bool:
        """Whether agents are offered it: one for embeddings or reranking alone is there for who asks for it."""
        told = self.known(model).converses
        return converses(model.backend_model) if told is None else told

    def online(self, model: ModelConfig, backend: BackendConfig) -> bool | None:
        """Whether the backend answers; None = it was never asked."""
        url = backend.url.rstrip("/")
        known = self._health.online(url)
        return self._knowledge.of(url, model.backend_model).online if known is None else known

    def _under_name(self, snapshot: Snapshot, name: str, dialect: Dialect) -> Route:
        """The route of the model that this name or alias means, with its backends in the file's order."""
        model = snapshot.models[snapshot.spelled(name)]
        route = self._route(model, dialect)
        if not route.backends:
            raise Problem("unreachable", f"all backends of the model {shown(name)} are disabled")
        pipeline = snapshot.pipeline(model)
        if pipeline.engine and not self._has_ocr:
            pipeline = _replace(pipeline, engine=False)
        backends = tuple(_replace(backend, needs=needs_of(pipeline, backend)) for backend in route.backends)
        route = _replace(route, model=name, pipeline=pipeline, backends=backends)
        if len(name) <= _LONGEST_NAME:  # an open alias has names as many and as long as clients make up
            if len(self._named) >= 10 * _MOST_NAMES:
                self._named.clear()
            self._named[name, dialect] = route
        return route

    def _forget_routes(self) -> None:
        """Something new is known."""
        self._routes.clear()
        self._named.clear()
        self._version = self._knowledge.version

    def _route(self, model: ModelConfig, dialect: Dialect) -> Route:
        if self._version != self._knowledge.version:
            self._forget_routes()
        kept = self._routes.get((id(model), dialect))
        if kept is not None and kept[0] is model:
            return kept[1]
        if len(self._routes) > 10 * _MOST_NAMES:  # models of snapshots that are gone
            self._routes.clear()
        route = self._make(model, dialect)
        self._routes[id(model), dialect] = (model, route)
        return route

    def _make(self, model: ModelConfig, dialect: Dialect) -> Route:
        known = self.known(model)
        backends = tuple(self._backend(model, backend, dialect) for backend in model.in_service)
        return Route(
            model=model.name,
            configured=model.name,
            is_found=model.type == "auto",
            backend_model=model.backend_model,
            backends=backends,
            timeouts=model.timeouts,
            defaults=model.defaults.wishes,
            on_loss=model.on_loss,
            context_window=known.context_window or model.context_window or None,
            max_output=known.max_output or model.max_output_tokens or None,
        )

    def _backend(self, model: ModelConfig, backend: BackendConfig, client: Dialect) -> Backend:
        url = backend.url.rstrip("/")
        known = self._knowledge.of(url, model.backend_model)
        dialect = spoken_to(model, client, known)
        family = model.profile.family or known.family or family_of(url) or _FAMILY[dialect]
        vision = model.supports_vision if model.supports_vision is not None else known.vision
        profile: Profile = profile_for(family, model.backend_model)
        if vision is not None:
            profile = _replace(profile, vision=vision)
        if lessons := self._knowledge.lessons(url, model.backend_model):
            profile = _replace(profile, **lessons)
        return Backend(
            url=url,
            key=backend.api_key or model.api_key,
            dialect=dialect,
            profile=model.profile.over(profile),
            weight=backend.weight,
            max_inflight=backend.max_inflight,
            place=place_in(model, backend),
        )


def place_in(model: ModelConfig, backend: BackendConfig) -> str:
    """Where a backend in service is: behind the URL of two accounts, which of them."""
    url = backend.url.rstrip("/")
    keys = [each.api_key for each in model.in_service if each.url.rstrip("/") == url]
    return url if len(keys) == 1 else f"{url}{ACCOUNT}{keys.index(backend.api_key)}"


def spoken_to(model: ModelConfig, client: Dialect, known: Known) -> Dialect:
    """The dialect in which this model's backend is asked on behalf of such a client. known: of that backend."""
    if client == "anthropic-messages" and model.messages_mode == "native":
        return "anthropic-messages"
    if client == "anthropic-messages" and model.messages_mode == "translate":
        return "openai-chat"
    if client == "openai-responses" and model.responses_mode == "native":
        return "openai-responses"
    if model.type == "auto" and known.speaks:
        return known.speaks[0]
    dialect = _DIALECTS.get(model.type)
    if dialect is None:
        raise Problem("unsupported", f"backends of `type: {model.type}` (model {model.name!r}) cannot be asked yet")
    return dialect


def _unknown(snapshot: Snapshot, key: Key, name: str) -> str:
    """The words "model ... not found" are what OpenCode (1.18) recognises and stops at."""
    names = snapshot.names_for(key)
    close = difflib.get_close_matches(name[:_LONGEST_NAME], names, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there is {_names(snapshot, key)}"
    return f"model {shown(name)} not found: {hint}"


def shown(name: str) -> str:
    """A model's name as a message quotes it: it came from the client, and may be anything."""
    return repr(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")


def _names(snapshot: Snapshot, key: Key) -> str:
    names = snapshot.names_for(key)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more if names else "none"
