"""Who is really calling. `X-Forwarded-For` and `X-Real-IP` are believed only from proxies the operator trusts."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What a caller without an address (a Unix socket) counts as.
UNKNOWN: Final = "unknown"
# Proxies in a row that are looked through; a header may name thousands.
_MOST_HOPS: Final = 32


class TrustedProxies:
    """The proxies in front of us, from `trusted_proxies` of the configuration."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def client(self, peer: str | None, forwarded_for: Sequence[str] = (), real_ip: str | None = None) -> str:
        """Return the caller's address.

        peer: who opened the connection. forwarded_for: every X-Forwarded-For header, in order. real_ip: X-Real-IP,
        read only where there is no X-Forwarded-For.

        Each proxy appends whom it saw, so the list is read from its end, and the first address that is not one of ours
        is the caller: what stands before it the caller may have made up. Where an entry is no address, the last one
        that was counts.
        """
        address = _address(peer or "")
        if address is None:
            return peer or UNKNOWN
        hops = _hops(forwarded_for) or ([real_ip] if real_ip else [])
        for hop in hops[:_MOST_HOPS]:
            if not self._trusts(address):
                break
            seen = _address(hop)
            if seen is None:
                break
            address = seen
        return str(address)

    def is_secure(self, peer: str | None, forwarded_proto: str | None) -> bool:
        """Whether the caller speaks TLS to one of the proxies. forwarded_proto: X-Forwarded-Proto, the caller's first."""
        address = _address(peer or "")
        said = (forwarded_proto or "").partition(",")[0].strip().lower()
        return address is not None and self._trusts(address) and said == "https"

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _hops(headers: Sequence[str]) -> list[str]:
    """The entries of the headers, the nearest first."""
    return [hop for header in reversed(headers) for hop in reversed(header.split(",")) if hop.strip()]


def _address(text: str) -> Address | None:
    """Read an address, with or without port, brackets and quotes. IPv4 inside IPv6 is IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
