"""A URL as what a client needs of it: the origin to connect to, and the path to ask for."""

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

from dragoman.hub.problems import Problem

PORTS: Final = {"http": 80, "https": 443}
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]")


class Origin(NamedTuple):
    """host: in lower case, IPv6 without brackets, international names in their ASCII form."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """As in `Host`: brackets around IPv6, the port unless it is the scheme's own."""
        return self._bracketed if self.port == PORTS[self.scheme] else self.address

    @property
    def address(self) -> str:
        """As in CONNECT: the port always."""
        return f"{self._bracketed}:{self.port}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        return (ip := ip_of(self.host)) is not None and ip.is_loopback


class Target(NamedTuple):
    """path: with the query, safe to stand in a request line."""

    origin: Origin
    path: str


def ip_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class BadURLError(ValueError):
    """Not a URL we can ask; the message says why, as what follows "the URL ...", and does not quote it."""


@lru_cache(maxsize=512)
def read_target(url: str) -> Target:
    """Read the URL of a backend; raise Problem("unreachable") if it is none."""
    try:
        return target_of(url)
    except BadURLError as error:
        said = f"the backend's `url` {error}; correct it in the configuration"
        raise Problem("unreachable", said, private=url) from None


def target_of(url: str) -> Target:
    """Read an absolute http or https URL, or raise BadURLError."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
        if ip_of(host) is None:
            host = host.encode("idna").decode()
    except ValueError as error:  # UnicodeError, of international names, is one too
        raise BadURLError(f"is malformed ({type(error).__name__})") from None
    if scheme not in PORTS or not host:
        raise BadURLError("does not begin with http:// or https:// and a host name")
    if _UNSAFE.search(host):
        raise BadURLError("has a host name with characters that no host name has")
    if parts.username is not None:
        raise BadURLError("holds a user name or password; take them out, and configure a key where one is needed")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if _UNSAFE.search(path):
        path = quote(path, safe="%/:=&?~#+!$,;'@()*[]")
    return Target(Origin(scheme, host.lower(), port or PORTS[scheme]), path)
