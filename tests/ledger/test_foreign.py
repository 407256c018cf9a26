"""go-llm-proxy's usage comes over once, whatever stands in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.ledger.foreign import Imported, NotTheirsError, take_over
from dragoman.ledger.period import Piece
from dragoman.ledger.reports import named, total
from dragoman.ledger.tables import DAY, LEDGER
from dragoman.store.opening import open_memory, open_writer
from tests.ledger.foreign_file import add
from tests.ledger.writing import NOON

ALL = Piece("", 0, NOON + 10 * DAY)


@pytest.fixture
def ledger() -> Iterator[sqlite3.Connection]:
    db = open_memory([LEDGER])
    yield db
    db.close()


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return tmp_path / "usage.db"


def test_rows_become_lines_and_sums(ledger: sqlite3.Connection, theirs: Path) -> None:
    add(theirs, [{}, {"status_code": 502, "endpoint": "/v1/messages", "key_name": ""}, {}])
    assert take_over(ledger, theirs, 0) == Imported(new=3)
    found = total(ledger, ALL)
    assert (found.requests, found.errors, found.input_tokens, found.output_tokens) == (3, 1, 30, 15)
    assert (found.request_bytes, found.first, found.first_token_ms_p50) == (300, NOON * 1000, None)
    assert [row.name for row in named(ledger, "user", ALL.since, ALL.until)] == ["me", "0123456789abcdef"]
    dialects = ledger.execute("SELECT DISTINCT dialect FROM lines ORDER BY dialect").fetchall()
    assert dialects == [("anthropic-messages",), ("openai-chat",)]


def test_a_second_time_only_what_is_new_comes(ledger: sqlite3.Connection, theirs: Path) -> None:
    add(theirs, [{}, {}])
    take_over(ledger, theirs, 0)
    assert take_over(ledger, theirs, 0) == Imported(known=2)
    add(theirs, [{"input_tokens": 7}])
    assert take_over(ledger, theirs, 0) == Imported(new=1, known=2)
    assert total(ledger, ALL).input_tokens == 27


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("2026-09-27T12:00:00Z", NOON),
        ("2026-09-27T12:00:00.5Z", NOON + 0.5),
        ("2026-09-27T12:00:00.123456789Z", NOON + 0.123),
        ("2026-09-27T14:00:00+02:00", NOON),
        ("2026-09-27 12:00:00", NOON),
    ],
)
def test_times(ledger: sqlite3.Connection, theirs: Path, said: str, seconds: float) -> None:
    take_over(ledger, add(theirs, [{"timestamp": said}]), 0)
    assert total(ledger, ALL).first == round(seconds * 1000)


def test_what_is_old_or_without_a_time_is_left_out(ledger: sqlite3.Connection, theirs: Path) -> None:
    add(theirs, [{}, {"timestamp": "2026-01-01T00:00:00Z"}, {"timestamp": "yesterday"}, {"timestamp": None}])
    assert take_over(ledger, theirs, NOON - DAY) == Imported(new=1, old=1, unreadable=2)


def test_odd_values_are_no_counts(ledger: sqlite3.Connection, theirs: Path) -> None:
    add(theirs, [{"input_tokens": None, "output_tokens": "many", "duration_ms": -5, "model": None, "backend": None}])
    assert take_over(ledger, theirs, 0) == Imported(new=1)
    assert total(ledger, ALL).total_tokens == 0


def test_many_rows_come_in_several_transactions(
    ledger: sqlite3.Connection, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.ledger.foreign._CHUNK", 4)
    assert take_over(ledger, add(theirs, [{}] * 10), 0) == Imported(new=10)


def test_into_the_same_file(theirs: Path) -> None:
    """A `usage_db` of theirs may go on as ours."""
    add(theirs, [{}, {}])
    db = open_writer(theirs, [LEDGER])
    assert take_over(db, theirs, 0) == Imported(new=2)
    assert take_over(db, theirs, 0) == Imported(known=2)
    db.close()


@pytest.mark.parametrize("table", ["CREATE TABLE other (a)", "CREATE TABLE usage (timestamp, model)"])
def test_another_file_is_refused(ledger: sqlite3.Connection, theirs: Path, table: str) -> None:
    db = sqlite3.connect(theirs)
    db.execute(table)
    db.close()
    with pytest.raises(NotTheirsError, match="usage"):
        take_over(ledger, theirs, 0)


def test_no_file_and_no_database_are_errors_of_sqlite(ledger: sqlite3.Connection, theirs: Path) -> None:
    with pytest.raises(sqlite3.Error):
        take_over(ledger, theirs, 0)
    theirs.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.Error):
        take_over(ledger, theirs, 0)
