"""The environment on the left, the proxy it means for an origin on the right."""

from urllib import request as oracle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.net.proxies import Proxies, Proxy, _urls, read_proxy
from dragoman.net.target import Origin

PLAIN = Origin("http", "api.a.example", 80)
SECURE = Origin("https", "api.a.example", 443)
ONE, TWO = Proxy("one", 3128), Proxy("two", 3129)


@pytest.mark.parametrize(
    ("environment", "plain", "secure"),
    [
        ({}, None, None),
        ({"http_proxy": "http://one:3128"}, ONE, None),
        ({"HTTPS_PROXY": "http://two:3129/"}, None, TWO),
        ({"HTTP_PROXY": "http://one:3128", "HTTPS_PROXY": "http://two:3129"}, ONE, TWO),
        ({"ALL_PROXY": "one:3128", "HTTPS_PROXY": "two:3129"}, ONE, TWO),
        ({"ALL_PROXY": "one:3128", "NO_PROXY": "a.example"}, None, None),
        ({"ALL_PROXY": "one:3128", "NO_PROXY": "b.example, .A.example"}, None, None),
        ({"ALL_PROXY": "one:3128", "NO_PROXY": "api.a.example:443"}, ONE, None),
        ({"ALL_PROXY": "one:3128", "NO_PROXY": "*"}, None, None),
        ({"ALL_PROXY": "one:3128", "NO_PROXY": "pi.a.example,,10.0.0.0/8"}, ONE, ONE),
        ({"ALL_PROXY": ""}, None, None),
    ],
)
def test_which_proxy(
    environment: dict[str, str], plain: Proxy | None, secure: Proxy | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    proxies = Proxies()
    assert (proxies.find(PLAIN), proxies.find(SECURE)) == (plain, secure)


@pytest.mark.parametrize(
    ("host", "direct"), [("10.1.2.3", True), ("11.1.2.3", False), ("fd00::1", True), ("fe80::1", False)]
)
def test_networks_in_no_proxy(host: str, direct: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "one:3128")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8,fd00::/8,not/a/network")
    assert (Proxies().find(Origin("http", host, 80)) is None) == direct


def test_loopback_is_never_proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "one:3128")
    assert Proxies().find(Origin("http", "127.0.0.1", 8000)) is None
    assert Proxies().find(Origin("https", "localhost", 8000)) is None


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = Proxies()
    monkeypatch.setenv("ALL_PROXY", "one:3128")
    assert proxies.find(PLAIN) is None


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://one", Proxy("one", 80)),
        ("http://us%40er:p%3Aw@one:3128", Proxy("one", 3128, "Basic dXNAZXI6cDp3")),
        ("http://user@one:3128", Proxy("one", 3128, "Basic dXNlcjo=")),
        ("http://[::1]:3128", Proxy("::1", 3128)),
    ],
)
def test_proxy_urls(url: str, proxy: Proxy) -> None:
    assert read_proxy(url) == proxy


@pytest.mark.parametrize("url", ["socks5://one:1080", "https://one:443", "http://", "http://[::1", "one:port"])
def test_a_proxy_of_another_kind_is_refused_when_it_is_needed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", url)
    proxies = Proxies()
    assert proxies.find(Origin("http", "localhost", 80)) is None
    with pytest.raises(Problem, match="must be an http:// URL") as caught:
        proxies.find(PLAIN)
    assert caught.value.kind == "unreachable"


labels = st.sampled_from(["a", "b", "ab", "example"])
names = st.sampled_from(
    ["http_proxy", "HTTP_PROXY", "Https_Proxy", "HTTPS_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"]
)


@given(st.dictionaries(names, st.sampled_from(["", "http://one:3128", "two"])))
def test_the_environment_means_what_urllib_takes_it_to_mean(environment: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.environ", environment)
        assert _urls(environment) == oracle.getproxies_environment()


hosts = st.lists(labels, min_size=1, max_size=4).map(".".join)
entries = st.one_of(hosts, hosts.map(lambda host: f".{host}"), hosts.map(lambda host: f"{host}:80"), st.just(""))


@given(hosts, st.lists(entries, max_size=3).map(", ".join))
def test_no_proxy_means_what_urllib_takes_it_to_mean(host: str, no_proxy: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALL_PROXY", "one:3128")
        environment.setenv("NO_PROXY", no_proxy)
        bypassed = oracle.proxy_bypass_environment(f"{host}:80")  # type: ignore[attr-defined]
        assert (Proxies().find(Origin("http", host, 80)) is None) == bypassed
