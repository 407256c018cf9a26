"""The reports say what the lines would, without reading them."""

import datetime as dt
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.ledger.line import Line
from dragoman.ledger.period import Piece, last_days, zone_named
from dragoman.ledger.reports import GROUPINGS, By, named, report, series, sessions, tokens, total
from dragoman.ledger.tables import DAY
from tests.ledger.test_tables import LINES
from tests.ledger.writing import NOON, line, written

TODAY = last_days(1, NOON, dt.UTC)
COUNTING: tuple[By, ...] = ("user", "model", "day", "agent")


@settings(max_examples=30)
@given(
    st.lists(LINES, max_size=20),
    st.sampled_from(["UTC", "Asia/Kolkata", "America/St_Johns", "Pacific/Auckland"]),
    st.integers(1, 5),
)
def test_they_count_what_lies_in_the_period(lines: list[Line], zone: str, days: int) -> None:
    db = written(*lines)
    period = last_days(days, NOON, zone_named(zone))
    inside = [one for one in lines if period.since <= one.time / 1000 < period.until]
    found = total(db, Piece("", period.since, period.until))
    assert found.requests == len(inside)
    assert found.total_tokens == sum((one.input_tokens or 0) + (one.output_tokens or 0) for one in inside)
    for by in COUNTING:
        rows = report(db, by, period)
        assert sum(row.requests for row in rows) == len(inside)
        assert sum(row.errors for row in rows) == sum(one.is_error for one in inside)
    db.close()


def test_a_row_in_full() -> None:
    db = written(
        line(input_tokens=100, cached_tokens=60, output_tokens=10, first_byte_ms=200, duration_ms=1000, searches=1),
        line(NOON + 1, input_tokens=100, cached_tokens=20, output_tokens=20, first_byte_ms=200, duration_ms=1000),
        line(NOON + 2, status=499, duration_ms=900_000),
        line(NOON + 3, status=502, problem="backend_failed", duration_ms=1000),
    )
    (row,) = named(db, "user", TODAY.since, TODAY.until)
    assert (row.name, row.requests, row.errors, row.cancelled, row.searches) == ("me", 4, 1, 1, 1)
    assert (row.input_tokens, row.cached_tokens, row.output_tokens, row.total_tokens) == (200, 80, 30, 230)
    assert row.cache_hit_rate == 0.4
    assert (row.first, row.last) == (NOON * 1000, (NOON + 3) * 1000)
    assert row.first_token_ms_p50 is not None
    assert row.duration_ms_p95 is not None
    assert 180 < row.first_token_ms_p50 < 220
    assert row.duration_ms_p95 < 1200  # the one who had no more patience does not count


def test_who_used_most_comes_first() -> None:
    db = written(line(key="a", input_tokens=5), line(key="b", input_tokens=9), line(key="c"), line(key="c"))
    assert [row.name for row in report(db, "user", TODAY)] == ["b", "a", "c"]
    assert [row.name for row in report(db, "user", TODAY, 2)] == ["b", "a"]


def test_days_without_requests_are_there_too() -> None:
    rows = report(written(line()), "day", last_days(3, NOON, dt.UTC))
    assert [(row.name, row.requests, row.duration_ms_p50 is None) for row in rows] == [
        ("2026-09-25", 0, True),
        ("2026-09-26", 0, True),
        ("2026-09-27", 1, False),
    ]


def test_a_session_is_told_as_a_whole_if_it_was_used_in_the_period() -> None:
    db = written(
        line(NOON - 2 * DAY, session="long", input_tokens=1),
        line(session="long", input_tokens=2, agent="Codex"),
        line(NOON - 2 * DAY, session="over"),
        line(NOON - 60, session="short"),
    )
    rows = report(db, "session", TODAY)
    assert [(row.name, row.requests, row.input_tokens) for row in rows] == [("long", 2, 3), ("short", 1, 0)]
    assert (rows[0].user, rows[0].agent, rows[0].model) == ("me", "Codex", "m")
    assert [row.name for row in sessions(db, 0, 1)] == ["long"]


def test_tokens_of_each_piece() -> None:
    days = last_days(2, NOON, dt.UTC).days()
    db = written(line(NOON - DAY, input_tokens=3), line(output_tokens=4), line(model="n", input_tokens=5))
    assert tokens(db, "model", days) == {"m": [3, 4], "n": [0, 5]}
    assert [row.total_tokens for row in series(db, days)] == [3, 9]


def test_an_empty_ledger_has_nothing_to_say() -> None:
    db = written()
    assert total(db, Piece("", 0, NOON)).requests == 0
    for by in GROUPINGS:
        assert sum(row.requests for row in report(db, by, TODAY)) == 0


@pytest.mark.parametrize("days", [1, 7, 30, 90])
def test_no_report_reads_a_line_or_all_sums(days: int) -> None:
    db = written(line(session="s"))
    asked: list[str] = []
    db.set_trace_callback(asked.append)
    for by in GROUPINGS:
        report(db, by, last_days(days, NOON, zone_named("Asia/Kolkata")))
    db.set_trace_callback(None)
    queries = [query for query in asked if query.startswith("SELECT")]
    assert len(queries) >= len(GROUPINGS)
    for query in queries:
        assert " lines" not in query
        for step in _plan(db, query):
            if "tallies" in step:
                assert "USING PRIMARY KEY (dimension=? AND span=? AND slot>? AND slot<?)" in step
            if "sessions" in step:
                assert "sessions_by_use (last>?)" in step


def _plan(db: sqlite3.Connection, query: str) -> list[str]:
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {query}")]
