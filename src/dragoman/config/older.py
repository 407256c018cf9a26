"""Older forms of the file, and how they read today.

A model's backends were once a single `backend`, then a named entry of `pools`; today they are its own `backends`.
Checks look at what was written, through `backends_of`; everything that serves looks at `modern`.
"""

from typing import NamedTuple

import msgspec

from dragoman.config.findings import child, item
from dragoman.config.schema import BackendConfig, BackendType, Config, ModelConfig


class Placed(NamedTuple):
    """A backend and where the file says it. url_path: where its URL stands."""

    path: str
    url_path: str
    backend: BackendConfig


def backends_of(config: Config, index: int) -> tuple[Placed, ...]:
    """The backends of one model, whichever form they are written in."""
    model, path = config.models[index], item("models", index)
    if model.backends:
        return _placed(child(path, "backends"), model.backends)
    if model.backend:
        return (Placed(path, child(path, "backend"), BackendConfig(url=model.backend)),)
    for number, pool in enumerate(config.pools):
        if model.pool and pool.name == model.pool:
            return _placed(child(item("pools", number), "backends"), pool.backends)
    return ()


def _placed(path: str, backends: tuple[BackendConfig, ...]) -> tuple[Placed, ...]:
    return tuple(
        Placed(item(path, index), child(item(path, index), "url"), backend) for index, backend in enumerate(backends)
    )


def modern(config: Config) -> Config:
    """The same configuration in today's form only."""
    models = tuple(_modern_model(config, index) for index in range(len(config.models)))
    return msgspec.structs.replace(config, models=models, pools=())


def _modern_model(config: Config, index: int) -> ModelConfig:
    model = config.models[index]
    backends = tuple(_modern_backend(placed.backend, model) for placed in backends_of(config, index))
    return msgspec.structs.replace(model, backends=backends, backend="", pool="")


def _modern_backend(backend: BackendConfig, model: ModelConfig) -> BackendConfig:
    return msgspec.structs.replace(
        backend,
        url=base_url(backend.url, model.type),
        api_key=backend.api_key or model.api_key,
        weight=backend.weight or 1,
    )


def base_url(url: str, type: BackendType) -> str:  # noqa: A002 - the field's name
    """The URL to append endpoints to: no slash at its end, and for Anthropic no `/v1`, which its endpoints bring."""
    url = url.strip().rstrip("/")
    return url.removesuffix("/v1") if type == "anthropic" else url
