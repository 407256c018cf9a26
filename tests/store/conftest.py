"""Databases that are closed at the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dragoman.store.database import Database
from dragoman.store.migrations import Schema
from tests.store.keeping import NOTES, Clock, Opener


@pytest.fixture
def opening() -> Iterator[Opener]:
    """Opens databases without a pause, and closes them."""
    opened: list[Database] = []

    def open_one(
        path: Path | None, schemas: Sequence[Schema] = (NOTES,), *, pause: float = 0.0, **limits: int
    ) -> Database:
        opened.append(Database(path, schemas, pause=pause, **limits))
        return opened[-1]

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "kept.db" if request.param == "file" else None


@pytest.fixture
def clock() -> Clock:
    return Clock()
