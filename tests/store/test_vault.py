"""Reasoning is found again by what its client sends back, by its owner alone, at once and after a restart."""

import sqlite3
import time
from pathlib import Path

import pytest

from dragoman.store import vault as vaults
from dragoman.store.database import Database
from dragoman.store.vault import VAULT, Vault
from tests.store.keeping import Clock, Opener

DAY = 86_400.0


@pytest.fixture
def database(place: Path | None, opening: Opener) -> Database:
    return opening(place, (VAULT,))


@pytest.fixture
def vault(database: Database, clock: Clock) -> Vault:
    return Vault(database, now=clock)


def restarted(database: Database, clock: Clock) -> Vault:
    """One that has nothing in memory."""
    assert database.flush()
    return Vault(database, now=clock)


def rows(database: Database) -> tuple[set[str], int]:
    """Values that are in the file, and how many keys find them. Every key finds one."""
    database.flush()

    def look(db: sqlite3.Connection) -> tuple[set[str], int]:
        lost = db.execute("SELECT count(*) FROM vault_keys WHERE number NOT IN (SELECT number FROM vault)")
        assert lost.fetchone() == (0,)
        (keys,) = db.execute("SELECT count(*) FROM vault_keys").fetchone()
        return {value for (value,) in db.execute("SELECT value FROM vault")}, keys

    return database.read(look, ({"not read"}, -1))


def test_any_of_its_keys_finds_it(vault: Vault) -> None:
    vault.remember("me", ["a", "b"], "thought")
    assert [vault.recall("me", [key]) for key in ("a", "b", "c")] == ["thought", "thought", None]
    assert vault.recall("me", []) is None
    assert vault.recall("me", ["c", "b"]) == "thought"


def test_the_first_key_that_is_known_tells(vault: Vault) -> None:
    vault.remember("me", ["a"], "one")
    vault.remember("me", ["b"], "two")
    assert vault.recall("me", ["a", "b"]) == "one"
    assert vault.recall("me", ["x", "b", "a"]) == "two"


def test_it_is_its_owners_alone(vault: Vault) -> None:
    vault.remember("me", ["a"], "mine")
    vault.remember("", ["a"], "anybody's")
    assert vault.recall("you", ["a"]) is None
    assert (vault.recall("me", ["a"]), vault.recall("", ["a"])) == ("mine", "anybody's")
    vault.remember("1", ["1:a"], "x")
    assert vault.recall("1:1", ["a"]) is None


def test_what_was_remembered_last_counts(vault: Vault, database: Database, clock: Clock, place: Path | None) -> None:
    vault.remember("me", ["a", "b"], "first")
    vault.remember("me", ["a"], "second")
    assert (vault.recall("me", ["a"]), vault.recall("me", ["b"])) == ("second", "first")
    vault.remember("me", ["b"], "third")
    if place is not None:
        assert rows(database) == ({"second", "third"}, 2)
        assert restarted(database, clock).recall("me", ["b"]) == "third"


def test_it_is_there_after_a_restart(tmp_path: Path, opening: Opener) -> None:
    first = opening(tmp_path / "f.db", (VAULT,))
    Vault(first).remember("me", ["a", "b"], "thought")
    first.close()
    again = Vault(opening(tmp_path / "f.db", (VAULT,)))
    assert again.recall("me", ["b"]) == "thought"
    assert again.recall("you", ["b"]) is None


def test_nothing_without_a_key_or_beyond_all_room(vault: Vault, database: Database) -> None:
    vault.remember("me", [], "thought")
    vault.remember("me", ["a"], "x" * (64 * 2**20 + 1))
    assert vault.recall("me", ["a"]) is None
    database.flush()
    assert database.dropped == 0


def test_time_runs_from_the_last_use(vault: Vault, database: Database, clock: Clock, place: Path | None) -> None:
    for name in ("used", "idle"):
        vault.remember("me", [name], name)
    clock.seconds += 4 * DAY
    assert vault.recall("me", ["used"]) == "used"
    clock.seconds += 4 * DAY
    assert vault.recall("me", ["used"]) == "used"
    assert vault.recall("me", ["idle"]) is None
    if place is not None:
        assert restarted(database, clock).recall("me", ["idle"]) is None
        assert rows(database) == ({"used"}, 1)  # a restart sweeps
        clock.seconds += 4 * DAY
        assert restarted(database, clock).recall("me", ["used"]) == "used"
    clock.seconds += 7 * DAY
    assert vault.recall("me", ["used"]) is None


