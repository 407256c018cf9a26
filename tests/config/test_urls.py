"""URLs of backends: what is wrong, and that nothing secret is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.schema import BackendType
from dragoman.config.urls import complaints


def said(url: str, type: BackendType = "openai") -> str:  # noqa: A002 - the field's name
    return " ".join(finding.message for finding in complaints("url", url, type))


@pytest.mark.parametrize(
    ("url", "type"),
    [
        ("http://127.0.0.1:8000/v1", "openai"),
        ("https://api.z.ai/api/coding/paas/v4", "openai"),
        ("https://api.openai.com/v1/", "openai"),
        ("http://[::1]:8000/v1", "openai"),
        ("https://api.anthropic.com", "anthropic"),
        ("https://api.minimax.io/anthropic", "anthropic"),
    ],
)
def test_good_urls(url: str, type: BackendType) -> None:  # noqa: A002 - the field's name
    assert said(url, type) == ""


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must begin with http"),
        ("localhost:8000/v1", "must begin with http"),
        ("ftp://host/v1", "must begin with http"),
        ("http://", "is not a URL"),
        ("http:///v1", "is not a URL"),
        ("http://host:99999/v1", "is not a URL"),
        ("http://host:0/v1", "is not a URL"),
        ("http://[::1/v1", "is not a URL"),
        ("http://a b/v1", "is not a URL"),
        ("http://user:secret@host/v1", "put the key into `api_key`"),
        ("http://host/v1?key=secret", "cannot carry a query"),
        ("http://host/v1#x", "cannot carry a query"),
        ("http://host/v1/chat/completions", "cut `/chat/completions`, leaving http://host/v1"),
        ("http://host/api/chat/completions/", "leaving http://host/api"),
        ("http://host/v1/responses", "leaving http://host/v1"),
    ],
)
def test_bad_urls(url: str, message: str) -> None:
    assert message in said(url)
    assert "secret" not in said(url)


def test_anthropic_endpoints_bring_their_own_version() -> None:
    assert "cut `/v1/messages`, leaving https://host/anthropic" in said(
        "https://host/anthropic/v1/messages", "anthropic"
    )
    [finding] = complaints("url", "https://api.anthropic.com/v1", "anthropic")
    assert finding.level == "notice"


def test_a_url_without_path_is_only_remarked_on() -> None:
    [finding] = complaints("url", "http://localhost:11434", "openai")
    assert finding.level == "notice"
    assert "most servers want http://localhost:11434/v1" in finding.message


@given(st.one_of(st.text(), st.text().map("http://{}".format)))
def test_any_text_is_taken(url: str) -> None:
    assert all(finding.path == "url" for finding in complaints("url", url))
