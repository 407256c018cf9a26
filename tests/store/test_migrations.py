"""Steps are taken in order, each once, all or none."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.store.migrations import NewerFileError, Schema, Write, migrate


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} - {"migrations"}


def create(name: str) -> Write:
    return lambda db: db.execute(f"CREATE TABLE {name} (x)")


def fail(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE half (x)")
    raise ValueError("no")


def test_each_step_is_taken_once(db: sqlite3.Connection) -> None:
    migrate(db, [Schema("s", (create("a"),))])
    migrate(db, [Schema("s", (create("a"), create("b")))])
    migrate(db, [Schema("s", (create("a"), create("b")))])
    assert tables(db) == {"a", "b"}


def test_those_that_share_a_file_count_for_themselves(db: sqlite3.Connection) -> None:
    migrate(db, [Schema("s", (create("a"), create("b"))), Schema("t", (create("c"),))])
    migrate(db, [Schema("t", (create("c"), create("d")))])
    assert tables(db) == {"a", "b", "c", "d"}


def test_a_step_that_fails_leaves_nothing_behind(db: sqlite3.Connection) -> None:
    migrate(db, [Schema("s", (create("a"),))])
    with pytest.raises(ValueError, match="no"):
        migrate(db, [Schema("t", (create("c"),)), Schema("s", (create("a"), create("b"), fail))])
    assert tables(db) == {"a"}
    assert not db.in_transaction
    migrate(db, [Schema("s", (create("a"), create("b")))])
    assert tables(db) == {"a", "b"}


def test_a_file_of_a_later_version_is_left_alone(db: sqlite3.Connection) -> None:
    migrate(db, [Schema("s", (create("a"), create("b")))])
    with pytest.raises(NewerFileError):
        migrate(db, [Schema("s", (create("a"),)), Schema("t", (create("c"),))])
    assert tables(db) == {"a", "b"}


def test_two_at_once_take_each_step_once(tmp_path: Path) -> None:
    taken: list[int] = []

    def step(db: sqlite3.Connection) -> None:
        taken.append(1)
        db.execute("CREATE TABLE a (x)")

    def run() -> None:
        db = sqlite3.connect(tmp_path / "f", timeout=10, isolation_level=None)
        migrate(db, [Schema("s", (step,))])
        db.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [1]
