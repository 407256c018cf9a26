"""Where a URL from outside may lead: to the public internet, and to what the operator allows.

Whoever talks to a model can make the proxy fetch a URL: so can a page that the model has read. Without a guard that is
a way into the operator's network (SSRF). What is looked at is never the URL's spelling but the addresses that its host
comes to, just before the connection, which goes to the very addresses that were looked at.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from dragoman.hub.allowed import Address, Allowed, Network
from dragoman.hub.problems import Problem
from dragoman.net.target import Origin

# What a URL that leads elsewhere is called in Messages (`error_code` of a `web_fetch_tool_result_error`).
NOT_ALLOWED: Final = "url_not_allowed"

# IANA's registries of special-purpose addresses. `ipaddress.is_global` knows them too, but not the same ones in every
# release of Python.
_NOT_PUBLIC: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux takes 0.0.0.0 for loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; some clouds have their metadata here
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # protocols, among them Teredo, which holds an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which holds an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
    )
)
# All the rest of IPv6 is loopback, link-local, unique local, multicast, a cloak of an IPv4 address (mapped, NAT64), or
# not given out.
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """Whether this is a global unicast address, and not one that only holds another."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC)


class Guard:
    """Looks at one connection before it is made."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed: Final = allowed

    def trusts(self, origin: Origin) -> bool:
        """Whether the operator allows this host by its name, wherever that leads."""
        return self._allowed.by_name(origin.host, origin.port)

    def check(self, origin: Origin, addresses: Sequence[str]) -> None:
        """Raise Problem("forbidden") unless every address is public or allowed: one that is not may be the one used."""
        if self.trusts(origin):
            return
        for text in addresses:
            address = ipaddress.ip_address(text.partition("%")[0])
            if self._allowed.by_address(address, origin.port):
                continue
            if not is_public(address) or is_own(address):
                raise Problem(
                    "forbidden",
                    f"{origin.host} is not on the public internet, and `fetch_allow` does not name it",
                    private=f"{origin.address} is at {address}",
                    code=NOT_ALLOWED,
                )


def is_own(address: Address) -> bool:
    """Whether this is an address of this machine, where firewalls often let in what comes from itself.

    The kernel tells: to reach an address of its own it would speak from that very address. Nothing is sent.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return str(probe.getsockname()[0]) == str(address)
    except OSError:
        return False  # no way there at all