def test_use_is_not_written_down_at_every_turn(tmp_path: Path, opening: Opener, clock: Clock) -> None:
    database = opening(tmp_path / "f.db", (VAULT,))
    vault = Vault(database, now=clock)
    vault.remember("me", ["a"], "thought")
    database.flush()
    before = database._taken
    for _ in range(100):
        clock.seconds += 60
        vault.recall("me", ["a"])
    assert database._taken - before == 1


def test_the_file_is_bounded(tmp_path: Path, opening: Opener, clock: Clock) -> None:
    database = opening(tmp_path / "f.db", (VAULT,))
    vault = Vault(database, max_bytes=10_000, now=clock)
    for number in range(60):
        clock.seconds += 1
        vault.remember("me", [f"{number} a", f"{number} b"], f"{number:04}" * 100)
    values, keys = rows(database)
    assert 20 <= len(values) <= 24
    assert keys == 2 * len(values)
    assert f"{59:04}" * 100 in values


def test_memory_is_bounded(place: Path | None, opening: Opener, clock: Clock) -> None:
    database = opening(place, (VAULT,))
    vault = Vault(database, max_bytes=1000, recent_bytes=1000, now=clock)
    for number in range(20):
        vault.remember("me", [str(number)], f"{number:04}" * 25)
    assert vault._recent._bytes <= 1000
    assert vault.recall("me", ["19"]) is not None
    assert vault.recall("me", ["10"]) is not None
    if place is None:
        assert vault.recall("me", ["9"]) is None
        vault.remember("me", ["20"], "x")
        assert vault.recall("me", ["11"]) is None  # 10 was recalled later
        assert vault.recall("me", ["10"]) is not None


def test_one_that_fills_the_memory_is_at_hand_nevertheless(tmp_path: Path, opening: Opener) -> None:
    vault = Vault(opening(tmp_path / "f.db", (VAULT,)), recent_bytes=10)
    vault.remember("me", ["a"], "x" * 100)
    assert vault.recall("me", ["a"]) == "x" * 100


def test_what_left_the_memory_is_in_the_file(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (VAULT,))
    vault = Vault(database, recent_bytes=300)
    for number in range(20):
        vault.remember("me", [str(number)], f"{number:04}" * 25)
    database.flush()
    assert [vault.recall("me", [str(number)]) for number in range(20)] == [f"{n:04}" * 25 for n in range(20)]


def test_a_file_that_cannot_be_read_is_a_miss(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (VAULT,))
    vault = Vault(database)
    database.put(lambda db: db.execute("DROP TABLE vault_keys"))
    database.flush()
    assert vault.recall("me", ["a"]) is None


def test_a_miss_is_quick(tmp_path: Path, opening: Opener) -> None:
    """Of many, for the machine may be busy; among 5,000 values."""
    database = opening(tmp_path / "f.db", (VAULT,), max_writes=100_000)
    vault = Vault(database)
    for number in range(5_000):
        vault.remember("me", [f"call:{number}"], "x" * 100)
    database.flush()
    took = []
    for number in range(500):
        begun = time.perf_counter()
        vault.recall("me", [f"call:none {number}"])
        took.append(time.perf_counter() - begun)
    assert sorted(took)[250] < 0.001


def test_finding_reads_no_table_through(tmp_path: Path, opening: Opener) -> None:
    database = opening(tmp_path / "f.db", (VAULT,))
    for query in (
        vaults._FIND,
        vaults._TOUCH,
        "SELECT total(size) FROM vault",
        "DELETE FROM vault_keys WHERE number = ?",
    ):
        plan = database.read(
            lambda db, query=query: [  # type: ignore[misc]  # mypy#15459
                row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}", (0,) * query.count("?"))
            ],
            ["SCAN"],
        )
        assert not [step for step in plan if step.startswith("SCAN") and "COVERING" not in step], plan
