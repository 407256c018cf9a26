"""One value of the file: from its text to what the field wants.

Numbers and switches are taken quoted or not, since a value from the environment is text; a name may look like a
number; `yes` and `on` are switches, as in Go.
"""

import math
from collections.abc import Callable
from ipaddress import ip_network
from typing import Final, NamedTuple

from dragoman.config.durations import Seconds, read_seconds
from dragoman.config.listen import ListenAddress, read_listen_address
from dragoman.config.schema import Network
from dragoman.hub.allowed import Place, read_place
from dragoman.hub.route import Secret

_SWITCH: Final = {"true": True, "yes": True, "on": True, "y": True} | {
    "false": False,
    "no": False,
    "off": False,
    "n": False,
}


class Reading(NamedTuple):
    """wanted: what the field takes, for the user. read: from the text, or ValueError."""

    wanted: str
    read: Callable[[str], object]


def _whole(text: str) -> int:
    if not text.isascii():
        raise ValueError
    try:
        return int(text, 10)
    except ValueError:
        return int(text, 0)  # 0x10


def _number(text: str) -> float:
    value = float(text) if text.isascii() else math.nan
    if not math.isfinite(value):
        raise ValueError
    return value


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise ValueError
    return _SWITCH[text.lower()]


def _network(text: str) -> Network:
    return ip_network(text.strip(), strict=False)


READINGS: Final[dict[object, Reading]] = {
    str: Reading("a text", str),
    Secret: Reading("a text", Secret),
    int: Reading("a whole number", _whole),
    float: Reading("a number", _number),
    bool: Reading("true or false", _switch),
    Seconds: Reading("a duration such as 300, 300s or 5m", read_seconds),
    ListenAddress: Reading("an address such as 127.0.0.1:8080", read_listen_address),
    Network: Reading("an IP address or network such as 10.0.0.0/8", _network),
    Place: Reading("a host, host:port, IP address or network such as wiki.corp.example or 10.0.0.0/8", read_place),
}
