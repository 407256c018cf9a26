"""How the tables of a file come to be as the program wants them: by numbered steps, each taken once."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

Write: TypeAlias = Callable[[sqlite3.Connection], object]


class Schema(NamedTuple):
    """The tables of one that keeps things in the file.

    steps: in the order they came to be; step 1 is the first. A step that was released is never changed. They run inside
    a transaction, so `executescript`, which would end it, is not for them.
    """

    name: str
    steps: tuple[Write, ...]


class NewerFileError(Exception):
    """The file was written by a later version, whose tables may mean something else."""

    def __init__(self) -> None:
        super().__init__("it was written by a newer version of Dragoman")


def migrate(db: sqlite3.Connection, schemas: Sequence[Schema]) -> None:
    """Take the steps that this file has not seen: all of them, or none. db: in autocommit mode.

    Raise NewerFileError if it has seen steps that are not known here.
    """
    db.execute("BEGIN IMMEDIATE")  # another process may be about to do the same
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (schema TEXT PRIMARY KEY, step INTEGER NOT NULL)")
        for schema in schemas:
            _take_steps(db, schema)
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def _take_steps(db: sqlite3.Connection, schema: Schema) -> None:
    row = db.execute("SELECT step FROM migrations WHERE schema = ?", (schema.name,)).fetchone()
    seen: int = 0 if row is None else row[0]
    if seen > len(schema.steps):
        raise NewerFileError
    for step in schema.steps[seen:]:
        step(db)
    db.execute("INSERT OR REPLACE INTO migrations VALUES (?, ?)", (schema.name, len(schema.steps)))
