"""Lists of domains."""

import pytest

from dragoman.tools.domains import hosts_to_ask, hosts_to_omit, permits


@pytest.mark.parametrize(
    ("url", "domain", "is_in"),
    [
        ("https://example.com/x", "example.com", True),
        ("https://EXAMPLE.com", "example.com", True),
        ("https://www.example.com/x", "example.com", True),
        ("https://example.com", "www.example.com", False),
        ("https://badexample.com/", "example.com", False),
        ("https://example.com.evil.example/", "example.com", False),
        ("https://user@evil.example/example.com", "example.com", False),
        ("https://example.com./x", "example.com", True),
        ("https://example.com/blog/1", "example.com/blog", True),
        ("https://example.com/blog", "example.com/blog/", True),
        ("https://example.com/blogger", "example.com/blog", False),
        ("https://example.com/Blog/1", "example.com/Blog", True),
        ("https://example.com/%62log/1", "example.com/blog", True),
        ("https://example.com/blog/../mail", "example.com/blog", False),
        ("https://example.com/blog/%2e%2e/mail", "example.com/blog", False),
        ("https://example.com//blog/./1", "example.com/blog", True),
        ("https://example.com/en/docs/x", "example.com/*/docs", True),
        ("https://example.com/en/mail", "example.com/*/docs", False),
        ("https://example.com/en", "example.com/*", True),
        ("https://xn--bcher-kva.example/", "b\u00fccher.example", True),
        ("https://b\u00fccher.example/", "xn--bcher-kva.example", True),
        ("https://\uff45xample\u3002com/", "example.com", True),
        ("https://a..example.com/", "example.com", True),
        ("https://a.example.com/", "*.example.com", True),
        ("https://example.com:8443/", "https://Example.com", True),
    ],
)
def test_a_domain_and_what_is_below_it(url: str, domain: str, is_in: bool) -> None:
    assert permits(url, [domain], []) is is_in
    assert permits(url, [], [domain]) is not is_in


def test_without_lists_everything_is_permitted_that_is_a_url() -> None:
    assert permits("https://example.com/", [], [])
    assert not permits("http://[", [], [])


def test_blocked_wins() -> None:
    assert not permits("https://a.example.com/", ["example.com"], ["a.example.com"])


def test_engines_are_told_of_hosts() -> None:
    assert hosts_to_ask(["a.example/x", "a.example/y", "b.example"]) == ("a.example", "b.example")
    assert hosts_to_omit(["a.example/x", "b.example"]) == ("b.example",)
