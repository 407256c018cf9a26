"""Places on the operator's own networks that a URL from outside may lead to all the same."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAME: Final = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_PORT: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT: Final = 65535


class Place(NamedTuple):
    """Either a host by its name in lower case ("*.corp.example": everything below it), or a network.

    port: only this one; None = any.
    """

    name: str = ""
    network: Network | None = None
    port: int | None = None


class Allowed(Struct, frozen=True):
    places: tuple[Place, ...] = ()

    def by_name(self, host: str, port: int) -> bool:
        """Whether this host is allowed wherever its name leads. host: in lower case."""
        return any(_is_named(place.name, host) for place in self._open_at(port) if place.name)

    def by_address(self, address: Address, port: int) -> bool:
        return any(address in place.network for place in self._open_at(port) if place.network is not None)

    def _open_at(self, port: int) -> list[Place]:
        return [place for place in self.places if place.port in (None, port)]


NOTHING: Final = Allowed()


def read_place(text: str) -> Place:
    """Read "wiki.corp.example", "*.corp.example:8443", "10.1.2.3:8080", "[fd00::1]:80", "10.0.0.0/8"; or ValueError."""
    text = text.strip().lower()
    found = _PORT.fullmatch(text)
    host, port = (found["host"], int(found["port"])) if found else (text, None)
    if port is not None and not 0 < port <= _HIGHEST_PORT:
        raise ValueError("port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        return Place(network=ipaddress.ip_network(host, strict=False), port=port)
    except ValueError:
        if not _NAME.fullmatch(host) or _is_number(host):
            raise
    return Place(name=host, port=port)


def _is_named(name: str, host: str) -> bool:
    return host.endswith(name[1:]) if name.startswith("*.") else host == name


def _is_number(host: str) -> bool:
    """Names end in a letter somewhere; "10.0.0" or "0x7f" is an address in a notation that nobody should write."""
    last = host.rpartition(".")[2]
    return last.isdecimal() or last.startswith("0x")
