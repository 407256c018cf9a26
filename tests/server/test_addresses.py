"""Who is calling: headers count only from trusted proxies, and only as far as those saw."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.server.addresses import UNKNOWN, TrustedProxies

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1")])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7, rubbish"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7, rubbish, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [" , ,198.51.100.7 "], "198.51.100.7"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ['"[2001:db8::7]:4711"'], "2001:db8::7"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", [""], "127.0.0.1"),
        (None, ["198.51.100.7"], UNKNOWN),
        ("/run/dragoman.sock", ["198.51.100.7"], "/run/dragoman.sock"),
    ],
)
def test_the_rightmost_untrusted_hop_is_the_caller(peer: str | None, forwarded_for: list[str], client: str) -> None:
    assert PROXIES.client(peer, forwarded_for) == client


def test_the_other_header() -> None:
    assert PROXIES.client("10.0.0.1", [], "198.51.100.7") == "198.51.100.7"
    assert PROXIES.client("10.0.0.1", ["203.0.113.9"], "198.51.100.7") == "203.0.113.9"
    assert PROXIES.client("10.0.0.1", [], "rubbish") == "10.0.0.1"
    assert PROXIES.client("192.0.2.1", [], "198.51.100.7") == "192.0.2.1"


def test_without_trusted_proxies_only_the_peer_counts() -> None:
    assert TrustedProxies([]).client("127.0.0.1", ["198.51.100.7"], "198.51.100.7") == "127.0.0.1"


@given(st.lists(st.text()), st.one_of(st.none(), st.text()), st.sampled_from(["10.0.0.1", "192.0.2.1", "fd00::1"]))
def test_any_header_gives_an_address(forwarded_for: list[str], real_ip: str | None, peer: str) -> None:
    assert ip_address(PROXIES.client(peer, forwarded_for, real_ip)).version in {4, 6}


@given(st.lists(st.sampled_from(["203.0.113.9", "10.9.9.9", "rubbish", ""])))
def test_what_a_caller_writes_cannot_change_who_the_proxy_saw(made_up: list[str]) -> None:
    assert PROXIES.client("10.0.0.1", [*made_up, "198.51.100.7"]) == "198.51.100.7"


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("10.0.0.1", "https", True),
        ("10.0.0.1", "HTTPS, http", True),
        ("10.0.0.1", "http", False),
        ("10.0.0.1", None, False),
        ("192.0.2.1", "https", False),
        (None, "https", False),
    ],
)
def test_tls_is_believed_of_trusted_proxies_only(peer: str | None, said: str | None, expected: bool) -> None:
    assert TrustedProxies([ip_network("10.0.0.0/8")]).is_secure(peer, said) == expected
