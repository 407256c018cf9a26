"""Directories and files that only their owner can read."""

import os
import stat
from pathlib import Path
from typing import Final

_DIRECTORY: Final = 0o700
_FILE: Final = 0o600


def private_directory(path: Path) -> None:
    """Make the directory if it is not there. One that is there keeps its mode: it may be more than ours.

    Raise OSError where that cannot be done.
    """
    path.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)


def private_file(path: Path) -> None:
    """Make an empty file if there is none, and close to others one that is. Raise OSError where that cannot be done."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE))
    except FileExistsError:
        close_to_others(path)


def close_to_others(path: Path) -> None:
    """Raise OSError where the file is open to others and not ours to close."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & 0o077:
        path.chmod(_FILE)
