"""The address to listen on."""

import ipaddress
from typing import NamedTuple


class BadAddressError(ValueError):
    """Not an address to listen on; the message says why and what to write."""


class ListenAddress(NamedTuple):
    """host "" or "::": every interface, IPv4 and IPv6. port 0: any free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect. A host name other than localhost counts as reachable."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_listen_address(text: str) -> ListenAddress:
    """Read ":8080", "8080", "127.0.0.1:8080" or "[::1]:8080", or raise BadAddressError.

    ":8080" means every interface, as in Go; the bare "8080" is this machine only, since it names no interface.
    """
    if text.isdecimal():
        return ListenAddress("127.0.0.1", _port(text))
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        raise BadAddressError(f'"{text}" has no port: write {text}:8080')
    if host.startswith("[") and host.endswith("]"):
        return ListenAddress(_ipv6(host[1:-1]), _port(port))
    if ":" in host:
        raise BadAddressError(f'"{text}" is ambiguous: write an IPv6 address in brackets, as in [::1]:8080')
    if any(not (letter.isalnum() or letter in "-._*") for letter in host):
        raise BadAddressError(f'"{host}" is not a host name or address: write host:port, as in 127.0.0.1:8080')
    return ListenAddress("" if host == "*" else host, _port(port))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or int(text) > 65535:
        raise BadAddressError(f'"{text}" is not a port: write a number from 1 to 65535')
    return int(text)


def _ipv6(text: str) -> str:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise BadAddressError(f'"{text}" is not an IPv6 address: write one as in [::1]:8080') from None
    return text
