"""What may I ask for? `/v1/models` in one shape that the OpenAI and the Anthropic SDKs both read."""

from typing import Any, Final

from dragoman.agents import codex
from dragoman.config.schema import ModelConfig
from dragoman.config.snapshot import Key, Snapshot
from dragoman.hub.problems import Problem
from dragoman.routing.resolve import Router, shown

# Models have no birthday here; a fixed one keeps answers identical from call to call.
_CREATED: Final = 1_735_689_600
_CREATED_AT: Final = "2025-01-01T00:00:00Z"


def list_models(snapshot: Snapshot, key: Key, router: Router) -> dict[str, Any]:
    """`has_more` is always said: where it is absent, the Anthropic SDK (2.12) goes on asking for pages."""
    models = [_describe(model.name, model, router) for model in snapshot.models_for(key)]
    models += [_describe(alias, model, router) for alias, model in snapshot.aliases_for(key).items()]
    models += [_describe(model.name, model, router) for model in snapshot.audio_for(key)]
    ids = [model["id"] for model in models]
    return {
        "object": "list",
        "data": models,
        "has_more": False,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
    }


def codex_catalog(snapshot: Snapshot, key: Key, router: Router) -> dict[str, Any]:
    """The list as `GET /v1/models?client_version=` wants it: with what Codex (0.169) has to know of each model."""
    names = [(model.name, model) for model in snapshot.models_for(key)]
    names += list(snapshot.aliases_for(key).items())
    offered = [(name, model) for name, model in names if router.converses(model)]
    models = [_catalog_entry(name, place, model, snapshot, router) for place, (name, model) in enumerate(offered)]
    return {**list_models(snapshot, key, router), "models": models}


def _catalog_entry(name: str, place: int, model: ModelConfig, snapshot: Snapshot, router: Router) -> dict[str, Any]:
    """A model whose images are described for it is one that Codex may show images."""
    known = router.known(model)
    profile = router.profile(model, "openai-responses")
    window = known.context_window or model.context_window or None
    shown = profile.vision is not False or snapshot.pipeline(model).vision is not None
    return codex.catalog_entry(name, place, window, profile.efforts, vision=shown)


def one_model(name: str, snapshot: Snapshot, key: Key, router: Router) -> dict[str, Any]:
    """Raise Problem("unknown_model"), also for a model the key may not use: its name is not told."""
    model = snapshot.model(name) if snapshot.may_use(key, name) else None
    if model is None:
        raise Problem("unknown_model", f"model {shown(name)} not found; GET /v1/models lists what there is")
    return _describe(name, model, router)


def _describe(name: str, model: ModelConfig, router: Router) -> dict[str, Any]:
    known = router.known(model)
    window = known.context_window or model.context_window or None
    output = known.max_output or model.max_output_tokens or None
    said: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "dragoman",
        "type": "model",
        "display_name": name,
        "created_at": _CREATED_AT,
    }
    if window is not None:
        said |= {
            "context_window": window,
            "context_length": window,
            "max_model_len": window,
            "max_input_tokens": window,
        }
    if output is not None:
        said["max_tokens"] = output
    if model.supports_audio:
        said["supports_audio"] = True
    return said
