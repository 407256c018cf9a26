"""A file is opened, or moved aside and begun anew; never thrown away."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.store import opening
from dragoman.store.migrations import NewerFileError, Schema
from dragoman.store.opening import (
    DamagedError,
    identity,
    is_busy,
    is_damage,
    open_memory,
    open_reader,
    open_writer,
    primary_code,
)
from tests.store.keeping import NOTES, note, notes


def written(path: Path, *said: str) -> None:
    with closing(open_writer(path, (NOTES,))) as db:
        for one in said:
            note(one)(db)


def moved_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def test_a_new_file_is_private_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "f.db"
    with closing(open_writer(path, (NOTES,))) as db:
        note("a")(db)
        modes = {part.name: part.stat().st_mode & 0o777 for part in path.parent.iterdir()}
    assert modes == {"f.db": 0o600, "f.db-wal": 0o600, "f.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    written(tmp_path / "f.db", "a", "b")
    with closing(open_writer(tmp_path / "f.db", (NOTES,), doubtful=True)) as db:
        assert notes(db) == ["a", "b"]


@pytest.mark.parametrize(
    "rubbish", [b"this is no database, it is a text " * 200, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_a_damaged_file_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, rubbish: bytes) -> None:
    path = tmp_path / "f.db"
    path.write_bytes(rubbish)
    with closing(open_writer(path, (NOTES,))) as db:
        note("a")(db)
        assert notes(db) == ["a"]
    [moved] = moved_aside(path)
    assert moved.read_bytes() == rubbish
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert str(path) in record.getMessage()
    assert str(moved) in record.getMessage()


def test_a_doubtful_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    written(path, *(f"{number} " * 200 for number in range(200)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with closing(open_writer(path, (NOTES,))):
        assert moved_aside(path) == []  # what is opened in good faith is not read over
    with closing(open_writer(path, (NOTES,), doubtful=True)) as db:
        assert notes(db) == []
    assert len(moved_aside(path)) == 1


def test_a_file_that_somebody_else_has_moved_is_not_moved_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.db"
    path.write_bytes(b"rubbish" * 1000)
    real = opening._open
    calls = 0

    def slow(at: Path, schemas: tuple[Schema, ...], *, doubtful: bool) -> sqlite3.Connection:
        nonlocal calls
        calls += 1
        try:
            return real(at, schemas, doubtful=doubtful)
        finally:
            if calls == 1:  # the other is quicker
                path.rename(tmp_path / "theirs")
                written(path, "theirs")

    monkeypatch.setattr(opening, "_open", slow)
    with closing(open_writer(path, (NOTES,))) as db:
        assert notes(db) == ["theirs"]
    assert moved_aside(path) == []


def test_a_file_of_a_later_version_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "f.db"
    written(path, "a")
    with pytest.raises(NewerFileError):
        open_writer(path, (Schema("notes", ()),))
    written(path, "b")


def test_what_is_not_damage_is_told(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_writer(tmp_path, (NOTES,))
    assert moved_aside(tmp_path) == []


def test_readers_see_and_do_not_write(tmp_path: Path) -> None:
    path = tmp_path / "odd ?#% name.db"
    with closing(open_writer(path, (NOTES,))) as db:
        note("a")(db)
        with closing(open_reader(path)) as reader:
            assert notes(reader) == ["a"]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                note("b")(reader)
    with pytest.raises(sqlite3.OperationalError):
        open_reader(tmp_path / "none.db")


def test_another_process_that_opens_it_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.db"
    path.touch()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if other.in_transaction:
                other.rollback()

        monkeypatch.setattr("time.sleep", wait)
        monkeypatch.setattr("time.monotonic", lambda: 0.0)
        monkeypatch.setattr(opening, "_WRITER_WAITS", 0.1)
        with closing(open_writer(path, (NOTES,))) as db:
            assert notes(db) == []
        assert waits


def test_memory_has_the_tables_too() -> None:
    with closing(open_memory((NOTES,))) as db:
        assert notes(db) == []


def test_which_file_it_is(tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert identity(path) is None
    path.touch()
    first = identity(path)
    path.rename(tmp_path / "g")
    assert identity(tmp_path / "g") == first
    path.touch()
    assert identity(path) != first


def test_kinds_of_errors() -> None:
    class Coded(sqlite3.OperationalError):
        sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT

    assert primary_code(Coded()) == sqlite3.SQLITE_BUSY
    assert primary_code(sqlite3.ProgrammingError("closed")) == sqlite3.SQLITE_ERROR
    assert is_busy(Coded())
    assert not is_damage(Coded())
    assert is_damage(DamagedError("row 3 is missing"))
