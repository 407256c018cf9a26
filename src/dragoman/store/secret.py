"""The proxy's secret, which the envelopes of seals are made with. It stays the same from one start to the next."""

import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.store.place import close_to_others, private_directory

_log: Final = logging.getLogger("dragoman.store")
_BYTES: Final = 32
_NAME: Final = "secret"


class _WrongSizeError(Exception):
    def __init__(self, size: int) -> None:
        super().__init__(f"it holds {size} bytes, not {_BYTES}; remove it to have a new one made")


def secret_in(directory: Path | None) -> bytes:
    """Return the 32 bytes kept there, made if there are none yet.

    directory: None for a secret of this run only. So is one where the file cannot be read or made; a warning says so.
    """
    if directory is None:
        return secrets.token_bytes(_BYTES)
    path = directory / _NAME
    try:
        private_directory(directory)
        return _read(path) or _made(path)
    except (OSError, ValueError, _WrongSizeError) as error:
        _log.warning("%s cannot be used (%s): reasoning sealed in this run will not be known in the next", path, error)
        return secrets.token_bytes(_BYTES)


def _read(path: Path) -> bytes | None:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(found) != _BYTES:
        raise _WrongSizeError(len(found))
    close_to_others(path)
    return found


def _made(path: Path) -> bytes:
    """Write a new one, whole before it has its name. If another process was first, it is the other's that counts."""
    secret = secrets.token_bytes(_BYTES)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(secret)
            writing.flush()
            os.fsync(writing.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)  # fails where there is one, which renaming does not
    finally:
        draft.unlink()
    return _read(path) or secret
