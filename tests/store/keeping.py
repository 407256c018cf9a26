"""What the tests keep: notes in a table of their own, and responses."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from dragoman.store.database import Database
from dragoman.store.migrations import Schema, Write
from dragoman.store.response_tables import StoredResponse

Opener: TypeAlias = Callable[..., Database]


def _first(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE notes (said TEXT NOT NULL UNIQUE)")


NOTES: Final = Schema("notes", (_first,))


def note(said: str | None) -> Write:
    return lambda db: db.execute("INSERT INTO notes VALUES (?)", (said,))


def notes(db: sqlite3.Connection) -> list[str]:
    return [said for (said,) in db.execute("SELECT said FROM notes ORDER BY rowid")]


def notes_in(path: Path) -> list[str]:
    """What a program of its own finds in the file."""
    db = sqlite3.connect(path)
    try:
        return notes(db)
    finally:
        db.close()


class Clock:
    """Time that stands still."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def response(response_id: str, parent: str | None = None, owner: str = "me", **changes: Any) -> StoredResponse:
    said: dict[str, Any] = {
        "model": "m",
        "created_at": 7,
        "input_items": b'["%b in"]' % response_id.encode(),
        "output_items": b'["%b out"]' % response_id.encode(),
        "response": b"{}",
    }
    return StoredResponse(id=response_id, owner=owner, parent_id=parent, **{**said, **changes})


def ids(db: sqlite3.Connection) -> set[str]:
    """Of all that is there. The tables agree, and the sizes are right."""
    bodies = {number for (number,) in db.execute("SELECT number FROM response_bodies")}
    rows = db.execute("SELECT number, id, conversation, size FROM responses").fetchall()
    assert {number for number, *_ in rows} == bodies
    sizes: dict[int, int] = {}
    for _, _, conversation, size in rows:
        sizes[conversation] = sizes.get(conversation, 0) + size
    assert dict(db.execute("SELECT number, size FROM conversations")) == sizes
    return {response_id for _, response_id, *_ in rows}
