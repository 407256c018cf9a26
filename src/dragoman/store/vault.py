"""Reasoning that clients do not send back, found again by what they do send back: the calls and the text beside it.

A value is opaque here (seals in their envelopes). It is remembered under several keys and found by any of them. Keys are
kept as digests with their owner, so nobody finds what was remembered for somebody else.
"""

import hashlib
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dragoman.store.database import Database
from dragoman.store.migrations import Schema, Write
from dragoman.store.sweeps import Sweeps

_TTL: Final = 7 * 86_400.0
_MAX_BYTES: Final = 64 * 2**20
_RECENT_BYTES: Final = 16 * 2**20
_NOTED: Final = 3600.0  # seconds; that a value is used again is not written down more often
_DIGEST: Final = 16


def _first(db: sqlite3.Connection) -> None:
    # The value stands last: what comes before it is read without reading over it.
    db.execute(
        "CREATE TABLE vault (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, used REAL NOT NULL, value TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX vault_by_use ON vault (used, size)")
    db.execute("CREATE TABLE vault_keys (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
    db.execute("CREATE INDEX vault_keys_by_number ON vault_keys (number)")


VAULT: Final = Schema("vault", (_first,))

_TOUCH: Final = "UPDATE vault SET used = ? WHERE number = (SELECT number FROM vault_keys WHERE key = ?)"
_FIND: Final = "SELECT used, value FROM vault_keys JOIN vault USING (number) WHERE key = ? AND used > ?"


class _Found(NamedTuple):
    """used: when that was last written down, seconds since the epoch."""

    used: float
    value: str


class Vault:
    """For the thread of the event loop: `recall` waits for no other.

    ttl: seconds that a value is kept after it was last used. max_bytes: of values, in the file. recent_bytes: of those
    that are at hand in memory as well. now: the clock, seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        *,
        ttl: float = _TTL,
        max_bytes: int = _MAX_BYTES,
        recent_bytes: int = _RECENT_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file: Final = None if database.in_memory else database
        self._ttl: Final = ttl
        self._max_bytes: Final = max_bytes
        self._now: Final = now
        self._recent: Final = _Recent(max_bytes if database.in_memory else recent_bytes)
        self._sweeps: Final = Sweeps(max_bytes)
        if self._file is not None:
            self._file.chore(self._sweep)

    def remember(self, owner: str, keys: Sequence[str], value: str) -> None:
        """Have the value found by each of the keys, in the place of what was. Never waits; too large a one is not kept."""
        if not keys or len(value) > self._max_bytes:
            return
        digests, now = [_digest(owner, key) for key in keys], self._now()
        for digest in digests:
            self._recent.add(digest, _Found(now, value))
        size = len(value) + _DIGEST * len(digests)
        file = self._file
        if file is not None and file.put(_insertion(digests, value, now), size=size) and self._sweeps.due(size):
            file.put(self._sweep)

    def recall(self, owner: str, keys: Sequence[str]) -> str | None:
        """Return what was last remembered under the first of these keys that is known. A miss takes some 20 us a key."""
        now = self._now()
        for key in keys:
            digest = _digest(owner, key)
            found = self._recent.get(digest) or self._read(digest, now)
            if found is not None and found.used > now - self._ttl:
                self._note_use(digest, found, now)
                return found.value
        return None

    def _read(self, digest: bytes, now: float) -> _Found | None:
        if self._file is None:
            return None
        since = now - self._ttl
        row = self._file.read(lambda db: db.execute(_FIND, (digest, since)).fetchone(), None)
        if row is None:
            return None
        found = _Found(*row)
        self._recent.add(digest, found)
        return found

    def _note_use(self, digest: bytes, found: _Found, now: float) -> None:
        if now - found.used > _NOTED:
            self._recent.add(digest, found._replace(used=now))
            if self._file is not None:
                self._file.put(_touch(digest, now))

    def _sweep(self, db: sqlite3.Connection) -> None:
        """Forget what is past its time, then what was not used for longest, until there is room."""
        _forget(db, db.execute("SELECT number FROM vault WHERE used <= ?", (self._now() - self._ttl,)).fetchall())
        (size,) = db.execute("SELECT total(size) FROM vault").fetchone()
        if size > self._max_bytes:
            oldest: list[tuple[int]] = []
            for number, more in db.execute("SELECT number, size FROM vault ORDER BY used, number"):
                oldest.append((number,))
                size -= more
                if size <= self._max_bytes:
                    break
            _forget(db, oldest)


class _Recent:
    """What was remembered or recalled last, up to so many bytes, keys counted each with its value."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes: Final = max_bytes
        self._bytes = 0
        self._found: Final[OrderedDict[bytes, _Found]] = OrderedDict()

    def get(self, digest: bytes) -> _Found | None:
        found = self._found.get(digest)
        if found is not None:
            self._found.move_to_end(digest)
        return found

    def add(self, digest: bytes, found: _Found) -> None:
        before = self._found.pop(digest, None)
        self._bytes -= 0 if before is None else len(before.value)
        self._found[digest] = found
        self._bytes += len(found.value)
        while self._bytes > self._max_bytes and len(self._found) > 1:
            self._bytes -= len(self._found.popitem(last=False)[1].value)


def _digest(owner: str, key: str) -> bytes:
    said = f"{len(owner)}:{owner}:{key}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(said).digest()[:_DIGEST]


def _insertion(digests: Sequence[bytes], value: str, now: float) -> Write:
    def insert(db: sqlite3.Connection) -> None:
        size = len(value) + _DIGEST * len(digests)
        number = db.execute("INSERT INTO vault (size, used, value) VALUES (?, ?, ?)", (size, now, value)).lastrowid
        for digest in digests:
            before = db.execute("SELECT number FROM vault_keys WHERE key = ?", (digest,)).fetchone()
            db.execute("INSERT OR REPLACE INTO vault_keys VALUES (?, ?)", (digest, number))
            if (
                before is not None
                and db.execute("SELECT 1 FROM vault_keys WHERE number = ?", before).fetchone() is None
            ):
                db.execute("DELETE FROM vault WHERE number = ?", before)

    return insert


def _touch(digest: bytes, now: float) -> Write:
    return lambda db: db.execute(_TOUCH, (now, digest))


def _forget(db: sqlite3.Connection, numbers: list[tuple[int]]) -> None:
    db.executemany("DELETE FROM vault_keys WHERE number = ?", numbers)
    db.executemany("DELETE FROM vault WHERE number = ?", numbers)
