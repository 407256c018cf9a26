"""The application and composition root: the only file that knows everyone.

It is asked by connection.py, and by uvicorn for its life and for WebSockets. No framework on purpose: its request objects
and middleware cost more than the whole translation.
"""

import asyncio
import contextlib
import functools
import logging
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from dragoman.config.data_dir import data_directory, ledger_file
from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.config.watch import Watch as ConfigWatch
from dragoman.gateway import exchange, passthrough, respond
from dragoman.gateway.books import Books
from dragoman.gateway.call import Call, new_id
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.layout import Layout
from dragoman.gateway.parse_layout import parse_layout
from dragoman.gateway.pulses import Pulses
from dragoman.ledger.ledger import Ledger
from dragoman.ledger.metrics import Metrics
from dragoman.ledger.tables import LEDGER
from dragoman.net.client import Client
from dragoman.protocols import CLIENTS
from dragoman.protocols.codec import ClientSide
from dragoman.protocols.seals import Sealer
from dragoman.routing.calibration import Calibration
from dragoman.routing.discover import Discovery
from dragoman.routing.health import Health
from dragoman.routing.known import Knowledge
from dragoman.routing.load import Load, limits_of
from dragoman.routing.resolve import Router
from dragoman.server import mcp
from dragoman.server.addresses import TrustedProxies
from dragoman.server.asgi import Receive, Scope, Send, headers_of, peer_of
from dragoman.server.chores import Chore, keep_doing
from dragoman.server.keys import Door
from dragoman.server.limits import FailedLogins
from dragoman.server.pages.admin import AdminPages, ConfigFile
from dragoman.server.pages.generator import Generator
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.metrics import MetricsPage
from dragoman.server.pages.overview import Overview
from dragoman.server.pages.pages import Pages
from dragoman.server.pages.trial import try_model
from dragoman.server.pages.usage import HOME, UsagePages
from dragoman.server.paths import routed_path
from dragoman.server.reads import read
from dragoman.server.requests import HTTPRequest
from dragoman.server.websocket import ResponsesSocket, refuse_path
from dragoman.store.database import Database
from dragoman.store.response_tables import RESPONSES, Limits
from dragoman.store.responses import KeptResponses
from dragoman.store.results import RESULTS, Results
from dragoman.store.secret import secret_in
from dragoman.store.vault import VAULT, Vault
from dragoman.tools.toolbox import Toolbox
from dragoman.workers.pool import Workers

_log: Final = logging.getLogger("dragoman.server")
_MESSAGES: Final = CLIENTS["anthropic-messages"]
_CHAT: Final = CLIENTS["openai-chat"]
_RESPONSES: Final = CLIENTS["openai-responses"]


class _Post(Struct, frozen=True):
    """An endpoint that is an exchange. client: whose envelope its errors have."""

    client: ClientSide
    endpoint: exchange.Endpoint


# The allowlist of paths: whatever is not here or in reads.py is 404.
_POSTS: Final[Mapping[str, _Post]] = {
    "/v1/messages": _Post(_MESSAGES, exchange.on_model(exchange.answer)),
    "/v1/messages/count_tokens": _Post(_MESSAGES, exchange.on_model(exchange.count)),
    "/v1/chat/completions": _Post(_CHAT, exchange.on_model(exchange.answer)),
    "/v1/responses": _Post(_RESPONSES, exchange.on_model(respond.respond)),
    "/v1/responses/compact": _Post(_RESPONSES, exchange.on_model(respond.respond_compact)),
    "/v1/responses/input_tokens": _Post(_RESPONSES, exchange.on_model(respond.count_input)),
    "/layout-parsing": _Post(_CHAT, parse_layout),
    mcp.STREAMABLE: _Post(_CHAT, mcp.post),
    **{path: _Post(_CHAT, exchange.pass_through) for path in passthrough.PATHS},
}
_NO_WAY_IN: Final = (
    "the usage dashboard is on, and nobody can log in: set `usage_dashboard_password`, or restart for a link"
)
_DAY: Final = 86_400.0  # seconds
_MEBI: Final = 2**20
_TAKE_POST: Final = frozenset({*_POSTS, mcp.MESSAGES})


