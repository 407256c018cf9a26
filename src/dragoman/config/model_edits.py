"""Models of the configuration file: added and taken out, and their backends set, for the page at `/admin`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.config import splices
from dragoman.config.edit import EditError, edit, nearest
from dragoman.config.schema import BackendType, Config
from dragoman.config.splices import Verbatim

_LONGEST_NAME: Final = 200


class NewModel(Struct, frozen=True, kw_only=True):
    """What a person says of a model that is to be added.

    name: what clients call it. url: of its backend. model: the backend's own name for it, "" = the same. api_key: for
    the backend; `${NAME}` in it is a variable of the environment. context_window: tokens, 0 = asked of the backend.
    """

    name: str
    url: str
    type: BackendType = "auto"
    model: str = ""
    api_key: str = ""
    context_window: int = 0


class BackendChange(Struct, frozen=True, kw_only=True):
    """What is to be otherwise with a backend; None = nothing.

    in_service: asked at all. weight: its share. max_inflight: requests at a time, 0 = without limit.
    """

    in_service: bool | None = None
    weight: int | None = None
    max_inflight: int | None = None


def add_model(path: Path, new: NewModel, env: Mapping[str, str]) -> None:
    """Add a model with one backend, behind the others. Raise EditError."""
    _demand_name(new.name)
    said: dict[str, splices.Value] = {"name": new.name}
    if new.model and new.model != new.name:
        said["model"] = new.model
    if new.type != "openai":  # as a file says it that says nothing
        said["type"] = new.type
    if new.context_window:
        said["context_window"] = new.context_window
    backend: dict[str, splices.Value] = {"url": new.url.strip()}
    if new.api_key.strip():
        backend["api_key"] = Verbatim(new.api_key.strip())
    said["backends"] = [backend]

    def is_meant(before: Config, after: Config) -> bool:
        added = after.models[-1]
        return after == msgspec.structs.replace(before, models=(*before.models, added)) and added.name == new.name

    edit(path, env, lambda text, _: splices.appended(text, "models", said), is_meant)


def remove_model(path: Path, name: str, env: Mapping[str, str]) -> None:
    """Take a model out of the file. Raise EditError, also if something else in the file still names it."""

    def change(text: str, config: Config) -> str:
        return splices.removed(text, "models", _index(name, config))

    def is_meant(before: Config, after: Config) -> bool:
        index = _index(name, before)
        return after == msgspec.structs.replace(before, models=before.models[:index] + before.models[index + 1 :])

    edit(path, env, change, is_meant)


def change_backend(path: Path, name: str, number: int, wanted: BackendChange, env: Mapping[str, str]) -> None:
    """Set the backend at this place of the model's list. Raise EditError, also for the last one that is in service."""
    changes = {
        field: value
        for field, value in (
            ("disabled", None if wanted.in_service is None else not wanted.in_service),
            ("weight", wanted.weight),
            ("max_inflight", wanted.max_inflight),
        )
        if value is not None
    }

    def change(text: str, config: Config) -> str:
        index = _index(name, config)
        if not 0 <= number < len(config.models[index].backends):
            raise EditError(f"the model {name!r} has no backend {number + 1}")
        for field, value in changes.items():
            text = splices.put(text, ("models", index, "backends", number), field, value, bare="url")
        return text

    def is_meant(before: Config, after: Config) -> bool:
        index = _index(name, before)
        return after == _with_backend(before, index, number, changes)

    edit(path, env, change, is_meant)


def _with_backend(config: Config, index: int, number: int, changes: Mapping[str, object]) -> Config:
    model = config.models[index]
    backends = list(model.backends)
    backends[number] = msgspec.structs.replace(backends[number], **changes)
    models = list(config.models)
    models[index] = msgspec.structs.replace(model, backends=tuple(backends))
    return msgspec.structs.replace(config, models=tuple(models))


def _demand_name(name: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise EditError(f"{name!r} is no name for a model: give up to {_LONGEST_NAME} characters that can be printed")


def _index(name: str, config: Config) -> int:
    known = [model.name for model in config.models]
    if name not in known:
        raise EditError(f"there is no model {name!r}: {nearest(name, known)}")
    return known.index(name)
