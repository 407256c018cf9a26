"""Questions that the dashboard and the command line both ask. They read sums only, never the lines."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from dragoman.ledger import histogram
from dragoman.ledger.period import Period, Piece
from dragoman.ledger.tables import DAY, HALF_HOUR, SUMS, Dimension

By: TypeAlias = Literal["user", "model", "day", "session", "agent", "backend", "problem"]
GROUPINGS: Final[tuple[By, ...]] = get_args(By)

_SHARES: Final = (0.5, 0.95)
_COLUMNS: Final = (*SUMS, "first", "last", "first_byte", "duration")
_SUMMED: Final = ", ".join(
    [*(f"sum({name})" for name in SUMS), "min(first)", "max(last)", "merged(first_byte)", "merged(duration)"]
)


class Row(Struct, frozen=True, kw_only=True):
    """name: of the day, the user, whatever was asked for. first, last: in milliseconds since the epoch, None = never.

    cache_hit_rate: the share of the input that came from the cache, 0 to 1. Times in milliseconds: until the first
    token, and until the end, of those that were not cancelled. user, agent, model: of a session, as it said last.
    """

    name: str
    requests: int = 0
    errors: int = 0
    cancelled: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_written_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    total_tokens: int = 0
    cache_hit_rate: float | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    tool_runs: int = 0
    searches: int = 0
    fetches: int = 0
    pages: int = 0
    images: int = 0
    first_token_ms_p50: int | None = None
    first_token_ms_p95: int | None = None
    duration_ms_p50: int | None = None
    duration_ms_p95: int | None = None
    first: int | None = None
    last: int | None = None
    user: str | None = None
    agent: str | None = None
    model: str | None = None


def report(db: sqlite3.Connection, by: By, period: Period, most: int | None = None) -> list[Row]:
    """The rows of one report: days in order, sessions by their last use, all others by their tokens.

    most: how many at most, None = all. A session that was used in the period is told as a whole.
    """
    if by == "day":
        return series(db, period.days())
    if by == "session":
        return sessions(db, period.since, most)
    return named(db, by, period.since, period.until)[:most]


def total(db: sqlite3.Connection, piece: Piece) -> Row:
    """All of a day, an hour, a period."""
    _teach(db)
    query, values = _summing(_SUMMED, "total", piece.since, piece.until)
    row = db.execute(query, values).fetchone()
    return Row(name=piece.name) if row is None else _row(piece.name, row[1:])


def series(db: sqlite3.Connection, pieces: Sequence[Piece]) -> list[Row]:
    """A row for each piece, also for those in which nothing was."""
    return [total(db, piece) for piece in pieces]


def named(db: sqlite3.Connection, dimension: Dimension, since: int, until: int) -> list[Row]:
    """A row for each name, the one with most tokens first."""
    _teach(db)
    query, values = _summing(_SUMMED, dimension, since, until)
    rows = [_row(name, sums) for name, *sums in db.execute(query, values)]
    return sorted(rows, key=lambda row: (-row.total_tokens, -row.requests, row.name))


def tokens(db: sqlite3.Connection, dimension: Dimension, pieces: Sequence[Piece]) -> dict[str, list[int]]:
    """For each name, its tokens in each of the pieces."""
    found: dict[str, list[int]] = {}
    for number, piece in enumerate(pieces):
        query, values = _summing("sum(input_tokens + output_tokens)", dimension, piece.since, piece.until)
        for name, count in db.execute(query, values):
            found.setdefault(name, [0] * len(pieces))[number] = count
    return found


def sessions(db: sqlite3.Connection, since: int, most: int | None = None) -> list[Row]:
    """Those used since then, the latest first."""
    query = (
        f"SELECT name, user, agent, model, {', '.join(_COLUMNS)} FROM sessions"  # noqa: S608 - names of ours
        " WHERE last >= ? ORDER BY last DESC LIMIT ?"
    )
    return [
        msgspec.structs.replace(_row(name, sums), user=user, agent=agent, model=model)
        for name, user, agent, model, *sums in db.execute(query, (since * 1000, -1 if most is None else most))
    ]


def _summing(columns: str, dimension: Dimension, since: int, until: int) -> tuple[str, list[Any]]:
    """The query for the sums of a dimension, by name, and its values."""
    parts, values = [], list[Any]()
    for span, start, end in _stretches(since, until):
        parts.append("SELECT * FROM tallies WHERE dimension = ? AND span = ? AND slot >= ? AND slot < ?")
        values += [dimension, span, start, end]
    return f"SELECT name, {columns} FROM ({' UNION ALL '.join(parts)}) GROUP BY name", values  # noqa: S608


def _stretches(since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Whole days of UTC where that goes, half hours before and after them. Each as span, start, end."""
    since, until = since // HALF_HOUR * HALF_HOUR, until // HALF_HOUR * HALF_HOUR
    first, last = -(-since // DAY) * DAY, until // DAY * DAY
    if first >= last:
        yield HALF_HOUR, since, until
        return
    yield DAY, first, last
    if since < first:
        yield HALF_HOUR, since, first
    if last < until:
        yield HALF_HOUR, last, until


class _Merged:
    """An aggregate function of SQL: histograms added up."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, packed: bytes) -> None:
        self._sum += histogram.unpack(packed)

    def finalize(self) -> bytes:
        return histogram.pack(self._sum)


def _teach(db: sqlite3.Connection) -> None:
    merged: Any = _Merged  # typeshed wants functions of any number of values
    db.create_aggregate("merged", 1, merged)


def _row(name: str, sums: Sequence[Any]) -> Row:
    """sums: as _COLUMNS has them."""
    counts = dict(zip(_COLUMNS, sums, strict=True))
    first_byte_p50, first_byte_p95 = histogram.percentiles(histogram.unpack(counts.pop("first_byte")), _SHARES)
    duration_p50, duration_p95 = histogram.percentiles(histogram.unpack(counts.pop("duration")), _SHARES)
    asked = counts["input_tokens"]
    return Row(
        name=name,
        **counts,
        total_tokens=asked + counts["output_tokens"],
        cache_hit_rate=round(counts["cached_tokens"] / asked, 4) if asked else None,
        first_token_ms_p50=_whole(first_byte_p50),
        first_token_ms_p95=_whole(first_byte_p95),
        duration_ms_p50=_whole(duration_p50),
        duration_ms_p95=_whole(duration_p95),
    )


def _whole(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else round(milliseconds)
