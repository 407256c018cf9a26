"""What costly work came to, found again by what it was done on: the text of a page, the description of a picture.

A key says all that the result depends on (`key_of`), so whoever has the same content has the same result.
"""

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

from dragoman.hub.problems import Problem
from dragoman.store.database import Database
from dragoman.store.migrations import Schema, Write
from dragoman.store.sweeps import Sweeps

_MAX_BYTES: Final = 256 * 2**20
_MEMORY: Final = 64 * 2**20  # bytes of those that have no place on disk
_FAILURES_LAST: Final = 300.0  # seconds
_MAX_FAILURES: Final = 1_000
_NOTED: Final = 3600.0  # seconds; that a result is used again is not written down more often
_ROW: Final = 128  # bytes, about what a result takes beside its text
_LARGE: Final = 256 * 2**10  # bytes whose digest would hold up the event loop

Work: TypeAlias = Callable[[], Awaitable[str]]
# Seconds; or how many, by what the work came to.
Lasts: TypeAlias = float | Callable[[str], float]


def _first(db: sqlite3.Connection) -> None:
    # The value stands last: what comes before it is read without reading over it.
    db.execute(
        "CREATE TABLE results (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,"
        " used REAL NOT NULL, expires REAL NOT NULL, value BLOB NOT NULL)"
    )
    db.execute("CREATE INDEX results_by_use ON results (used, size)")
    db.execute("CREATE INDEX results_by_end ON results (expires)")


RESULTS: Final = Schema("results", (_first,))

_FIND: Final = "SELECT used, value FROM results WHERE key = ? AND expires > ?"
_INSERT: Final = "INSERT OR REPLACE INTO results (key, size, used, expires, value) VALUES (?, ?, ?, ?, ?)"
_TOUCH: Final = "UPDATE results SET used = ? WHERE key = ?"


async def key_of(*contents: bytes | str) -> str:
    """Return the SHA-256 of all of them, in this order and so cut."""
    pieces = [piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece for piece in contents]
    if sum(map(len, pieces)) < _LARGE:
        return _digest(pieces).hex()
    return (await asyncio.to_thread(_digest, pieces)).hex()


def _digest(pieces: list[bytes]) -> bytes:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    return digest.digest()


class _Failure(NamedTuple):
    """until: seconds since the epoch."""

    problem: Problem
    until: float


class Results:
    """For the thread of the event loop.

    max_bytes: of results in the file; those that were not used for longest make room. now: the clock, seconds since the
    epoch.
    """

    def __init__(
        self, database: Database, *, max_bytes: int = _MAX_BYTES, now: Callable[[], float] = time.time
    ) -> None:
        self._database: Final = database
        self._max_bytes: Final = min(max_bytes, _MEMORY) if database.in_memory else max_bytes
        self._now: Final = now
        self._sweeps: Final = Sweeps(self._max_bytes)
        self._under_way: Final[dict[bytes, asyncio.Task[str | Problem]]] = {}
        self._failures: Final[OrderedDict[bytes, _Failure]] = OrderedDict()
        self._unsettled: Final[dict[bytes, bytes]] = {}  # values that readers of the file may not see yet
        self._settling: Final = threading.Lock()
        database.chore(self._sweep)

    async def once(self, kind: str, key: str, work: Work, *, ttl: Lasts, failures_last: float = _FAILURES_LAST) -> str:
        """Return what `work` came to before under this key, or comes to now.

        kind: of work; the same key may have a result of each kind. ttl: how long a result is kept; 0 = not at all.
        Work is done once for all who ask for the same meanwhile, and to its end even if all of them are cancelled. A
        Problem it raises is raised again for `failures_last` seconds, or for its own `retry_after` if that is shorter.
        """
        place = _digest([kind.encode(), key.encode()])
        if (failure := self._failures.get(place)) is not None:
            if failure.until > self._now():
                raise failure.problem.with_traceback(None)
            del self._failures[place]
        task = self._under_way.get(place)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._result(place, work, ttl, failures_last))
            self._under_way[place] = task
            task.add_done_callback(lambda _: self._under_way.pop(place))
        result = await asyncio.shield(task)
        if isinstance(result, Problem):
            raise result.with_traceback(None)
        return result

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _result(self, place: bytes, work: Work, ttl: Lasts, failures_last: float) -> str | Problem:
        """A problem is returned, so that none is lost with nobody there to hear of it."""
        known = await self._known(place)
        if known is not None:
            return known
        try:
            value = await work()
        except Problem as problem:
            self._note_failure(place, problem, failures_last)
            return problem
        self._keep(place, value, ttl(value) if callable(ttl) else ttl)
        return value

    async def _known(self, place: bytes) -> str | None:
        now = self._now()
        waiting = self._unsettled.get(place)
        if waiting is not None:
            return _text(waiting)
        row = await self._database.read_aside(lambda db: db.execute(_FIND, (place, now)).fetchone(), None)
        if row is None:
            return None
        used, value = row
        if now - used > _NOTED:
            self._database.put(lambda db: db.execute(_TOUCH, (now, place)))
        return _text(value)

    def _note_failure(self, place: bytes, problem: Problem, longest: float) -> None:
        seconds = longest if problem.retry_after is None else min(problem.retry_after, longest)
        if seconds <= 0:
            return
        self._failures[place] = _Failure(problem, self._now() + seconds)
        if len(self._failures) > _MAX_FAILURES:
            self._failures.popitem(last=False)

    def _keep(self, place: bytes, text: str, ttl: float) -> None:
        value = text.encode("utf-8", "surrogatepass")
        size = len(value) + _ROW
        if ttl <= 0 or size > self._max_bytes:
            return
        with self._settling:  # whoever settles an earlier value of this place waits until this one is certain
            insertion = _insertion(place, value, self._now(), ttl)
            if not self._database.put(insertion, size=size, settled=lambda: self._settled(place, value)):
                return
            self._unsettled[place] = value
        if self._sweeps.due(size):
            self._database.put(self._sweep)

    def _settled(self, place: bytes, value: bytes) -> None:
        with self._settling:
            if self._unsettled.get(place) is value:  # else a later one waits
                del self._unsettled[place]

    def _sweep(self, db: sqlite3.Connection) -> None:
        """Forget what is past its time, then what was not used for longest, until there is room."""
        db.execute("DELETE FROM results WHERE expires <= ?", (self._now(),))
        (size,) = db.execute("SELECT total(size) FROM results").fetchone()
        oldest: list[tuple[int]] = []
        for number, more in db.execute("SELECT number, size FROM results ORDER BY used, number"):
            if size <= self._max_bytes:
                break
            oldest.append((number,))
            size -= more
        db.executemany("DELETE FROM results WHERE number = ?", oldest)


def _insertion(place: bytes, value: bytes, now: float, ttl: float) -> Write:
    return lambda db: db.execute(_INSERT, (place, len(value) + _ROW, now, now + ttl, value))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")
