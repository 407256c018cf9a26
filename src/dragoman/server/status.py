"""How are the models, and what can they do? `/v1/models/status`: for pages, `setup` and `launch`, without a URL in it."""

from collections.abc import Iterable
from typing import Any, Final

from dragoman.config.schema import Config, ModelConfig
from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway import demo
from dragoman.hub.route import Backend, Profile
from dragoman.routing.discover import is_near
from dragoman.routing.resolve import Router
from dragoman.tools.toolbox import accounts_for

OBJECT: Final = "dragoman.status"
_STATES: Final = {True: "online", False: "offline", None: "unknown"}
# Ollama's names of models that it only passes on.
_ELSEWHERE: Final = ("-cloud", ":cloud")


def status_of(snapshot: Snapshot, key: Key, router: Router) -> dict[str, Any]:
    config = snapshot.config
    rows = [_describe(model.name, model, config, router) for model in snapshot.models_for(key)]
    for alias, model in snapshot.aliases_for(key).items():
        rows.append({**_describe(alias, model, config, router), "alias_of": model.name})
    return {"object": OBJECT, "data": rows, "search": bool(accounts_for(config))}


def _describe(name: str, model: ModelConfig, config: Config, router: Router) -> dict[str, Any]:
    """What is not known is null. local: prompts go to no address outside this machine and its network."""
    known = router.known(model)
    backends = router.backends(model)
    sees = _vision([backend.profile for backend in backends])
    return {
        "id": name,
        "status": _STATES[True if _is_ours(model) else known.online],
        "chat": router.converses(model),
        "context_window": known.context_window or model.context_window or None,
        "max_output_tokens": known.max_output or model.max_output_tokens or None,
        "vision": sees,
        "images_described": sees is not True and _describes(model, config),
        "reasoning": _reasons(backends),
        "reasoning_efforts": list(next((backend.profile.efforts for backend in backends), ())),
        "local": all(is_near(backend.url) for backend in model.in_service)
        and not model.backend_model.endswith(_ELSEWHERE),
    }


def _is_ours(model: ModelConfig) -> bool:
    """The built-in model, which is never asked whether it is there."""
    return any(backend.url == demo.URL for backend in model.in_service)


def _vision(profiles: Iterable[Profile]) -> bool | None:
    """What all backends can do, since any of them may be asked."""
    said = {profile.vision for profile in profiles}
    return False if False in said else None if None in said or not said else True


def _reasons(backends: Iterable[Backend]) -> bool | None:
    """Whether it can be asked to think, in whatever way."""
    said = {_is_asked_to_think(backend) for backend in backends}
    return True if True in said else None if None in said or not said else False


def _is_asked_to_think(backend: Backend) -> bool | None:
    profile = backend.profile
    if profile.efforts or profile.thinking_switch:
        return True
    if backend.dialect == "anthropic-messages":
        return any(kind != "disabled" for kind in profile.thinking_types)
    return None if profile.family == "generic" else False


def _describes(model: ModelConfig, config: Config) -> bool:
    chosen = model.processors.vision or config.processors.vision
    return bool(chosen) and chosen != "none"
