"""The ledger as rows.

`lines` has every exchange. `tallies` has their sums, by half hours and by days of UTC, for each name of each dimension:
reports read those, so that a million lines cost no more than a thousand. `sessions` has each conversation as a whole, by its user.
All of it is written in one transaction, so sums and lines never disagree.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from operator import add
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from dragoman.ledger import histogram
from dragoman.ledger.line import FIELDS, Line
from dragoman.store.migrations import Schema

Dimension: TypeAlias = Literal["total", "user", "model", "agent", "backend", "problem"]
DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)

HALF_HOUR: Final = 1800  # seconds; where the clocks differ from UTC by a quarter of an hour, days begin a little early
DAY: Final = 86_400
SPANS: Final = (HALF_HOUR, DAY)

SUMS: Final = (
    "requests",
    "errors",
    "cancelled",
    "input_tokens",
    "cached_tokens",
    "cache_written_tokens",
    "output_tokens",
    "reasoning_tokens",
    "request_bytes",
    "response_bytes",
    "tool_runs",
    "searches",
    "fetches",
    "pages",
    "images",
)
_TIMES: Final = ("first", "last")  # in milliseconds
_HISTOGRAMS: Final = ("first_byte", "duration")
TALLIED: Final = (*SUMS, *_TIMES, *_HISTOGRAMS)

_NUMBERS: Final = frozenset(
    {"time", "status", "first_byte_ms", "duration_ms", "attempts", *(name for name in SUMS if name in FIELDS)}
)


def _first(db: sqlite3.Connection) -> None:
    lines = ", ".join(f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'}" for name in FIELDS)
    sums = ", ".join(f"{name} INTEGER NOT NULL" for name in (*SUMS, *_TIMES))
    blobs = ", ".join(f"{name} BLOB NOT NULL" for name in _HISTOGRAMS)
    db.execute(f"CREATE TABLE lines (number INTEGER PRIMARY KEY, {lines})")
    db.execute("CREATE INDEX lines_by_time ON lines (time)")
    db.execute(
        f"CREATE TABLE tallies (dimension TEXT NOT NULL, span INTEGER NOT NULL, slot INTEGER NOT NULL,"
        f" name TEXT NOT NULL, {sums}, {blobs}, PRIMARY KEY (dimension, span, slot, name)) WITHOUT ROWID"
    )
    db.execute(
        f"CREATE TABLE sessions (name TEXT PRIMARY KEY, user TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,"
        f" {sums}, {blobs}) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX sessions_by_use ON sessions (last)")
    db.execute("CREATE TABLE imported (mark BLOB PRIMARY KEY) WITHOUT ROWID")


def _sessions_of_users(db: sqlite3.Connection) -> None:
    """Clients name their sessions, and two users may hit upon one name."""
    columns = f"name, user, agent, model, {', '.join(TALLIED)}"
    kinds = ", ".join(f"{name} {'BLOB' if name in _HISTOGRAMS else 'INTEGER'} NOT NULL" for name in TALLIED)
    db.execute("ALTER TABLE sessions RENAME TO sessions_by_name")
    db.execute("DROP INDEX sessions_by_use")
    db.execute(
        f"CREATE TABLE sessions (name TEXT NOT NULL, user TEXT NOT NULL, agent TEXT NOT NULL, model TEXT NOT NULL,"
        f" {kinds}, PRIMARY KEY (name, user)) WITHOUT ROWID"
    )
    db.execute(f"INSERT INTO sessions ({columns}) SELECT {columns} FROM sessions_by_name")  # noqa: S608 - names of ours
    db.execute("DROP TABLE sessions_by_name")
    db.execute("CREATE INDEX sessions_by_use ON sessions (last)")


LEDGER: Final = Schema("ledger", (_first, _sessions_of_users))

_INSERT_LINE: Final = f"INSERT INTO lines ({', '.join(FIELDS)}) VALUES ({', '.join('?' for _ in FIELDS)})"  # noqa: S608 - names of ours
_ADD: Final = ", ".join(
    [
        *(f"{name} = {name} + excluded.{name}" for name in SUMS),
        "first = min(first, excluded.first)",
        "last = max(last, excluded.last)",
        *(f"{name} = added({name}, excluded.{name})" for name in _HISTOGRAMS),
    ]
)
_TALLY: Final = (
    f"INSERT INTO tallies (dimension, span, slot, name, {', '.join(TALLIED)})"  # noqa: S608 - names of ours
    f" VALUES ({', '.join('?' for _ in range(4 + len(TALLIED)))})"
    f" ON CONFLICT (dimension, span, slot, name) DO UPDATE SET {_ADD}"
)
_SESSION: Final = (
    f"INSERT INTO sessions (name, user, agent, model, {', '.join(TALLIED)})"  # noqa: S608 - names of ours
    f" VALUES ({', '.join('?' for _ in range(4 + len(TALLIED)))})"
    f" ON CONFLICT (name, user) DO UPDATE SET agent = excluded.agent, model = excluded.model, {_ADD}"
)


class _Place(NamedTuple):
    dimension: Dimension
    span: int
    slot: int
    name: str


class _Corner(NamedTuple):
    """Lines that differ in their numbers only: of a busy moment most share a corner, and are added up once."""

    slot: int
    user: str
    model: str
    agent: str
    backend: str
    problem: str

    def places(self) -> Iterator[_Place]:
        for span in SPANS:
            slot = self.slot // span * span
            yield _Place("total", span, slot, "")
            yield _Place("user", span, slot, self.user)
            yield _Place("model", span, slot, self.model)
            yield _Place("agent", span, slot, self.agent)
            yield _Place("backend", span, slot, self.backend)
            if self.problem:
                yield _Place("problem", span, slot, self.problem)


class _Tally:
    """The sums of some lines."""

    __slots__ = ("first", "histograms", "last", "sums")

    def __init__(self) -> None:
        self.sums: tuple[int, ...] = (0,) * len(SUMS)
        self.first, self.last = 2**62, 0
        self.histograms = (0, 0)

    def add(self, line: Line) -> None:
        counts = (
            1,
            line.is_error,
            line.is_cancelled,
            line.input_tokens or 0,
            line.cached_tokens or 0,
            line.cache_written_tokens or 0,
            line.output_tokens or 0,
            line.reasoning_tokens or 0,
            line.request_bytes,
            line.response_bytes,
            line.tool_runs,
            line.searches,
            line.fetches,
            line.pages,
            line.images,
        )
        # How long a person had patience is no property of a model.
        duration = 0 if line.is_cancelled else histogram.one(line.duration_ms)
        first_byte = 0 if line.first_byte_ms is None else histogram.one(line.first_byte_ms)
        self._add(counts, line.time, line.time, (first_byte, duration))

    def merge(self, other: "_Tally") -> None:
        self._add(other.sums, other.first, other.last, other.histograms)

    def _add(self, sums: tuple[int, ...], first: int, last: int, histograms: tuple[int, int]) -> None:
        self.sums = tuple(map(add, self.sums, sums))
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.histograms = (self.histograms[0] + histograms[0], self.histograms[1] + histograms[1])

    def row(self) -> tuple[Any, ...]:
        return *self.sums, self.first, self.last, *map(histogram.pack, self.histograms)


def write_lines(db: sqlite3.Connection, lines: Sequence[Line]) -> None:
    """Write lines and add them to the sums. Inside a transaction."""
    db.create_function("added", 2, _added, deterministic=True)
    db.executemany(_INSERT_LINE, map(msgspec.structs.astuple, lines))
    corners: dict[_Corner, _Tally] = {}
    sessions: dict[tuple[str, str], tuple[_Tally, Line]] = {}
    for line in lines:
        corners.setdefault(_corner(line), _Tally()).add(line)
        if line.session:
            name = line.session, line.key
            tally, _ = sessions.get(name) or (_Tally(), line)
            tally.add(line)
            sessions[name] = tally, line
    tallies: dict[_Place, _Tally] = {}
    for corner, tally in corners.items():
        for place in corner.places():
            tallies.setdefault(place, _Tally()).merge(tally)
    db.executemany(_TALLY, ((*place, *tally.row()) for place, tally in tallies.items()))
    db.executemany(
        _SESSION,
        ((*name, last.agent, last.model, *tally.row()) for name, (tally, last) in sessions.items()),
    )


def _corner(line: Line) -> _Corner:
    problem = (line.problem or f"status {line.status}") if line.is_error else ""
    return _Corner(line.time // (1000 * HALF_HOUR) * HALF_HOUR, line.key, line.model, line.agent, line.backend, problem)


def _added(known: bytes, more: bytes) -> bytes:
    return histogram.pack(histogram.unpack(known) + histogram.unpack(more))


def forget_before(db: sqlite3.Connection, day: int, most: int) -> bool:
    """Forget what was before a day of UTC, at most so many lines at once. Return whether all of it is gone.

    day: in seconds since the epoch.
    """
    oldest = "SELECT number FROM lines WHERE time < ? ORDER BY time LIMIT ?"
    gone = db.execute(f"DELETE FROM lines WHERE number IN ({oldest})", (day * 1000, most)).rowcount  # noqa: S608
    for dimension in DIMENSIONS:
        for span in SPANS:
            db.execute("DELETE FROM tallies WHERE dimension = ? AND span = ? AND slot < ?", (dimension, span, day))
    db.execute("DELETE FROM sessions WHERE last < ?", (day * 1000,))
    return gone < most


def forget_surplus(db: sqlite3.Connection, most: int) -> None:
    """Keep the latest lines only. The sums stay."""
    db.execute(
        "DELETE FROM lines WHERE number <= (SELECT number FROM lines ORDER BY number DESC LIMIT 1 OFFSET ?)", (most,)
    )
