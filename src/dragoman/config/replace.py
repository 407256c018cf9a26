"""Replaces a file whole: whoever reads it sees the old content or the new one, also after a crash.

One at a time: `holding` keeps other processes of ours out between the reading and the writing.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600


@contextlib.contextmanager
def holding(path: Path) -> Iterator[Path]:
    """Wait until nobody else holds the file, and yield where it really is: a link stays a link.

    The lock is on its folder, so that nothing is left lying beside it.
    """
    real = Path(os.path.realpath(path))
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield real
    finally:
        os.close(folder)


def replace(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write `data` to `path`, which is no link. mode: of the file; None = as it is now, private if there is none.

    Raise OSError; the file is then as it was.
    """
    before = path.stat() if path.exists() else None
    if mode is None:
        mode = PRIVATE if before is None else before.st_mode & 0o7777
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as out:
            out.write(data)
            out.flush()
            if before is not None:
                _keep_owner(out.fileno(), before)
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _keep_owner(file: int, before: os.stat_result) -> None:
    """As far as we may: root edits a file of the user that the proxy runs as."""
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.fchown(file, before.st_uid, before.st_gid)


def _sync_folder(folder: Path) -> None:
    """Make the new name last. Some file systems cannot, and need not."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(opened)
    finally:
        os.close(opened)
