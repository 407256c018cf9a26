"""go-llm-proxy's usage database, taken over. Its rows are marked, so that a second time nothing comes twice."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from dragoman.ledger.line import Line
from dragoman.ledger.tables import write_lines
from dragoman.store.opening import open_reader

_COLUMNS: Final = (
    "timestamp",
    "key_hash",
    "key_name",
    "model",
    "backend",
    "endpoint",
    "status_code",
    "request_bytes",
    "response_bytes",
    "input_tokens",
    "output_tokens",
    "duration_ms",
)
_CHUNK: Final = 5000  # rows in one transaction: a running proxy writes in between
_DIALECTS: Final = {"messages": "anthropic-messages", "responses": "openai-responses", "chat": "openai-chat"}


class NotTheirsError(Exception):
    """The file is no usage database of go-llm-proxy."""


class Imported(NamedTuple):
    """new: rows that came. known: that had come before. old: left out, as they would be forgotten at once.

    unreadable: left out, as their time cannot be read.
    """

    new: int = 0
    known: int = 0
    old: int = 0
    unreadable: int = 0

    def plus(self, other: "Imported") -> "Imported":
        return Imported(*(one + more for one, more in zip(self, other, strict=True)))


def take_over(db: sqlite3.Connection, path: Path, since: float) -> Imported:
    """Copy the rows of the file at `path` into the ledger. db: the ledger, open for writing.

    since: seconds since the epoch; what is older is left out. Raise NotTheirsError, sqlite3.Error.
    """
    source = open_reader(path)
    try:
        done = Imported()
        for rows in _chunks(source):
            db.execute("BEGIN IMMEDIATE")
            try:
                done = done.plus(_write(db, rows, since))
                db.execute("COMMIT")
            except BaseException:
                db.rollback()
                raise
        return done
    finally:
        source.close()


def _chunks(source: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]]]:
    found = {row[1] for row in source.execute("PRAGMA table_info(usage)")}
    if missing := [name for name in _COLUMNS if name not in found]:
        said = f"its table `usage` lacks {', '.join(missing)}" if found else "it has no table `usage`"
        raise NotTheirsError(said)
    found_rows = source.execute(f"SELECT rowid, {', '.join(_COLUMNS)} FROM usage ORDER BY rowid")  # noqa: S608
    while rows := found_rows.fetchmany(_CHUNK):
        yield rows


def _write(db: sqlite3.Connection, rows: list[tuple[Any, ...]], since: float) -> Imported:
    lines: list[Line] = []
    known = old = unreadable = 0
    for row in rows:
        line = _line(row)
        if line is None:
            unreadable += 1
        elif line.time < since * 1000:
            old += 1
        elif not db.execute("INSERT OR IGNORE INTO imported VALUES (?)", (_mark(row),)).rowcount:
            known += 1
        else:
            lines.append(line)
    write_lines(db, lines)
    return Imported(len(lines), known, old, unreadable)


def _mark(row: tuple[Any, ...]) -> bytes:
    return blake2b(repr(row).encode("utf-8", "replace"), digest_size=10).digest()


def _line(row: tuple[Any, ...]) -> Line | None:
    said = dict(zip(_COLUMNS, row[1:], strict=True))
    when = _time(said["timestamp"])
    if when is None:
        return None
    endpoint = str(said["endpoint"] or "")
    return Line(
        time=when,
        key=str(said["key_name"] or said["key_hash"] or "anonymous"),
        key_hash=str(said["key_hash"] or ""),
        path=endpoint,
        dialect=next((dialect for word, dialect in _DIALECTS.items() if f"/{word}" in endpoint), ""),
        asked=str(said["model"] or ""),
        model=str(said["model"] or ""),
        backend=str(said["backend"] or ""),
        status=_count(said["status_code"]),
        input_tokens=_count(said["input_tokens"]),
        output_tokens=_count(said["output_tokens"]),
        request_bytes=_count(said["request_bytes"]),
        response_bytes=_count(said["response_bytes"]),
        duration_ms=_count(said["duration_ms"]),
        attempts=1,
    )


def _count(value: Any) -> int:
    return max(0, int(value)) if isinstance(value, int | float) else 0


def _time(value: Any) -> int | None:
    """Milliseconds since the epoch, of RFC 3339, with a space for its T, too, and in UTC where it names no zone."""
    try:
        found = dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return round((found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp() * 1000)
