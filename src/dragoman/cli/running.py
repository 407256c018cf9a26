"""What a proxy that is running says of itself, as `setup` and `launch` ask it."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.agents.agent import ANY_KEY, Agent, Choice, Model
from dragoman.agents.choosing import chosen, models_in, with_window
from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client
from dragoman.wire import jsons

USUAL: Final = "http://127.0.0.1:8080"
# By these agents go out, to this machine as well unless NO_PROXY names it.
NETWORK_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_HERE: Final = ("127.0.0.1", "localhost")
_TIMEOUTS: Final = Timeouts(connect=2.0, first_byte=5.0, idle=5.0)
_MAX_ANSWER: Final = 16 * 2**20


def led_past(origin: str, environment: Mapping[str, str]) -> str:
    """Why agents would not find what listens here, and the remedy; empty where they do."""
    led_by = next((name for name in NETWORK_PROXIES if environment.get(name)), "")
    direct = f"{environment.get('NO_PROXY', '')},{environment.get('no_proxy', '')}".split(",")
    host = urlsplit(origin).hostname
    if not led_by or host not in _HERE or not {host, "*"}.isdisjoint(map(str.strip, direct)):
        return ""
    return (
        f"{led_by} is set, and agents go by it even to {host}: add {host} to NO_PROXY, or start them with"
        " `dragoman launch`, which does."
    )


class Proxy(Struct, frozen=True):
    """models: those the key may use. search: it searches the web."""

    origin: str
    key: str
    models: tuple[Model, ...] = ()
    search: bool = False

    def choice(
        self,
        agent: Agent,
        wanted: Sequence[str],
        effort: str = "",
        *,
        window: int | None = None,
        quiet: bool = True,
    ) -> Choice:
        """Raise UnknownModelError."""
        models, slots = chosen(agent, wanted, self.models)
        return Choice(
            origin=self.origin,
            key=self.key,
            models=with_window(models, window if agent.has_window else None),
            slots=slots,
            effort=effort if agent.has_effort else "",
            search=self.search,
            quiet=quiet,
        )


class NoProxyError(Exception):
    """Nobody answers there, or somebody else does; the message says which."""


class NoKeyError(Exception):
    """It is a proxy, and wants another key or any, or looks at none for a while; the message says so."""


def origin_of(url: str) -> str:
    """What people copy ends in `/v1` or in a slash. Raise ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is no address of a proxy: write it as in {USUAL}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/v1').rstrip('/')}"


def ask(origin: str, key: str) -> Proxy:
    """Raise NoProxyError, NoKeyError. key: "" = none."""
    status, value = asyncio.run(_get(f"{origin}/v1/models/status", key))
    if status == HTTPStatus.TOO_MANY_REQUESTS and (why := _message(value)):  # it looked at no key
        raise NoKeyError(f"{origin} lets nobody in for the moment: {why}")
    if status == HTTPStatus.UNAUTHORIZED and _message(value):
        given = "does not know this key" if key else "wants a key"
        raise NoKeyError(f"{origin} {given}: give yours with --key, or in DRAGOMAN_KEY")
    if status == 200 and isinstance(value, dict) and value.get("object") == "dragoman.status":
        return Proxy(origin, key or ANY_KEY, models_in(value), value["search"])
    raise NoProxyError(f"what answers at {origin} is no Dragoman (HTTP {status})")


def _message(value: Any) -> str:
    error = value.get("error") if isinstance(value, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


async def _get(url: str, key: str) -> tuple[int, Any]:
    """Status and answer, None where that is not JSON."""
    net = Client()
    headers = [("authorization", f"Bearer {key}")] if key else []
    try:
        reply = await net.send("GET", url, headers, b"", _TIMEOUTS)
        body = await reply.read_all(_MAX_ANSWER)
    except Problem:
        raise NoProxyError(f"no proxy answers at {url.removesuffix('/v1/models/status')}") from None
    finally:
        await net.close()
    try:
        return reply.status, jsons.read(body)
    except jsons.JSONError:
        return reply.status, None
