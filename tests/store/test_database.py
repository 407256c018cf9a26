"""Writing never stands in the way, and what was written is there."""

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.store.database import Database
from dragoman.store.migrations import Schema
from tests.store.keeping import NOTES, Opener, note, notes, notes_in

PAST: list[str] = ["not read"]


def said(database: Database) -> list[str]:
    """What is there once all that was put is settled."""
    assert database.flush()
    return database.read(notes, PAST)


def test_what_is_put_is_there_in_its_order(place: Path | None, opening: Opener) -> None:
    database = opening(place)
    words = [f"note {number}" for number in range(500)]
    assert all(database.put(note(word)) for word in words)
    assert said(database) == words
    assert asyncio.run(database.read_aside(notes, PAST)) == words
    assert database.in_memory is (place is None)


def test_what_was_kept_is_there_at_the_next_start(tmp_path: Path, opening: Opener) -> None:
    first = opening(tmp_path / "f.db", pause=60.0)
    first.put(note("a"))
    assert first.close()  # without waiting for the pause
    assert said(opening(tmp_path / "f.db")) == ["a"]


def test_memory_ends_with_the_process(opening: Opener) -> None:
    first = opening(None)
    first.put(note("a"))
    assert said(first) == ["a"]
    assert first.close()
    assert first.read(notes, PAST) == PAST
    assert said(opening(None)) == []


def test_settled_is_told_when_readers_see_it(place: Path | None, opening: Opener) -> None:
    database = opening(place)
    seen: list[list[str]] = []
    if place is None:
        database.put(note("a"), settled=lambda: seen.append(database.read(notes, PAST)))
    else:
        database.put(note("a"), settled=lambda: seen.append(notes_in(place)))
    database.flush()
    assert seen == [["a"]]


class Held:
    """A write that keeps the writing thread until it is let go."""

    def __init__(self, database: Database) -> None:
        self._begun, self._go = threading.Event(), threading.Event()
        database.put(self._hold)
        assert self._begun.wait(10)

    def _hold(self, db: sqlite3.Connection) -> None:
        self._begun.set()
        assert self._go.wait(10)

    def let_go(self) -> None:
        self._go.set()


def test_a_full_queue_drops_and_counts(tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture) -> None:
    database = opening(tmp_path / "f.db", max_writes=3)
    held = Held(database)
    assert [database.put(note(word)) for word in "abcd"] == [True, True, False, False]
    assert database.dropped == 2
    held.let_go()
    assert said(database) == ["a", "b"]
    assert database.put(note("e"))
    assert said(database) == ["a", "b", "e"]
    assert [record.getMessage() for record in caplog.records] == [
        "more is to be kept than can be written: some of it is dropped"
    ]


