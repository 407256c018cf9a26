"""Changes the configuration file on behalf of a command: its keys. What a person wrote around them stays.

A file with mistakes is not touched, and nothing is written that does not say exactly what was asked for.
"""

import difflib
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec

from dragoman.config import key_edits
from dragoman.config.environment import KEY
from dragoman.config.findings import render_findings
from dragoman.config.key_edits import CannotEditError
from dragoman.config.load import load_bytes
from dragoman.config.replace import holding, replace
from dragoman.config.schema import Config, KeyConfig
from dragoman.hub.route import Secret

_LONGEST_NAME: Final = 80
_BITS: Final = 256
_VARIABLE: Final = re.compile(r"\$\{(\w+)", re.ASCII)
# What opens a file that demands a key and has none yet, while it gets its first.
_STAND_IN: Final = Secret("the-key-that-is-still-to-be-added")

Change: TypeAlias = Callable[[str, Config], str]


class EditError(Exception):
    """Nothing was changed; the message says why and what to do."""


class Made(NamedTuple):
    """A key that was made. first: there were none before, so until now everybody was let in."""

    key: Secret
    first: bool = False


def name_of(key: KeyConfig) -> str:
    """What commands and logs call it; one without a name by the head of its digest."""
    digest = key.digest
    return key.name or (digest.hex()[:8] if digest else "")


def read(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration as its keys are looked at. Raise EditError."""
    try:
        return _sound(path.read_bytes(), path, env)
    except OSError as error:
        raise EditError(f"{path}: {_why(error)}") from None


def add_key(path: Path, name: str, models: Sequence[str], env: Mapping[str, str]) -> Made:
    """Add a key for `name`. models: those it may use; none = all. Raise EditError."""
    key = _fresh()
    first = False

    def change(text: str, config: Config) -> str:
        nonlocal first
        _demand_free(name, config)
        _demand_models(models, config)
        first = not config.keys
        return key_edits.added(text, name, _hash_of(key), models)

    wanted = KeyConfig(name=name, key_hash=Secret(_hash_of(key)), models=tuple(models))
    _edit(path, env, change, lambda keys: (*keys, wanted))
    return Made(key, first)


def rotate_key(path: Path, name: str, env: Mapping[str, str]) -> Made:
    """Put a new key in the place of the one that `name` has; the old one no longer opens. Raise EditError."""
    key = _fresh()

    def expected(keys: tuple[KeyConfig, ...]) -> tuple[KeyConfig, ...]:
        index = _index(name, keys)
        renewed = msgspec.structs.replace(keys[index], key=Secret(""), key_hash=Secret(_hash_of(key)))
        return (*keys[:index], renewed, *keys[index + 1 :])

    _edit(path, env, lambda text, config: key_edits.rehashed(text, _index(name, config.keys), _hash_of(key)), expected)
    return Made(key)


def revoke_key(path: Path, name: str, env: Mapping[str, str]) -> None:
    """Take the key of `name` out of the file. Raise EditError, also for the last one: without keys all are let in."""

    def change(text: str, config: Config) -> str:
        index = _index(name, config.keys)
        if len(config.keys) == 1:
            raise EditError(
                f"{name} has the only key, and without keys everybody who can connect may use every model: put a new"
                f" one in its place with `dragoman keys rotate {name}`, or add another key first"
            )
        return key_edits.removed(text, index)

    def expected(keys: tuple[KeyConfig, ...]) -> tuple[KeyConfig, ...]:
        index = _index(name, keys)
        return keys[:index] + keys[index + 1 :]

    _edit(path, env, change, expected)


def _fresh() -> Secret:
    return Secret(f"sk-{secrets.token_urlsafe(_BITS // 8)}")


def _hash_of(key: Secret) -> str:
    digest = KeyConfig(key=key).digest
    return f"sha256:{digest.hex()}" if digest else ""


def _edit(
    path: Path,
    env: Mapping[str, str],
    change: Change,
    expected: Callable[[tuple[KeyConfig, ...]], tuple[KeyConfig, ...]],
) -> None:
    """Read, change, read again what would be written, and write it. A copy of what was stays beside it as `.bak`."""
    try:
        with holding(path) as real:
            data = real.read_bytes()
            before = _sound(data, path, env)
            text = data.decode("utf-8-sig")
            bom = data[: len(data) - len(text.encode())]
            try:
                after = bom + change(text, before).encode()
            except CannotEditError as error:
                raise EditError(f"{path}: {error}: change it by hand") from None
            if _sound(after, path, env) != msgspec.structs.replace(before, keys=expected(before.keys)):
                raise EditError(f"{path}: writes its keys in a way that is not edited here: change it by hand")
            replace(real.with_name(f"{real.name}.bak"), data, real.stat().st_mode & 0o7777)
            replace(real, after)
    except OSError as error:
        raise EditError(f"{path}: {_why(error)}") from None


def _sound(data: bytes, path: Path, env: Mapping[str, str]) -> Config:
    """What the file itself says. A variable that is not set here is no mistake of the file: it may be set elsewhere."""
    named = set(_VARIABLE.findall(data.decode("utf-8", "replace")))
    filled = {name: env.get(name) or f"the-variable-{name}-is-not-set-here" for name in named}
    loaded = load_bytes(data, {KEY: _STAND_IN.reveal(), **filled})
    if loaded.config is None:
        raise EditError(render_findings(loaded.findings, str(path)))
    own = tuple(key for key in loaded.config.keys if key.key != _STAND_IN)
    return msgspec.structs.replace(loaded.config, keys=own)


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file: copy config.example.yaml to this place, or name another with --config"
        case PermissionError():
            return "may not be changed: the user you are needs the permission to write to its folder"
        case OSError(errno=16):
            return "cannot be replaced, since it is mounted by itself: mount its folder instead"
        case _:
            return f"cannot be changed: {error.strerror or error}"


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
            raise EditError(f"there is no model {name!r}: {_nearest(name, known)}")


def _index(name: str, keys: Sequence[KeyConfig]) -> int:
    found = [index for index, key in enumerate(keys) if name_of(key) == name]
    if len(found) > 1:
        raise EditError(f"{len(found)} keys are called {name}: give each a name of its own in the file")
    if not found:
        raise EditError(f"there is no key for {name!r}: {_nearest(name, [name_of(key) for key in keys])}")
    return found[0]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there is {', '.join(known)}" if known else "there is none"
