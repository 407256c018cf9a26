"""Changes the configuration file on behalf of a command or a page. What a person wrote around the change stays.

A file with mistakes is not touched, and nothing is written that does not say exactly what was asked for.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from dragoman.config.environment import KEY
from dragoman.config.findings import Findings, render_findings
from dragoman.config.load import load_bytes
from dragoman.config.nodes import read_tree
from dragoman.config.replace import holding, replace
from dragoman.config.schema import Config
from dragoman.config.splices import CannotEditError
from dragoman.hub.route import Secret

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}", re.ASCII)
# What opens a file that demands a key and has none yet, while it gets its first.
_STAND_IN: Final = Secret("the-key-that-is-still-to-be-added")

# The file's text and what it says, to the text that is to be.
Change: TypeAlias = Callable[[str, Config], str]


class EditError(Exception):
    """Nothing was changed; the message says why and what to do."""


def read(path: Path, env: Mapping[str, str]) -> Config:
    """The configuration as the file says it, in today's form. Raise EditError."""
    try:
        return _sound(path.read_bytes(), path, env)
    except OSError as error:
        raise EditError(f"{path}: {why(error)}") from None


def edit(path: Path, env: Mapping[str, str], change: Change, is_meant: Callable[[Config, Config], bool]) -> None:
    """Read, change, read again what would be written, and write it. A copy of what was stays beside it as `.bak`.

    is_meant: whether the file, which said the first, is to say the second. Raise EditError.
    """
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
            if not _is_yaml(after) or not is_meant(before, _sound(after, path, env)):
                raise EditError(f"{path}: is written in a way that is not edited here: change it by hand")
            keep(real, data, after)
    except OSError as error:
        raise EditError(f"{path}: {why(error)}") from None


def keep(path: Path, before: bytes, after: bytes) -> None:
    """Write a file of which one holds the lock, and what it was beside it. Raise OSError."""
    replace(path.with_name(f"{path.name}.bak"), before, path.stat().st_mode & 0o7777)
    replace(path, after)


def _sound(data: bytes, path: Path, env: Mapping[str, str]) -> Config:
    """What the file itself says. A variable that is not set here is no mistake of the file: it may be set elsewhere,
    to a name, a secret or a URL.
    """
    named = set(_VARIABLE.findall(data.decode("utf-8", "replace")))
    filled = {name: env.get(name) or f"http://the-variable-{name}-is-not-set-here" for name in named}
    loaded = load_bytes(data, {KEY: _STAND_IN.reveal(), **filled})
    if loaded.config is None:
        raise EditError(render_findings(loaded.findings, str(path)))
    own = tuple(key for key in loaded.config.keys if key.key != _STAND_IN)
    return msgspec.structs.replace(loaded.config, keys=own)


def _is_yaml(data: bytes) -> bool:
    findings = Findings()
    return read_tree(data.decode("utf-8-sig"), {}, findings) is not None or not findings.made


def why(error: OSError) -> str:
    """Why a configuration file cannot be written, and what to do."""
    match error:
        case FileNotFoundError():
            return "there is no such file: copy config.example.yaml to this place, or name another with --config"
        case PermissionError():
            return "may not be changed: the user you are needs the permission to write to its folder"
        case OSError(errno=16):
            return "cannot be replaced, since it is mounted by itself: mount its folder instead"
        case _:
            return f"cannot be changed: {error.strerror or error}"


def nearest(name: str, known: Sequence[str]) -> str:
    """The hint for a name that is not known."""
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there is {', '.join(known)}" if known else "there is none"