class App:
    """config_path: the file to watch for changes; None = there is none. knowledge: what is known of backends already.

    env: the environment in which the file is read.
    """

    def __init__(
        self,
        config: ConfigSource,
        config_path: Path | None = None,
        digest: bytes = b"",
        knowledge: Knowledge | None = None,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._config: Final = config
        self._config_path: Final = config_path
        self._env: Final = env
        self._knowledge: Final = knowledge or Knowledge()
        self._watch: Final = ConfigWatch(config_path, config, digest=digest, env=env) if config_path else None
        self._failed: Final = FailedLogins()
        self._failed_visits: Final = FailedLogins()  # apart: who forgets his password keeps his agents
        self._logins: Final = Logins()
        self._pages = Pages(config, {})
        self._streams: Final = mcp.Streams()
        self._endpoints: Final[Mapping[tuple[str, str], _Post]] = {
            **{("POST", path): post for path, post in _POSTS.items()},
            ("POST", mcp.MESSAGES): _Post(_CHAT, self._streams.say),
            ("GET", mcp.STREAM): _Post(_CHAT, self._streams.listen),
            ("GET", passthrough.VOICES): _Post(_CHAT, exchange.voices),
        }
        self._gateway: Gateway | None = None
        self._proxies = (config.current, TrustedProxies(config.current.config.trusted_proxies))

    def dashboard(self, origin: str) -> str | None:
        """Where to see the usage; None = nowhere. Without a password it is a link that lets in whoever has it, once.

        What is behind `#` stays in the browser: no log on the way has it.
        """
        settings = self._config.current.config
        if not settings.usage_dashboard:
            return None
        return f"{origin}{HOME}" if settings.usage_dashboard_password else f"{origin}{HOME}#{self._logins.link}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as house:
            await self._open(house)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self, house: contextlib.AsyncExitStack) -> None:
        """Start what runs beside the requests; it ends with the house."""
        net = Client()
        house.push_async_callback(net.close)
        knowledge, pulses = self._knowledge, Pulses()
        pulses.every = self._config.current.config.ping_seconds
        health = Health()
        discovery = Discovery(self._config, net, knowledge, health)
        database, sealer = await self._kept(house)
        workers = Workers()
        house.push_async_callback(workers.close)
        results = Results(database)
        house.push_async_callback(results.close)
        store = self._config.current.config.store
        limits = Limits(
            ttl=store.ttl_days * _DAY,
            max_bytes=round(store.max_mb * _MEBI),
            max_bytes_per_owner=round(store.max_mb_per_key * _MEBI),
        )
        books = Books(self._ledger(house), Metrics() if self._config.current.config.metrics_token else None)
        house.callback(books.shut)
        router = Router(knowledge, health=health, has_ocr=workers.ocr_engine is not None)
        load = Load()
        self._gateway = Gateway(
            self._config,
            net,
            knowledge,
            router,
            health,
            load,
            pulses,
            Calibration(),
            sealer,
            KeptResponses(database, limits),
            Vault(database),
            results,
            workers,
            Toolbox(net, results, workers).tools,
            books,
            Layout(net),
        )
        pages = {
            **Generator(router).pages,
            **UsagePages(books, self._logins).pages(),
            **self._admin_pages(self._gateway).pages(),
            **MetricsPage(books).pages(),
        }
        self._pages = Pages(self._config, pages)

        was_open = self._config.current.config.usage_dashboard

        def swapped(snapshot: Snapshot) -> None:
            settings = snapshot.config
            if settings.usage_dashboard and not settings.usage_dashboard_password and not was_open:
                _log.warning(_NO_WAY_IN)
            pulses.every = snapshot.config.ping_seconds
            load.limit(limits_of(settings.models))
            discovery.look_again()

        chores: dict[str, Chore] = {"keeping clients company": pulses.run, "looking at backends": discovery.run}
        if self._watch is not None:
            chores["watching the configuration"] = functools.partial(self._watch.run, on_swap=swapped)
        under_way = await house.enter_async_context(asyncio.TaskGroup())
        for name, chore in chores.items():
            house.callback(under_way.create_task(keep_doing(name, chore)).cancel)

    def _admin_pages(self, gateway: Gateway) -> AdminPages:
        path, watch = self._config_path, self._watch
        file = ConfigFile(path, self._env, watch.now, watch.after_restart) if path and watch else None
        ask = functools.partial(try_model, gateway=gateway)
        return AdminPages(self._config, file, Overview(gateway, self._env), ask, Logins())

    async def _kept(self, house: contextlib.AsyncExitStack) -> tuple[Database, Sealer]:
        """What is kept between requests, and the secret it is sealed with."""
        place = data_directory(self._config.current.config.data_dir, self._env)
        database = Database(place and place / "dragoman.db", (RESPONSES, VAULT, RESULTS))
        house.push_async_callback(asyncio.to_thread, database.close)
        return database, Sealer(secret_in(place))

    def _ledger(self, house: contextlib.AsyncExitStack) -> Ledger | None:
        settings = self._config.current.config
        if not settings.log_metrics:
            return None
        database = Database(ledger_file(settings, self._config_path, self._env), (LEDGER,))
        house.push_async_callback(asyncio.to_thread, database.close)
        return Ledger(database, settings.usage_days)

    def leave(self) -> None:
        """Answers under way are finished; what has no end of its own ends now."""
        self._streams.end()

    def answer(self, request: HTTPRequest) -> Coroutine[Any, Any, None]:
        """Answer one request of a client. It is no coroutine itself: each that waits is walked through at every wake."""
        gateway = self._gateway
        if gateway is None:
            raise RuntimeError("the application was asked before its lifespan began")
        path, method, headers = request.path, request.method, request.headers
        if (place := self._endpoints.get((method, path))) is None:
            path = routed_path(path)
            place = self._endpoints.get((method, path))
        door = Door(self._failed, self._address, request.peer, headers)
        call = Call(new_id(), method, path, request.query, headers, door, request.body.read, request.outlet)
        if place is not None:
            return exchange.exchange(call, place.client, place.endpoint, gateway)
        if (page := self._pages.at(path)) is not None:
            visit = Door(self._failed_visits, self._address, request.peer, headers)
            is_secure = self._trusted().is_secure(request.peer, headers.get("x-forwarded-proto"))
            return self._pages.answer(page, call, visit, is_secure=is_secure)
        return read(call, gateway, _TAKE_POST)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = self._gateway
        if gateway is None:
            raise RuntimeError("the application was called before its lifespan began")
        post = _POSTS["/v1/responses"]
        path = routed_path(scope["path"])
        if path != "/v1/responses":
            await refuse_path(path, post.client, receive, send)
            return
        headers = headers_of(scope)
        door = Door(self._failed, self._address, peer_of(scope), headers)
        await ResponsesSocket(door, headers, post.client, post.endpoint, gateway).serve(receive, send)

    def _address(self, peer: str | None, headers: Mapping[str, str]) -> str:
        """Whose the call is."""
        forwarded = headers.get("x-forwarded-for")
        return self._trusted().client(peer, [forwarded] if forwarded else [], headers.get("x-real-ip"))

    def _trusted(self) -> TrustedProxies:
        snapshot = self._config.current
        if self._proxies[0] is not snapshot:
            self._proxies = (snapshot, TrustedProxies(snapshot.config.trusted_proxies))
        return self._proxies[1]
