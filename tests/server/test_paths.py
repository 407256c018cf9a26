"""What users put into base URLs leads where they meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.server.paths import routed_path

PATHS = (
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/models",
    "/v1/models/a/b",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/audio/speech",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/", "/v1", "/v1/v1", "/anthropic", "/anthropic/v1", "//", "/anthropic//v1/"])
@pytest.mark.parametrize("suffix", ["", "/", "//"])
def test_forgiven(path: str, prefix: str, suffix: str) -> None:
    assert routed_path(prefix + path + suffix) == path


@pytest.mark.parametrize("path", PATHS)
def test_a_base_url_without_version_is_forgiven(path: str) -> None:
    assert routed_path(path.removeprefix("/v1")) == path
    assert routed_path("/anthropic" + path.removeprefix("/v1")) == path


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api/hello", "/v2/messages", "/v1", "/anthropics/v1/messages", "/v1/audio/speech"]
)
def test_left_alone(path: str) -> None:
    assert routed_path(path) == path


def test_nothing_is_the_root() -> None:
    assert routed_path("") == routed_path("//") == "/"


@given(st.text("/v1anthropicmessages", max_size=40))
def test_what_is_routed_stays_where_it_is(path: str) -> None:
    assert routed_path(routed_path(path)) == routed_path(path)