def test_the_queue_is_bounded_in_bytes_as_well(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", max_bytes=100)
    held = Held(database)
    assert [database.put(note(word), size=size) for word, size in (("a", 60), ("b", 50), ("c", 40), ("d", 1))] == [
        True,
        False,
        True,
        False,
    ]
    held.let_go()
    assert said(database) == ["a", "c"]
    assert database.put(note("e"), size=100)


def test_a_reader_does_not_wait_for_the_writer(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db")
    database.put(note("a"))
    assert said(database) == ["a"]
    held = Held(database)
    assert database.read(notes, PAST) == ["a"]
    held.let_go()


def fail(_db: sqlite3.Connection) -> None:
    raise ValueError("a bug")


@pytest.mark.parametrize("wrong", [fail, note(None), note("a"), lambda db: db.execute("SELEC")])
def test_one_bad_write_does_not_harm_the_others(
    place: Path | None, opening: Opener, wrong: Callable[[sqlite3.Connection], object], caplog: pytest.LogCaptureFixture
) -> None:
    database, settled = opening(place), list[int]()
    held = Held(database)
    for number, write in enumerate((note("a"), wrong, note("b"))):
        database.put(write, settled=lambda number=number: settled.append(number))  # type: ignore[misc]  # mypy#15459
    held.let_go()
    assert said(database) == ["a", "b"]
    assert settled == [0, 1, 2]
    assert database.lost == 1
    [record] = caplog.records
    assert record.exc_info is not None


def test_a_write_that_is_wrong_each_time_is_told_once(
    tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    database = opening(tmp_path / "f.db")
    for _ in range(3):
        database.put(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
        assert database.flush()
    assert (database.lost, len(caplog.records)) == (3, 1)


def test_what_settles_badly_does_not_end_the_thread(
    tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    database = opening(tmp_path / "f.db")

    def settle() -> None:
        raise ValueError("a bug")

    database.put(note("a"), settled=settle)
    assert said(database) == ["a"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def limit_pages(db: sqlite3.Connection) -> None:
    """As full as a disk can be: SQLite says SQLITE_FULL."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize(
    ("spoil", "mend"),
    [
        (limit_pages, lambda db: db.execute("PRAGMA max_page_count = 1000000")),
        (lambda db: db.execute("PRAGMA query_only = 1"), lambda db: db.execute("PRAGMA query_only = 0")),
    ],
    ids=["full", "read-only"],
)
def test_where_nothing_can_be_written_serving_goes_on(
    place: Path | None,
    opening: Opener,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[sqlite3.Connection], object],
    mend: Callable[[sqlite3.Connection], object],
) -> None:
    caplog.set_level(logging.INFO)
    database = opening(place)
    database.put(note("before"))
    database.put(spoil)
    database.flush()
    for number in range(3):
        assert database.put(note(f"{number}" * 100_000))
        database.flush()
    assert said(database) == ["before"]
    assert database.lost == 3
    assert len(caplog.records) == 1
    assert "nothing can be kept for now" in caplog.text
    mend(database._db)
    database.put(note("after" * 1000))
    assert said(database) == ["before", "after" * 1000]
    assert [record.getMessage() for record in caplog.records[1:]] == ["things are kept again; 3 writes were lost"]


def test_a_place_that_cannot_be_used_is_memory(
    tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "f.db", Path("\0")):
        database = opening(path)
        database.put(note("a"))
        assert said(database) == ["a"]
        assert database.in_memory
    assert len(caplog.records) == 2
    assert str(tmp_path / "file" / "f.db") in caplog.text


def test_a_file_of_a_later_version_is_not_touched(
    tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "f.db"
    opening(
        path, (Schema("notes", (*NOTES.steps, lambda db: db.execute("ALTER TABLE notes ADD COLUMN more"))),)
    ).close()
    database = opening(path)
    assert database.in_memory
    database.put(note("a"))
    assert said(database) == ["a"]
    assert notes_in(path) == []
    assert "newer version of Dragoman" in caplog.text


def test_after_the_end_nothing_is_taken(place: Path | None, opening: Opener) -> None:
    database = opening(place)
    database.put(note("a"))
    assert database.close()
    assert not database.put(note("b"))
    assert database.flush()
    assert database.read(notes, PAST) == PAST
    assert database.dropped == 1
    assert database.close()
    if place is not None:
        assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_a_file_that_is_taken_away_is_made_anew(tmp_path: Path, opening: Opener) -> None:
    path = tmp_path / "f.db"
    database = opening(path)
    database.put(note("a"))
    assert said(database) == ["a"]
    path.rename(tmp_path / "elsewhere.db")
    (tmp_path / "f.db-wal").rename(tmp_path / "elsewhere.db-wal")
    database.put(note("b"))
    assert said(database) == ["b"]
    assert notes_in(path) == ["b"]
    assert notes_in(tmp_path / "elsewhere.db") == ["a"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_goes_bad_is_moved_aside(tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "f.db"
    database = opening(path)
    for number in range(200):
        database.put(note(f"{number} " * 200))
    assert len(said(database)) == 200
    database.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(8 * 4096)  # behind the pages that opening looks at
        file.write(b"\xff" * (size - 8 * 4096))
    database = opening(path)
    assert database.read(notes, PAST) == PAST
    database.put(note("new"))
    assert said(database) == ["new"]
    [moved] = tmp_path.glob("f.db.damaged-*[0-9]")
    assert moved.stat().st_size == size
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING]
    assert database.lost == 0
    database.close()
    assert notes_in(path) == ["new"]


def test_a_damaged_file_found_by_writing(tmp_path: Path, opening: Opener) -> None:
    path = tmp_path / "f.db"
    first = opening(path)
    for number in range(200):
        first.put(note(f"{number} " * 200))
    first.close()
    database = opening(path)
    with path.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 8 * 4096))
    database.put(note("new"))
    assert said(database) == ["new"]
    assert database.lost == 0
    assert len(list(tmp_path.glob("f.db.damaged-*[0-9]"))) == 1


def test_a_place_that_is_taken_away_for_good(tmp_path: Path, opening: Opener, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "data"
    database = opening(place / "f.db")
    place.rename(tmp_path / "elsewhere")
    place.touch()
    for word in "abc":
        database.put(note(word))
        database.flush()
    assert database.lost == 3
    assert len(caplog.records) == 1
    place.unlink()
    database.put(note("d"))
    assert said(database) == ["d"]


def test_the_thread_survives_a_bug_of_its_own(
    tmp_path: Path, opening: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database = opening(tmp_path / "f.db")
    with monkeypatch.context() as patch:
        patch.setattr(database, "_write", fail)
        database.put(note("a"))
        assert database.flush()
    database.put(note("b"))
    assert said(database) == ["b"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_chores_are_done_at_once_and_again(tmp_path: Path, opening: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.store.database._BETWEEN_CHORES", 0.0)
    done, enough = list[int](), threading.Event()

    def chore(_db: sqlite3.Connection) -> None:
        done.append(1)
        if len(done) == 3:
            enough.set()

    opening(tmp_path / "f.db", pause=0.001).chore(chore)
    assert enough.wait(10)


def test_many_threads_may_read_and_write(place: Path | None, opening: Opener) -> None:
    database = opening(place)

    def run(name: int) -> None:
        for number in range(50):
            database.put(note(f"{name} {number}"))
            assert database.read(notes, PAST) != PAST

    threads = [threading.Thread(target=run, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said(database)) == 400


# Writes a numbered note every millisecond, and says each with the time it was put at.
_CHILD = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from dragoman.store.database import Database
    from tests.store.keeping import NOTES, note

    database, number, name = Database(Path(sys.argv[1]), (NOTES,)), 0, sys.argv[2]
    until = int(sys.argv[3])
    while number < until:
        database.put(note(f"{name} {number}"))
        print(f"{number} {time.monotonic()}", flush=True)
        number += 1
        time.sleep(0.001)
    sys.exit(0 if database.close() else 1)
    """
)


def child(path: Path, name: str, until: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path), name, str(until)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def test_killed_it_loses_no_more_than_the_last_second(tmp_path: Path, opening: Opener) -> None:
    path = tmp_path / "f.db"
    process = child(path, "a", 1_000_000)
    assert process.stdout is not None
    put: list[tuple[int, float]] = []
    while not put or put[-1][1] - put[0][1] < 1.5:
        number, at = process.stdout.readline().split()
        put.append((int(number), float(at)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    found = {int(note.split()[1]) for note in said(opening(path))}
    due = {number for number, at in put if at < put[-1][1] - 1.0}
    assert len(due) > 10
    assert due <= found
    assert found == set(range(len(found)))


def test_two_processes_share_a_file(tmp_path: Path, opening: Opener) -> None:
    path = tmp_path / "f.db"
    processes = [child(path, name, 300) for name in "ab"]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert sorted(said(opening(path))) == sorted(f"{name} {number}" for name in "ab" for number in range(300))


def test_what_another_process_locks_is_written_when_it_lets_go(
    tmp_path: Path, opening: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.store.opening._WRITER_WAITS", 0.01)
    path = tmp_path / "f.db"
    database = opening(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    tried = threading.Event()
    real = database._transact

    def transact(batch: list[object]) -> None:
        try:
            real(batch)  # type: ignore[arg-type]  # passed on
        except sqlite3.OperationalError:
            if tried.is_set():
                other.rollback()
            tried.set()
            raise

    monkeypatch.setattr(database, "_transact", transact)
    database.put(note("a"))
    assert said(database) == ["a"]
    assert (database.lost, tried.is_set()) == (0, True)
    other.close()


def test_what_stays_locked_is_lost(
    tmp_path: Path, opening: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dragoman.store.opening._WRITER_WAITS", 0.01)
    database = opening(tmp_path / "f.db")
    other = sqlite3.connect(tmp_path / "f.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.put(note("a"))
    assert said(database) == []
    assert "locked" in caplog.text
    other.close()
    database.put(note("b"))
    assert said(database) == ["b"]
