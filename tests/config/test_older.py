"""The older forms read as today's."""

import pytest

from dragoman.config.load import load_bytes
from dragoman.config.older import base_url
from dragoman.config.schema import BackendType, Config


def loaded(text: str) -> Config:
    config = load_bytes(text.encode(), {}).config
    assert config is not None
    return config


TODAY = """\
models:
  - name: m
    backends:
      - {url: http://a/v1, api_key: shared}
      - {url: http://b/v1, api_key: own, weight: 2}
    api_key: shared
"""
POOLS = """\
pools:
  - name: p
    backends:
      - url: http://a/v1/
      - {url: http://b/v1, api_key: own, weight: 2}
models:
  - name: m
    pool: p
    api_key: shared
"""
INHERITED = """\
models:
  - name: m
    api_key: shared
    backends:
      - http://a/v1
      - {url: http://b/v1, api_key: own, weight: 2}
"""


@pytest.mark.parametrize("older", [POOLS, INHERITED])
def test_pools_and_shared_keys_read_as_backends(older: str) -> None:
    assert loaded(older) == loaded(TODAY)


def test_a_single_backend() -> None:
    older = "models:\n- {name: m, backend: http://a/v1, api_key: k}"
    today = "models:\n- {name: m, api_key: k, backends: [{url: http://a/v1, api_key: k}]}"
    assert loaded(older) == loaded(today)


def test_two_models_share_a_pool_with_their_own_keys() -> None:
    text = "pools: {p: http://a/v1}\nmodels:\n- {name: m, pool: p, api_key: x}\n- {name: n, pool: p, api_key: y}"
    assert [model.backends[0].api_key.reveal() for model in loaded(text).models] == ["x", "y"]


def test_weight_zero_is_one() -> None:
    assert loaded("models:\n- {name: m, backends: [{url: http://a/v1, weight: 0}]}").models[0].backends[0].weight == 1


@pytest.mark.parametrize(
    ("url", "type", "base"),
    [
        ("http://a/v1/", "openai", "http://a/v1"),
        ("http://a", "openai", "http://a"),
        ("https://api.anthropic.com/v1/", "anthropic", "https://api.anthropic.com"),
        ("https://api.minimax.io/anthropic", "anthropic", "https://api.minimax.io/anthropic"),
    ],
)
def test_base_urls(url: str, type: BackendType, base: str) -> None:  # noqa: A002 - the field's name
    assert base_url(url, type) == base
