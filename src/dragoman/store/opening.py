"""Opening the file: private, with its tables, and moved aside if it is damaged."""

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dragoman.store.migrations import Schema, migrate
from dragoman.store.place import private_directory, private_file

_log: Final = logging.getLogger("dragoman.store")
_WRITER_WAITS: Final = 5.0  # seconds for another process's transaction
_READER_WAITS: Final = 0.05  # a reader waits for nobody, but for another process that opens or closes the file
_LOG_BYTES: Final = 16 * 2**20  # what the write-ahead log is cut down to
# The files a database consists of, in the order to move them: an old log beside a new file would be taken for its own.
_PARTS: Final = ("-wal", "-shm", "")


class DamagedError(sqlite3.DatabaseError):
    """SQLite's own check of the file has found something."""


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its extension; SQLITE_ERROR where the error is not from SQLite itself."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return int(code) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    return isinstance(error, DamagedError) or primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_busy(error: sqlite3.Error) -> bool:
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, None if there is none: a file that was replaced has another."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_writer(path: Path, schemas: Sequence[Schema], *, doubtful: bool = False) -> sqlite3.Connection:
    """Return a connection for writing. A damaged file is moved aside, with a warning, and a new one made.

    doubtful: something went wrong with this file before, so all of it is checked. Raise OSError, sqlite3.Error or
    NewerFileError where nothing can be kept here.
    """
    private_directory(path.parent)
    private_file(path)
    before = identity(path)
    try:
        return _open(path, schemas, doubtful=doubtful)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        if identity(path) == before:  # else another process has moved it already
            moved = _move_aside(path)
            _log.warning("%s is damaged (%s): it was moved to %s, and a new one is begun", path, error, moved)
    private_file(path)
    return _open(path, schemas, doubtful=False)


def _open(path: Path, schemas: Sequence[Schema], *, doubtful: bool) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_WRITER_WAITS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(db)
        db.execute("PRAGMA synchronous = NORMAL")  # killing the process loses nothing that was committed
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        db.execute("PRAGMA secure_delete = FAST")
        if doubtful:
            _demand_soundness(db)
        migrate(db, schemas)
    except BaseException:
        db.close()
        raise
    return db


def _demand_soundness(db: sqlite3.Connection) -> None:
    """Read all of the file: about a second for each GiB."""
    (complaint,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if complaint != "ok":
        raise DamagedError(" ".join(complaint.split()))


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    """Readers and the writer do not wait for each other then. Where the file system cannot do it, they do."""
    until = time.monotonic() + _WRITER_WAITS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait here by itself, and another process may be at the same point.
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _move_aside(path: Path) -> Path:
    """The write-ahead log goes along, so that tools for rescue find what belongs together."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    moved = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{rest:09}")
    for ending in _PARTS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(moved.with_name(moved.name + ending))
    return moved


def open_reader(path: Path) -> sqlite3.Connection:
    """Raise sqlite3.Error if there is no such file."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, timeout=_READER_WAITS, isolation_level=None, check_same_thread=False, uri=True)


def open_memory(schemas: Sequence[Schema]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    migrate(db, schemas)
    return db
