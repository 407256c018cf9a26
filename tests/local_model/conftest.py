"""A llama.cpp server with a small model, and the proxy in front of it. The tests run where the model is cached."""

import os
from collections.abc import Iterator

import pytest

from tests.local_model import serve, weights
from tests.serving import Served, free_port, running, serving

KEY = "sk-dragoman-local-model-test"
MODEL = "local"
SECONDS_TO_LOAD = 300.0


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    if os.environ.get("DRAGOMAN_LOCAL_MODEL", "") not in {"", "0"}:
        weights.install()
    if not weights.are_cached():
        pytest.skip(f"no model in {weights.home()}; DRAGOMAN_LOCAL_MODEL=1 downloads it (2.4 GB)")
    port, folder = free_port(), tmp_path_factory.mktemp("llama")
    with running(serve.command(port), port, "/health", folder, SECONDS_TO_LOAD) as served:
        yield served


@pytest.fixture(scope="session")
def proxy(llama: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    model = {"name": MODEL, "model": serve.MODEL, "backends": [{"url": f"{llama.url}/v1"}]}
    config = {"models": [model], "keys": [{"key": KEY, "name": "local model tests"}]}
    with serving(config, tmp_path_factory.mktemp("proxy")) as served:
        yield served
