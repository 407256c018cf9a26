"""No URL from outside reaches the operator's network: however it is spelt, wherever its name leads, whatever it says."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.allowed import NOTHING, Allowed, read_place
from dragoman.hub.problems import Problem
from dragoman.net import dial
from dragoman.net.client import Client
from dragoman.net.fetch import fetch
from dragoman.net.guard import NOT_ALLOWED, Guard, is_own, is_public
from dragoman.net.target import Origin

INSIDE_V4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
]
INSIDE_V6 = ["::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "5f00::/16"]


def within(networks: list[str]) -> st.SearchStrategy[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    def of(network: str) -> st.SearchStrategy[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        return st.ip_addresses(network=network)

    return st.sampled_from(networks).flatmap(of)


@st.composite
def spelt(draw: st.DrawFn) -> str:
    """An address of the inside as a URL's host may hold it."""
    if draw(st.booleans()):
        address = draw(within(INSIDE_V6))
        scope = draw(st.sampled_from(["", "%25lo", "%lo"]))
        return f"[{draw(st.sampled_from([address.compressed, address.exploded]))}{scope}]"
    address = draw(within(INSIDE_V4))
    number = int(address)
    a, b, c, d = address.packed
    cloaks = [
        f"::ffff:{address}",
        f"::{address}",
        f"::ffff:0:{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
        f"2001:0:{number >> 16:x}:{number & 0xFFFF:x}::1",
        f"2001:0:4136:e378:8000:63bf:{(~number >> 16) & 0xFFFF:x}:{~number & 0xFFFF:x}",
    ]
    digits: list[Callable[[int], str]] = [str, hex, lambda n: f"0{n:o}", lambda n: f"0x{n:08X}", lambda n: f"000{n:o}"]
    parts = draw(st.sampled_from([[a, b, c, d], [a, b, c << 8 | d], [a, number & 0xFFFFFF], [number]]))
    plain = ".".join(draw(st.sampled_from(digits))(part) for part in parts)
    wide = "".join(chr(ord(char) + 0xFEE0) if char.isdecimal() else char for char in str(address))
    return draw(
        st.sampled_from([plain, plain + ".", wide, str(address).replace(".", "\u3002"), *(f"[{c}]" for c in cloaks)])
    )


@given(spelt())
def test_no_spelling_of_an_address_leads_inside(host: str) -> None:
    """Some of them are no address to this machine's resolver either; what counts is that nothing is connected to."""
    connected = []

    async def open_socket(waiting: list[dial.Address]) -> socket.socket:
        connected.append(waiting)
        raise ConnectionRefusedError

    async def main() -> Problem:
        client = Client()
        try:
            await fetch(client, f"http://{host}/latest/meta-data", limit=10, allowed=NOTHING)
        except Problem as problem:
            return problem
        finally:
            await client.close()
        raise AssertionError(host)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dial, "open_socket", open_socket)
        problem = asyncio.run(main())
    assert not connected
    assert problem.code in {NOT_ALLOWED, "invalid_tool_input", "url_not_accessible"}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0x7f.1",
        "0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "100.100.100.200",
        "localhost",
    ],
)
def test_the_notorious_ones_are_refused_by_the_guard_itself(host: str) -> None:
    async def main() -> None:
        client = Client()
        try:
            await fetch(client, f"http://{host}/", limit=10, allowed=NOTHING)
        finally:
            await client.close()

    with pytest.raises(Problem) as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.code) == ("forbidden", NOT_ALLOWED)


@given(st.ip_addresses())
def test_what_is_public_is_public_to_python_as_well(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


ORIGIN = Origin("https", "page.example", 443)
PUBLIC = "93.184.216.34"


@given(st.lists(st.just(PUBLIC), max_size=3), within(INSIDE_V4 + INSIDE_V6), st.lists(st.just(PUBLIC), max_size=3))
def test_one_bad_address_among_good_ones_is_enough(
    before: list[str], bad: ipaddress.IPv4Address | ipaddress.IPv6Address, after: list[str]
) -> None:
    with pytest.raises(Problem) as caught:
        Guard(NOTHING).check(ORIGIN, [*before, str(bad), *after])
    assert "page.example" in caught.value.public
    assert "`fetch_allow`" in caught.value.public
    assert str(bad) not in caught.value.public


def test_public_addresses_pass_and_so_does_what_the_operator_allows() -> None:
    Guard(NOTHING).check(ORIGIN, [PUBLIC, "2606:4700:4700::1111"])
    Guard(Allowed((read_place("page.example"),))).check(ORIGIN, ["10.0.0.1"])
    Guard(Allowed((read_place("10.0.0.0/8"),))).check(ORIGIN, ["10.0.0.1", PUBLIC])
    Guard(Allowed((read_place("fe80::/10"),))).check(ORIGIN, ["fe80::1%eth0"])
    with pytest.raises(Problem):
        Guard(Allowed((read_place("10.0.0.1:80"),))).check(ORIGIN, ["10.0.0.1"])


def test_an_address_of_this_machine_is_not_the_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_own(ipaddress.ip_address("127.0.0.1"))
    assert not is_own(ipaddress.ip_address(PUBLIC))
    monkeypatch.setattr("dragoman.net.guard.is_own", lambda _address: True)
    with pytest.raises(Problem):
        Guard(NOTHING).check(ORIGIN, [PUBLIC])
