"""The ASGI application and composition root: the only file that knows everyone.

Raw ASGI on purpose: a framework's request objects and middleware cost more than the whole translation.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.config.watch import Watch as ConfigWatch
from dragoman.gateway import exchange, passthrough, respond
from dragoman.gateway.call import Call, Send
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.pulses import Pulses
from dragoman.gateway.responder import Responder
from dragoman.hub.problems import Problem
from dragoman.net.client import Client
from dragoman.protocols import CLIENTS
from dragoman.protocols.codec import ClientSide
from dragoman.protocols.seals import Sealer
from dragoman.routing.calibration import Calibration
from dragoman.routing.discover import Discovery
from dragoman.routing.known import Knowledge
from dragoman.routing.resolve import Router
from dragoman.server.addresses import TrustedProxies
from dragoman.server.keys import Door
from dragoman.server.limits import FailedLogins
from dragoman.server.models import codex_catalog, list_models, one_model
from dragoman.server.requests import Body, Receive, Scope, Watch, headers_of
from dragoman.server.websocket import ResponsesSocket
from dragoman.wire import jsons

_MESSAGES: Final = CLIENTS["anthropic-messages"]
_CHAT: Final = CLIENTS["openai-chat"]
_RESPONSES: Final = CLIENTS["openai-responses"]


class _Post(NamedTuple):
    """An endpoint that takes a body. client: whose envelope its errors have."""

    client: ClientSide
    endpoint: exchange.Endpoint


# The allowlist of paths: whatever is not here or below in `App` is 404.
_POSTS: Final[Mapping[str, _Post]] = {
    "/v1/messages": _Post(_MESSAGES, exchange.on_model(exchange.answer)),
    "/v1/messages/count_tokens": _Post(_MESSAGES, exchange.on_model(exchange.count)),
    "/v1/chat/completions": _Post(_CHAT, exchange.on_model(exchange.answer)),
    "/v1/responses": _Post(_RESPONSES, exchange.on_model(respond.respond)),
    "/v1/responses/compact": _Post(_RESPONSES, exchange.on_model(respond.respond_compact)),
    "/v1/responses/input_tokens": _Post(_RESPONSES, exchange.on_model(respond.count_input)),
    **{path: _Post(_CHAT, exchange.pass_through) for path in passthrough.PATHS},
}
_READS: Final = ("GET", "HEAD")


class App:
    """config_path: the file to watch for changes; None = there is none."""

    def __init__(self, config: ConfigSource, config_path: Path | None = None, digest: bytes = b"") -> None:
        self._config: Final = config
        self._watch: Final = ConfigWatch(config_path, config, digest=digest) if config_path is not None else None
        self._failed: Final = FailedLogins()
        self._gateway: Gateway | None = None
        self._proxies = (config.current, TrustedProxies(config.current.config.trusted_proxies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
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
        knowledge, pulses = Knowledge(), Pulses()
        pulses.every = self._config.current.config.ping_seconds
        discovery = Discovery(self._config, net, knowledge)
        self._gateway = Gateway(
            self._config, net, knowledge, Router(knowledge), pulses, Calibration(), Sealer(secrets.token_bytes(32))
        )
        chores = await house.enter_async_context(asyncio.TaskGroup())
        tasks = [chores.create_task(pulses.run()), chores.create_task(discovery.run())]
        if self._watch is not None:

            def swapped(snapshot: Snapshot) -> None:
                pulses.every = snapshot.config.ping_seconds
                knowledge.forget_lessons()
                discovery.look_again()

            tasks.append(chores.create_task(self._watch.run(on_swap=swapped)))

        def end() -> None:
            for task in tasks:
                task.cancel()

        house.callback(end)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = self._gateway
        if gateway is None:
            raise RuntimeError("the application was called before its lifespan began")
        path, method, headers = routed_path(scope["path"]), scope["method"], headers_of(scope)
        request_id = f"req_{secrets.token_hex(12)}"
        async with Watch(receive) as watch:
            body, door = Body(receive, headers), self._door(scope, headers)

            async def read_body(limit: int) -> bytes:
                read = await body(limit)
                watch.start()
                return read

            query = scope["query_string"].decode("latin-1")
            call = Call(request_id, method, path, query, headers, door, read_body, send, watch.stop)
            post = _POSTS.get(path) if method == "POST" else None
            if post is not None:
                await exchange.exchange(call, post.client, post.endpoint, gateway)
            else:
                await self._other(call, gateway)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = self._gateway
        if gateway is None:
            raise RuntimeError("the application was called before its lifespan began")
        post = _POSTS["/v1/responses"]
        if routed_path(scope["path"]) != "/v1/responses":
            await send({"type": "websocket.close"})
            return
        headers = headers_of(scope)
        socket = ResponsesSocket(self._door(scope, headers), headers, post.client, post.endpoint, gateway)
        await socket.serve(receive, send)

    def _door(self, scope: Scope, headers: Mapping[str, str]) -> Door:
        snapshot = self._config.current
        if self._proxies[0] is not snapshot:
            self._proxies = (snapshot, TrustedProxies(snapshot.config.trusted_proxies))
        proxies = self._proxies[1]

        def address() -> str:
            peer = scope["client"][0] if scope.get("client") else None
            forwarded = headers.get("x-forwarded-for")
            return proxies.client(peer, [forwarded] if forwarded else [], headers.get("x-real-ip"))

        return Door(self._failed, address, headers)

    async def _other(self, call: Call, gateway: Gateway) -> None:
        """Everything that asks no model."""
        client = _envelope(call)
        responder = Responder(call.send, call.id, call.over)
        try:
            said = await self._read(call, gateway)
        except Problem as problem:
            await responder.fail(problem, client.write_problem(problem, call.id))
        else:
            await responder.whole(200, b"" if call.method == "HEAD" else jsons.write(said))

    async def _read(self, call: Call, gateway: Gateway) -> Any:
        reader = self._reader(call, gateway)
        if call.path in _POSTS:
            raise Problem("wrong_method", f"{call.path} takes POST, not {call.method}")
        if reader is None:
            raise Problem("unknown_path", f"there is no {call.method} {call.path} here")
        if call.method not in _READS:
            raise Problem("wrong_method", f"{call.path} takes GET, not {call.method}")
        return await reader()

    def _reader(self, call: Call, gateway: Gateway) -> Callable[[], Awaitable[Any]] | None:
        if call.path == "/healthz":
            return _healthy
        if call.path == "/api/hello":  # Claude Code (2.1) asks whether the line works
            return _healthy
        snapshot = self._config.current
        if call.path == "/v1/models":

            async def models() -> Any:
                listed = codex_catalog if "client_version=" in call.query else list_models
                return listed(snapshot, await call.admit(snapshot), gateway.router)

            return models
        if call.path.startswith("/v1/models/"):
            name = unquote(call.path.removeprefix("/v1/models/"))

            async def model() -> Any:
                return one_model(name, snapshot, await call.admit(snapshot), gateway.router)

            return model
        return None


async def _healthy() -> Any:
    return {"status": "ok"}


def routed_path(path: str) -> str:
    """Forgive what users put into base URLs: a doubled /v1, the /anthropic prefix, a trailing or doubled slash."""
    while "//" in path:
        path = path.replace("//", "/")
    path = path.rstrip("/").removeprefix("/anthropic") or "/"
    while path.startswith("/v1/v1/"):
        path = path[3:]
    return path


def _envelope(call: Call) -> ClientSide:
    """In whose words to complain where the path alone does not tell."""
    messages = "/messages" in call.path or "anthropic-version" in call.headers
    return _MESSAGES if messages else _CHAT
