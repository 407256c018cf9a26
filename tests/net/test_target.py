"""A URL on the left, where to go and what to ask for on the right."""

import pytest

from dragoman.hub.problems import Problem
from dragoman.net.target import Origin, Target, read_target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.example", Target(Origin("http", "a.example", 80), "/")),
        ("https://A.Example:8443/v1?x=1&y=2#part", Target(Origin("https", "a.example", 8443), "/v1?x=1&y=2")),
        ("http://[::1]:8000/v1", Target(Origin("http", "::1", 8000), "/v1")),
        ("http://bücher.example/ä?ö=ü", Target(Origin("http", "xn--bcher-kva.example", 80), "/%C3%A4?%C3%B6=%C3%BC")),
        ("http://a.example?q=1", Target(Origin("http", "a.example", 80), "/?q=1")),
        ("http://a.example/a%20b/{c}", Target(Origin("http", "a.example", 80), "/a%20b/{c}")),
        ("http://a.example/a b", Target(Origin("http", "a.example", 80), "/a%20b")),
        ("http://gpu_box:8000/v1", Target(Origin("http", "gpu_box", 8000), "/v1")),
    ],
)
def test_urls(url: str, target: Target) -> None:
    assert read_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example/v1",
        "ftp://a.example/",
        "http:///v1",
        "http://a.example:port/",
        "http://a.example:99999/",
        "http://[::1",
        "http://a b/",
        "http://a..example/",
        f"http://{'a' * 64}.example/",
        "http://user:secret@a.example/",
    ],
)
def test_what_is_no_url_of_ours_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(Problem) as caught:
        read_target(url)
    assert caught.value.kind == "unreachable"
    assert "`url`" in caught.value.public
    assert "a.example" not in caught.value.public
    assert "secret" not in caught.value.public


def test_line_breaks_do_not_reach_the_request_line() -> None:
    target = read_target("http://a.example/x\r\ny: z")
    assert "\r" not in target.path
    assert "\n" not in target.path
    assert " " not in target.path


@pytest.mark.parametrize(
    ("origin", "authority", "address"),
    [
        (Origin("http", "a.example", 80), "a.example", "a.example:80"),
        (Origin("https", "a.example", 443), "a.example", "a.example:443"),
        (Origin("https", "a.example", 80), "a.example:80", "a.example:80"),
        (Origin("http", "::1", 80), "[::1]", "[::1]:80"),
    ],
)
def test_how_an_origin_is_written(origin: Origin, authority: str, address: str) -> None:
    assert (origin.authority, origin.address) == (authority, address)


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback(host: str) -> None:
    assert Origin("http", host, 80).is_loopback


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "128.0.0.1", "::2", "notlocalhost"])
def test_not_loopback(host: str) -> None:
    assert not Origin("http", host, 80).is_loopback
