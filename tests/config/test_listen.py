"""Addresses to listen on, in every form go-llm-proxy takes and some more."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.listen import BadAddressError, ListenAddress, read_listen_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":8080", "", 8080),
        ("*:8080", "", 8080),
        ("8080", "127.0.0.1", 8080),
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("[::1]:8080", "::1", 8080),
        ("[::]:8080", "::", 8080),
        ("localhost:0", "localhost", 0),
        ("my-host.example:9000", "my-host.example", 9000),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert read_listen_address(text) == ListenAddress(host, port)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("127.0.0.1", "has no port: write 127.0.0.1:8080"),
        ("[::1]", "has no port"),
        ("::1:8080", "in brackets"),
        ("[::x]:8080", "not an IPv6 address"),
        (":99999", "not a port"),
        (":http", "not a port"),
        ("٨٠٨٠", "not a port"),
        ("http://localhost:8080", "in brackets"),
        ("a b:80", "not a host name"),
        ("", "has no port"),
    ],
)
def test_what_is_no_address(text: str, remedy: str) -> None:
    with pytest.raises(BadAddressError, match=remedy):
        read_listen_address(text)


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "8080"])
def test_loopback(text: str) -> None:
    assert read_listen_address(text).is_loopback


@pytest.mark.parametrize("text", [":1", "0.0.0.0:1", "[::]:1", "10.0.0.1:1", "some.host:1"])
def test_reachable_from_elsewhere(text: str) -> None:
    assert not read_listen_address(text).is_loopback


@given(st.one_of(st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else str(ip))), st.integers(0, 65535))
def test_what_is_printed_can_be_read(host: str, port: int) -> None:
    address = read_listen_address(f"{host}:{port}")
    assert read_listen_address(str(address)) == address


@given(st.text())
def test_any_text_is_an_address_or_told_why_not(text: str) -> None:
    with contextlib.suppress(BadAddressError):
        assert 0 <= read_listen_address(text).port <= 65535
