"""The ledger takes lines without waiting, and loses none that it took but where the disk does."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.ledger.ledger import Ledger
from dragoman.ledger.tables import DAY, LEDGER
from dragoman.store.database import Database
from tests.ledger.writing import NOON, line


@pytest.fixture(params=["file", "memory"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "usage.db" if request.param == "file" else None, [LEDGER], pause=0)
    yield made
    made.close()


def count(db: sqlite3.Connection) -> int:
    found: int = db.execute("SELECT count(*) FROM lines").fetchone()[0]
    return found


def ids(db: sqlite3.Connection) -> list[int]:
    return [int(name) for (name,) in db.execute("SELECT request_id FROM lines ORDER BY number")]


def test_lines_are_there_soon_in_their_order(database: Database) -> None:
    ledger = Ledger(database, 90, lambda: NOON)
    for number in range(100):
        ledger.record(line(request_id=f"{number}"))
    assert database.flush()
    nothing: list[int] = []
    assert database.read(ids, nothing) == list(range(100))


def test_lines_that_come_while_others_are_written_are_not_forgotten(database: Database) -> None:
    ledger = Ledger(database, 90, lambda: NOON)

    def tell() -> None:
        for _ in range(3000):
            ledger.record(line())

    teller = threading.Thread(target=tell)
    teller.start()
    teller.join()
    assert database.flush()
    assert database.read(count, 0) == 3000


def test_a_write_that_is_tried_again_writes_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(database, 90, lambda: NOON)
    assert database.flush()
    busy = sqlite3.OperationalError("locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    failures = [busy]
    write = ledger._write

    def once_busy(db: sqlite3.Connection) -> None:
        write(db)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(ledger, "_write", once_busy)
    ledger.record(line())
    ledger.record(line())
    assert database.flush()
    assert (database.read(count, 0), failures) == (2, [])


def test_closing_writes_what_was_told(tmp_path: Path) -> None:
    database = Database(tmp_path / "usage.db", [LEDGER], pause=60)
    ledger = Ledger(database, 90, lambda: NOON)
    for _ in range(10):
        ledger.record(line())
    assert database.close()
    db = sqlite3.connect(tmp_path / "usage.db")
    assert count(db) == 10
    db.close()


def test_more_than_can_be_written_is_dropped_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.ledger.ledger._MOST_WAITING", 3)
    database = Database(tmp_path / "usage.db", [LEDGER], pause=60)
    ledger = Ledger(database, 90, lambda: NOON)
    for _ in range(10):
        ledger.record(line())
    assert ledger.dropped == 7
    assert caplog.text.count("some of it is lost") == 1
    database.close()


def test_a_disk_without_room_stops_recording_and_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(tmp_path / "usage.db", [LEDGER], pause=0)
    ledger = Ledger(database, 90, lambda: NOON)
    assert database.flush()
    with database._using:
        pages = database._db.execute("PRAGMA page_count").fetchone()[0]
        database._db.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(50):
        ledger.record(line(losses="x" * 400))
        assert database.flush()
    kept = database.read(count, -1)
    assert 0 < kept < 50
    assert ledger.lost == 50 - kept
    for _ in range(3):
        ledger.record(line(losses="x" * 4000))
    assert database.flush()
    assert ledger.lost == 53 - kept, "requests are counted, not writes"
    assert caplog.text.count("nothing can be kept for now (database or disk is full)") == 1
    with database._using:
        database._db.execute("PRAGMA max_page_count = 1000000")
    before = database.read(count, -1)
    ledger.record(line())
    assert database.flush()
    assert database.read(count, -1) == before + 1
    database.close()


def test_a_write_that_fails_while_the_next_is_told_writes_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(database, 90, lambda: NOON)
    assert database.flush()
    write, full = ledger._write, sqlite3.OperationalError("full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    names = iter(range(1, 100))

    is_well = threading.Event()  # `record` is for one thread at a time: until then it is the writing one

    def meanwhile(db: sqlite3.Connection) -> None:
        write(db)
        if (number := next(names)) < 4:
            ledger.record(line(request_id=f"{number}"))
            raise full
        is_well.set()

    monkeypatch.setattr(ledger, "_write", meanwhile)
    ledger.record(line(request_id="0"))
    assert is_well.wait(30)
    assert database.flush()
    for number in (4, 5):
        ledger.record(line(request_id=f"{number}"))
    assert database.flush()
    nothing: list[int] = []
    assert (database.read(ids, nothing), ledger.lost) == ([3, 4, 5], 3)


def test_a_place_that_comes_back_is_written_to_again(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    database = Database(place / "usage.db", [LEDGER], pause=0)
    ledger = Ledger(database, 90, lambda: NOON)
    ledger.record(line(request_id="1"))
    assert database.flush()
    shutil.rmtree(place)
    place.write_text("in its way")
    ledger.record(line(request_id="2"))
    assert database.flush()
    place.unlink()
    ledger.record(line(request_id="3"))
    assert database.flush()
    nothing: list[int] = []
    assert database.read(ids, nothing) == [2, 3]
    assert ledger.lost == 0
    database.close()


def test_what_is_old_is_forgotten_at_the_start(tmp_path: Path) -> None:
    database = Database(tmp_path / "usage.db", [LEDGER], pause=0)
    ledger = Ledger(database, 90, lambda: NOON)
    for days in (0, 89, 90, 91, 92):
        ledger.record(line(NOON - days * DAY))
    assert database.flush()
    Ledger(database, 90, lambda: NOON)
    assert database.flush()
    assert database.read(count, 0) == 3
    database.close()


def test_in_memory_the_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.ledger.ledger._MOST_IN_MEMORY", 4)
    database = Database(None, [LEDGER], pause=0)
    ledger = Ledger(database, 90, lambda: NOON)
    for _ in range(10):
        ledger.record(line())
    database.flush()
    database.put(ledger._forget)
    database.flush()
    assert database.read(count, 0) == 4
    database.close()


KILLED = """\
import os, signal, sys
from pathlib import Path
from dragoman.ledger.ledger import Ledger
from dragoman.ledger.tables import LEDGER
from dragoman.store.database import Database
from tests.ledger.writing import NOON, line
database = Database(Path(sys.argv[1]), [LEDGER])
ledger = Ledger(database, 90, lambda: NOON)
for _ in range(500):
    ledger.record(line())
database.flush()
ledger.record(line())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_only_what_was_not_written_yet(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "usage.db")], cwd=root, check=False)
    db = sqlite3.connect(tmp_path / "usage.db")
    assert count(db) in {500, 501}
    tallied = db.execute("SELECT sum(requests) FROM tallies WHERE dimension = 'total' AND span = 1800").fetchone()
    assert tallied == (count(db),)
    db.close()
