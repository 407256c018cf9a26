"""Sums and lines never disagree."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.ledger.line import FIELDS, Line
from dragoman.ledger.tables import (
    DAY,
    DIMENSIONS,
    HALF_HOUR,
    LEDGER,
    SUMS,
    TALLIED,
    forget_before,
    forget_surplus,
)
from dragoman.store.migrations import Schema, migrate
from tests.ledger.writing import NOON, line, write, written

LINES = st.builds(
    line,
    st.integers(NOON - 3 * DAY, NOON),
    key=st.sampled_from(["a", "b"]),
    model=st.sampled_from(["m", "n", ""]),
    agent=st.sampled_from(["Codex", ""]),
    session=st.sampled_from(["s", "t", ""]),
    status=st.sampled_from([200, 404, 499, 502]),
    problem=st.sampled_from(["", "truncated"]),
    input_tokens=st.none() | st.integers(0, 1000),
    output_tokens=st.none() | st.integers(0, 1000),
    first_byte_ms=st.none() | st.integers(0, 10_000),
)


def sums(db: sqlite3.Connection, span: int) -> dict[tuple[str, str], dict[str, int]]:
    """Of each dimension and name."""
    columns = ", ".join(f"sum({name})" for name in SUMS)
    rows = db.execute(
        f"SELECT dimension, name, {columns} FROM tallies WHERE span = ? GROUP BY dimension, name", (span,)
    )
    return {(dimension, name): dict(zip(SUMS, counts, strict=True)) for dimension, name, *counts in rows}


@settings(max_examples=30)
@given(st.lists(LINES, max_size=12), st.lists(LINES, max_size=12))
def test_the_sums_are_those_of_the_lines_however_they_came(some: list[Line], more: list[Line]) -> None:
    at_once, in_two = written(*some, *more), written(*some)
    write(in_two, *more)
    columns = {"user": "key", "model": "model", "agent": "agent", "backend": "backend"}
    for span in (HALF_HOUR, DAY):
        found = sums(in_two, span)
        assert found == sums(at_once, span)
        for (dimension, name), counts in found.items():
            column = columns.get(dimension)
            mine = [one for one in some + more if column is None or getattr(one, column) == name]
            if dimension != "problem":
                assert counts["requests"] == len(mine)
                assert counts["errors"] == sum(one.is_error for one in mine)
                assert counts["input_tokens"] == sum(one.input_tokens or 0 for one in mine)
    in_two.close()
    at_once.close()


def test_a_line_comes_back_as_it_was_written() -> None:
    whole = line(losses="a, b", input_tokens=None, cached_tokens=0, session="s", first_byte_ms=None)
    (found,) = written(whole).execute(f"SELECT {', '.join(FIELDS)} FROM lines").fetchall()
    assert Line(**dict(zip(FIELDS, found, strict=True))) == whole


def test_every_dimension_has_its_names() -> None:
    found = sums(written(line(agent="Codex", backend="http://a", status=502, problem="backend_failed")), DAY)
    assert {dimension for dimension, _ in found} == set(DIMENSIONS)
    assert found["problem", "backend_failed"]["requests"] == 1


def test_an_error_without_a_kind_is_known_by_its_status() -> None:
    assert ("problem", "status 418") in sums(written(line(status=418)), DAY)


def test_sessions_of_one_name_are_told_apart_by_their_users() -> None:
    db = written(line(session="s", input_tokens=1), line(key="you", session="s", input_tokens=10))
    write(db, line(session="s", input_tokens=2))
    rows = db.execute("SELECT name, user, input_tokens FROM sessions ORDER BY user").fetchall()
    assert rows == [("s", "me", 3), ("s", "you", 10)]


def test_a_file_of_the_first_step_keeps_its_sessions() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrate(db, [Schema("ledger", LEDGER.steps[:1])])
        zeros = ", ".join("0" for _ in TALLIED)
        db.execute(f"INSERT INTO sessions VALUES ('s', 'me', 'Codex', 'm', {zeros})")
        migrate(db, [LEDGER])
        write(db, line(session="s", agent="Codex", input_tokens=5))
        assert db.execute("SELECT name, user, requests, input_tokens FROM sessions").fetchall() == [("s", "me", 1, 5)]


def test_the_tables_change_by_another_step_only() -> None:
    """Their columns come from SUMS and FIELDS: whoever adds one there adds a step, or files that exist lack it."""
    db = written()
    tables = "\n".join(sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name"))
    found = (len(LEDGER.steps), sha256(tables.encode()).hexdigest()[:16])
    assert found == (2, "4d3e2f46e3b6b9f8")


def test_a_session_remembers_who_used_it_last() -> None:
    db = written(line(session="s", agent="Codex", model="m"), line(NOON + 9, session="s", agent="Codex", model="n"))
    write(db, line(NOON + 5, key="you", session="t"))
    rows = db.execute("SELECT name, user, agent, model, requests, last FROM sessions ORDER BY name").fetchall()
    assert rows == [("s", "me", "Codex", "n", 2, (NOON + 9) * 1000), ("t", "you", "", "m", 1, (NOON + 5) * 1000)]


def test_what_is_old_is_forgotten_with_its_sums() -> None:
    today = NOON // DAY * DAY
    db = written(line(today - 1, session="old"), line(today, session="new"), line(NOON))
    assert forget_before(db, today, 10)
    assert [time for (time,) in db.execute("SELECT time FROM lines")] == [today * 1000, NOON * 1000]
    for span in (HALF_HOUR, DAY):
        assert sums(db, span)["total", ""]["requests"] == 2
    assert db.execute("SELECT name FROM sessions").fetchall() == [("new",)]


def test_much_that_is_old_is_forgotten_piece_by_piece() -> None:
    db = written(*(line(NOON - 2 * DAY) for _ in range(5)))
    assert [forget_before(db, NOON // DAY * DAY, 2) for _ in range(3)] == [False, False, True]
    assert db.execute("SELECT count(*) FROM lines").fetchone() == (0,)


@pytest.mark.parametrize(("most", "left"), [(10, 3), (3, 3), (2, 2), (0, 0)])
def test_the_latest_lines_are_kept_and_all_sums(most: int, left: int) -> None:
    db = written(line(), line(), line())
    forget_surplus(db, most)
    assert db.execute("SELECT count(*) FROM lines").fetchone() == (left,)
    assert sums(db, DAY)["total", ""]["requests"] == 3


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        ("SELECT number FROM lines WHERE time < ? ORDER BY time LIMIT 9", (1,), "lines_by_time"),
        ("SELECT * FROM sessions WHERE last >= ? ORDER BY last DESC LIMIT 9", (1,), "sessions_by_use"),
    ],
)
def test_nothing_is_searched_for_row_by_row(query: str, values: tuple[Any, ...], index: str) -> None:
    plan = written().execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
    assert [row for row in plan if index in row[3]]
    assert not [row for row in plan if row[3].startswith("SCAN")]
