"""What the operator may write, and what it lets through."""

import ipaddress

import pytest

from dragoman.hub.allowed import NOTHING, Allowed, Place, read_place


def allowed(*texts: str) -> Allowed:
    return Allowed(tuple(read_place(text) for text in texts))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("Wiki.Corp.Example ", Place(name="wiki.corp.example")),
        ("*.corp.example:8443", Place(name="*.corp.example", port=8443)),
        ("localhost", Place(name="localhost")),
        ("10.1.2.3:8080", Place(network=ipaddress.ip_network("10.1.2.3/32"), port=8080)),
        ("10.1.2.3/8", Place(network=ipaddress.ip_network("10.0.0.0/8"))),
        ("fd00::1", Place(network=ipaddress.ip_network("fd00::1/128"))),
        ("[fd00::1]:80", Place(network=ipaddress.ip_network("fd00::1/128"), port=80)),
        ("fd00::/8", Place(network=ipaddress.ip_network("fd00::/8"))),
    ],
)
def test_hosts_addresses_and_networks(text: str, place: Place) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize(
    "text",
    ["", "*", "http://wiki", "wiki/page", "wiki:0", "wiki:70000", "2130706433", "0x7f000001", "10.0", "a b", "[::1"],
)
def test_what_is_neither(text: str) -> None:
    with pytest.raises(ValueError):
        read_place(text)


def test_a_name_is_that_host_and_a_star_everything_below() -> None:
    some = allowed("wiki.example", "*.corp.example")
    assert some.by_name("wiki.example", 80)
    assert some.by_name("a.b.corp.example", 443)
    for other in ("corp.example", "evilcorp.example", "wiki.example.evil", "x.wiki.example"):
        assert not some.by_name(other, 80)


def test_a_port_is_that_port_only() -> None:
    some = allowed("wiki.example:8080", "10.0.0.1:9000")
    assert some.by_name("wiki.example", 8080)
    assert not some.by_name("wiki.example", 80)
    assert some.by_address(ipaddress.ip_address("10.0.0.1"), 9000)
    assert not some.by_address(ipaddress.ip_address("10.0.0.1"), 9001)


def test_nothing_is_allowed_unless_said() -> None:
    assert not NOTHING.by_name("localhost", 80)
    assert not NOTHING.by_address(ipaddress.ip_address("127.0.0.1"), 80)
