"""What the page at `/admin` shows of the models and the keys: what the file says, and how it is just now."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.config.environment import is_of_environment
from dragoman.config.findings import Finding
from dragoman.config.key_edits import name_of
from dragoman.config.schema import BackendConfig, Config, KeyConfig, ModelConfig
from dragoman.gateway.gateway import Gateway
from dragoman.hub.route import Backend
from dragoman.routing.resolve import place_in

_FINGERPRINT: Final = 16  # hex digits, as in the log
_STATES: Final = {True: "online", False: "offline", None: "unknown"}


class Overview(Struct, frozen=True):
    """gateway: knows how the backends are. env: the environment in which the file was read."""

    gateway: Gateway
    env: Mapping[str, str]

    def of(self, config: Config) -> dict[str, Any]:
        return {
            "models": [self._model(model, config) for model in config.models],
            "names": [*(model.name for model in (*config.models, *config.audio.models)), *config.aliases],
            "keys": [self._key(key) for key in config.keys],
        }

    def _model(self, model: ModelConfig, config: Config) -> dict[str, Any]:
        router = self.gateway.router
        known = router.known(model)
        asked = {backend.url: backend for backend in router.backends(model)}
        return {
            "name": model.name,
            "backend_model": model.backend_model,
            "aliases": [alias for alias, name in config.aliases.items() if name == model.name],
            "context_window": known.context_window or model.context_window or None,
            "backends": [self._backend(model, backend, asked) for backend in model.backends],
        }

    def _backend(self, model: ModelConfig, backend: BackendConfig, asked: Mapping[str, Backend]) -> dict[str, Any]:
        """learnt: what refusals have taught, field by field of the profile."""
        url = backend.url.rstrip("/")
        lessons = self.gateway.knowledge.lessons(url, model.backend_model)
        found = asked.get(url)
        return {
            "url": _shown(url),
            "state": _STATES[self.gateway.router.online(model, backend)],
            "rests": not backend.disabled and self.gateway.health.rests(place_in(model, backend)),
            "dialect": found.dialect if found else None,
            "family": found.profile.family if found else None,
            "under_way": self.gateway.load.under_way(url, model.backend_model),
            "in_service": not backend.disabled,
            "weight": backend.weight,
            "max_inflight": backend.max_inflight,
            "has_key": bool(backend.api_key or model.api_key),
            "learnt": [f"{name}: {_words(value)}" for name, value in lessons.items()],
        }

    def _key(self, key: KeyConfig) -> dict[str, Any]:
        digest = key.digest
        kept = "environment" if is_of_environment(key, self.env) else "clear" if key.key else "hash"
        return {
            "name": name_of(key),
            "fingerprint": digest.hex()[:_FINGERPRINT] if digest else "",
            "models": list(key.models),
            "kept": kept,
        }


def findings_of(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """As a page shows them."""
    return [
        {"level": finding.level, "line": finding.line, "path": finding.path, "message": finding.message}
        for finding in findings
    ]


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple | frozenset) else str(value)


def _shown(url: str) -> str:
    """Without what a URL can carry besides an address; `check` lets none in that does."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"
