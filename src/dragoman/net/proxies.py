"""The HTTP proxy the environment names for an origin, read as curl and Python's urllib read it.

`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in either case; urllib ignores upper-case `HTTP_PROXY` under
CGI. `NO_PROXY` lists, between commas, names (whose subdomains count too), names with a port, addresses, networks like
10.0.0.0/8, or `*`.
"""

import base64
import ipaddress
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from dragoman.hub.problems import Problem
from dragoman.net.target import Origin, ip_of

_SUFFIX: Final = "_proxy"


class Proxy(NamedTuple):
    """authorization: the value of `proxy-authorization`, if the proxy's URL has a user name."""

    host: str
    port: int
    authorization: str | None = None


class Proxies:
    """The environment's proxies as they are now; later changes are not seen."""

    def __init__(self) -> None:
        self._urls: Final = _urls(os.environ)
        self._direct: Final = [entry.strip().lower() for entry in self._urls.get("no", "").split(",")]
        self.find: Final = lru_cache(maxsize=1024)(self._find)

    def _find(self, origin: Origin) -> Proxy | None:
        """Raise Problem("unreachable") if the proxy for this origin is of a kind we cannot use."""
        url = self._urls.get(origin.scheme) or self._urls.get("all")
        if not url or origin.is_loopback or any(_names(entry, origin) for entry in self._direct):
            return None
        return read_proxy(url)


def _urls(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxies by scheme. `urllib.request` has this too, and an HTTP client with it: 2 MiB that nobody needs."""
    urls: dict[str, str] = {}
    for name, value in environment.items():
        if value and name.lower().endswith(_SUFFIX):
            urls[name.lower().removesuffix(_SUFFIX)] = value
    if "REQUEST_METHOD" in environment:  # CGI, where `HTTP_PROXY` is a header that the client has sent
        urls.pop("http", None)
    for name, value in environment.items():  # in lower case it counts more, even if it says that there is none
        if name.endswith(_SUFFIX):
            urls[name.removesuffix(_SUFFIX).lower()] = value
    return {scheme: url for scheme, url in urls.items() if url}


def read_proxy(url: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is taken for http://."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        raise _unusable("malformed") from None
    if parts.scheme != "http" or not host:
        raise _unusable(f"{parts.scheme}://{host}")
    return Proxy(host, port, _authorization(parts.username, parts.password))


def _unusable(private: str) -> Problem:
    return Problem(
        "unreachable",
        "the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names must be an http:// URL; "
        "change it, or name the backend's host in NO_PROXY",
        private=private,
    )


def _authorization(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _names(entry: str, origin: Origin) -> bool:
    """Does this entry of NO_PROXY mean this origin?"""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry, origin.host)
    name = entry.lstrip(".")
    return bool(name) and any(f".{host}".endswith(f".{name}") for host in (origin.host, origin.address))


def _in_network(entry: str, host: str) -> bool:
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
    ip = ip_of(host)
    return ip is not None and ip in network
