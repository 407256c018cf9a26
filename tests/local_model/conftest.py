"""A llama.cpp server with a small model, and the proxy in front of it. The tests run where the model is cached."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_model import serve, weights
from tests.serving import Served, free_port, running, serving

KEY = "sk-dragoman-local-model-test"
MODEL = "local"
SECONDS_TO_LOAD = 300.0


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _llama(tmp_path_factory.mktemp("llama"), serve.FENCED) as served:
        yield served


@contextlib.contextmanager
def _llama(folder: Path, template: Path | None) -> Iterator[Served]:
    if os.environ.get("DRAGOMAN_LOCAL_MODEL", "") not in {"", "0"}:
        weights.install()
    if not weights.are_cached():
        pytest.skip(f"no model in {weights.home()}; DRAGOMAN_LOCAL_MODEL=1 downloads it (2.4 GB)")
    port = free_port()
    command = serve.command(port, template=template)
    with running(command, port, "/health", folder, SECONDS_TO_LOAD) as served:
        yield served


@pytest.fixture(scope="session")
def proxy(llama: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(_config(llama), tmp_path_factory.mktemp("proxy")) as served:
        yield served


@pytest.fixture
def proxy_of_plain(tmp_path: Path) -> Iterator[Served]:
    """Before a server whose template does not know the model's calls."""
    with _llama(tmp_path, None) as llama, serving(_config(llama), tmp_path / "proxy") as served:
        yield served


def _config(llama: Served) -> dict[str, Any]:
    model = {"name": MODEL, "model": serve.MODEL, "backends": [{"url": f"{llama.url}/v1"}]}
    return {"models": [model], "keys": [{"key": KEY, "name": "local model tests"}]}
