"""Ledgers of the tests: in memory, at a time that stands still."""

import sqlite3
from typing import Any, Final

from dragoman.ledger.line import Line
from dragoman.ledger.tables import LEDGER, write_lines
from dragoman.store.opening import open_memory

NOON: Final = 1_790_510_400  # 2026-09-27 12:00 UTC, in seconds


def line(seconds: float = NOON, **more: Any) -> Line:
    said: dict[str, Any] = {"key": "me", "model": "m", "status": 200, "duration_ms": 100}
    return Line(time=round(seconds * 1000), **{**said, **more})


made: Final[list[sqlite3.Connection]] = []  # closed when their test is over: conftest.py


def written(*lines: Line) -> sqlite3.Connection:
    db = open_memory([LEDGER])
    made.append(db)
    write(db, *lines)
    return db


def write(db: sqlite3.Connection, *lines: Line) -> None:
    db.execute("BEGIN")
    write_lines(db, lines)
    db.execute("COMMIT")
