"""Keys of the configuration file: added, renewed, restricted and revoked, for commands and for the page at `/admin`."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dragoman.config import splices
from dragoman.config.edit import EditError, edit, nearest
from dragoman.config.schema import Config, KeyConfig
from dragoman.hub.route import Secret

_LONGEST_NAME: Final = 80
_BITS: Final = 256


class Made(NamedTuple):
    """A key that was made. first: there were none before, so until now everybody was let in."""

    key: Secret
    first: bool = False


def name_of(key: KeyConfig) -> str:
    """What commands and logs call it; one without a name by the head of its digest."""
    digest = key.digest
    return key.name or (digest.hex()[:8] if digest else "")


def add_key(path: Path, name: str, models: Sequence[str], env: Mapping[str, str]) -> Made:
    """Add a key for `name`. models: those it may use; none = all. Raise EditError."""
    key = _fresh()
    first = False
    item: dict[str, splices.Value] = {"name": name, "key_hash": _hash_of(key)}
    wanted = KeyConfig(name=name, key_hash=Secret(_hash_of(key)), models=tuple(models))

    def change(text: str, config: Config) -> str:
        nonlocal first
        _demand_free(name, config)
        _demand_models(models, config)
        first = not config.keys
        return splices.appended(text, "keys", item | ({"models": tuple(models)} if models else {}))

    edit(path, env, change, lambda before, after: after == _with_keys(before, (*before.keys, wanted)))
    return Made(key, first)


def rotate_key(path: Path, name: str, env: Mapping[str, str]) -> Made:
    """Put a new key in the place of the one that `name` has; the old one no longer opens. Raise EditError."""
    key = _fresh()

    def change(text: str, config: Config) -> str:
        at = ("keys", _index(name, config.keys))
        return splices.put(text, at, "key_hash", _hash_of(key), instead_of=("key",))

    def is_meant(before: Config, after: Config) -> bool:
        return after == _with_key(before, name, key=Secret(""), key_hash=Secret(_hash_of(key)))

    edit(path, env, change, is_meant)
    return Made(key)


def allow_models(path: Path, name: str, models: Sequence[str], env: Mapping[str, str]) -> None:
    """Say anew which models the key of `name` may use; none = all. Raise EditError."""

    def change(text: str, config: Config) -> str:
        index = _index(name, config.keys)
        _demand_models([model for model in models if model not in config.keys[index].models], config)
        return splices.put(text, ("keys", index), "models", tuple(models))

    edit(path, env, change, lambda before, after: after == _with_key(before, name, models=tuple(models)))


def revoke_key(path: Path, name: str, env: Mapping[str, str]) -> None:
    """Take the key of `name` out of the file. Raise EditError, also for the last one: without keys all are let in."""

    def change(text: str, config: Config) -> str:
        index = _index(name, config.keys)
        if len(config.keys) == 1:
            raise EditError(
                f"{name} has the only key, and without keys everybody who can connect may use every model: put a new"
                f" one in its place with `dragoman keys rotate {name}`, or add another key first"
            )
        return splices.removed(text, "keys", index)

    def is_meant(before: Config, after: Config) -> bool:
        index = _index(name, before.keys)
        return after == _with_keys(before, before.keys[:index] + before.keys[index + 1 :])

    edit(path, env, change, is_meant)


def _fresh() -> Secret:
    return Secret(f"sk-{secrets.token_urlsafe(_BITS // 8)}")


def _hash_of(key: Secret) -> str:
    digest = KeyConfig(key=key).digest
    return f"sha256:{digest.hex()}" if digest else ""


def _with_keys(config: Config, keys: tuple[KeyConfig, ...]) -> Config:
    return msgspec.structs.replace(config, keys=keys)


def _with_key(config: Config, name: str, **changes: object) -> Config:
    """The configuration in which the key of `name` is as the changes say."""
    index = _index(name, config.keys)
    changed = msgspec.structs.replace(config.keys[index], **changes)
    return _with_keys(config, (*config.keys[:index], changed, *config.keys[index + 1 :]))


def _demand_free(name: str, config: Config) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise EditError(f"{name!r} is no name for a key: give up to {_LONGEST_NAME} characters that can be printed")
    if any(name_of(key) == name for key in config.keys):
        raise EditError(
            f"there is a key for {name} already: give it another name, or put a new one in its place with"
            f" `dragoman keys rotate {name}`"
        )


def _demand_models(models: Iterable[str], config: Config) -> None:
    known = [*(model.name for model in (*config.models, *config.audio.models)), *config.aliases]
    for name in models:
        if name not in known:
            raise EditError(f"there is no model {name!r}: {nearest(name, known)}")


def _index(name: str, keys: Sequence[KeyConfig]) -> int:
    found = [index for index, key in enumerate(keys) if name_of(key) == name]
    if len(found) > 1:
        raise EditError(f"{len(found)} keys are called {name}: give each a name of its own in the file")
    if not found:
        raise EditError(f"there is no key for {name!r}: {nearest(name, [name_of(key) for key in keys])}")
    return found[0]
