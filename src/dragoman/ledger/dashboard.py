"""All that the dashboard shows of some days, found in one go."""

import datetime as dt
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.ledger.period import Piece, last_days
from dragoman.ledger.reports import Row, named, series, sessions, tokens, total
from dragoman.ledger.tables import Dimension

RANGES: Final = (1, 7, 30, 90)  # days
_MOST: Final = 200  # rows of one table
_MOST_MODELS: Final = 5  # that have a colour of their own


def dashboard(db: sqlite3.Connection, days: int, now: float, zone: dt.tzinfo) -> dict[str, Any]:
    """days: today and those before it. Of a single day the hours are told."""
    period = last_days(days, now, zone)
    pieces = period.hours() if days == 1 else period.days()
    since, until = period.since, period.until
    return {
        "days": days,
        "zone": str(zone),
        "unit": "hour" if days == 1 else "day",
        "since": since,
        "until": until,
        "totals": _members(total(db, Piece("", since, until))),
        "series": [_members(row) for row in series(db, pieces)],
        "tokens_by_model": _by_model(tokens(db, "model", pieces)),
        **{
            title: [_members(row) for row in named(db, dimension, since, until)[:_MOST]]
            for title, dimension in _TABLES.items()
        },
        "sessions": [_members(row) for row in sessions(db, since, _MOST)],
    }


_TABLES: Final[Mapping[str, Dimension]] = {
    "users": "user",
    "models": "model",
    "agents": "agent",
    "backends": "backend",
    "problems": "problem",
}


def _members(row: Row) -> dict[str, Any]:
    return msgspec.structs.asdict(row)


def _by_model(found: dict[str, list[int]]) -> list[dict[str, Any]]:
    """The models with most tokens, each by itself, and all others together."""
    ranked = sorted(found.items(), key=lambda item: -sum(item[1]))
    rows: list[dict[str, Any]] = [{"name": name, "tokens": counts} for name, counts in ranked[:_MOST_MODELS]]
    if others := ranked[_MOST_MODELS:]:
        rows.append({"name": None, "tokens": [sum(counts) for counts in zip(*(c for _, c in others), strict=True)]})
    return rows
