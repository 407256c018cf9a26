"""Lists of domains."""

import pytest

from dragoman.tools.domains import permits


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
