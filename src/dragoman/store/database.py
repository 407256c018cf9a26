"""The file that things are kept in between requests: one thread writes, readers do not wait for it.

Tables belong to those who use them (migrations.py). Serving comes before keeping: `put` neither waits nor raises, and
what cannot be written is counted, logged once, and lost. Without a place on disk the same tables are in memory.
"""

import asyncio
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from dragoman.store.migrations import NewerFileError, Schema, Write
from dragoman.store.opening import identity, is_busy, is_damage, open_memory, open_reader, open_writer, primary_code

T = TypeVar("T")

_log: Final = logging.getLogger("dragoman.store")
_PAUSE: Final = 0.25  # seconds that writes are gathered for, and so what a kill -9 can lose
_MAX_WRITES: Final = 10_000
_MAX_BYTES: Final = 64 * 2**20
_MAX_IDLE_READERS: Final = 4
_BETWEEN_CHORES: Final = 3600.0
_BUSY_ATTEMPTS: Final = 12  # of five seconds each
# The place is at fault, not what was to be written.
_NO_PLACE: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_PROTOCOL,
    }
)


def _nothing() -> None:
    pass


class _Queued(NamedTuple):
    write: Write
    size: int
    settled: Callable[[], None]
    lost: Callable[[], None]


class Database:
    """Open one at the start, `close` it at the end.

    path: of the file, None for memory only; a path that cannot be used is memory as well, with a warning. schemas: of
    all that keep something here. pause: seconds that writes are gathered for before they are committed together.
    """

    def __init__(
        self,
        path: Path | None,
        schemas: Sequence[Schema],
        *,
        pause: float = _PAUSE,
        max_writes: int = _MAX_WRITES,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self._schemas: Final = tuple(schemas)
        self._pause: Final = pause
        self._max_writes: Final = max_writes
        self._max_bytes: Final = max_bytes
        self.dropped = 0  # writes that were not taken: the queue was full, or closed
        self.lost = 0  # writes that were taken and could not be made
        self._path, self._db = self._opened(path)
        self._identity = None if self._path is None else identity(self._path)
        self._using: Final = threading.Lock()  # held while a batch is written; readers share the memory's connection
        self._wake: Final = threading.Condition()  # guards all from here to the next blank line
        self._queue: list[_Queued] = []
        self._taken = self._settled = 0  # writes, since the start
        self._bytes = 0  # of writes that are not settled
        self._refusing = False
        self._chores: list[Write] = []
        self._chores_due = time.monotonic() + _BETWEEN_CHORES

        self._failing = False
        self._said_last = ""  # of a write that is wrong in itself: the next may be wrong in the same way
        self._misread = False
        self._doubtful = False
        self._generation = 0  # of the file: readers of an earlier one open it anew
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        self._closing: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run, name="dragoman-store", daemon=True)
        self._thread.start()

    def _opened(self, path: Path | None) -> tuple[Path | None, sqlite3.Connection]:
        if path is not None:
            try:
                return path, open_writer(path, self._schemas)
            except (OSError, ValueError, sqlite3.Error, NewerFileError) as error:
                _log.warning("%s cannot be used (%s): what it would keep is kept in memory until the end", path, error)
        return None, open_memory(self._schemas)

    @property
    def in_memory(self) -> bool:
        """Whether everything ends with the process."""
        return self._path is None

    def put(
        self,
        write: Write,
        *,
        size: int = 0,
        settled: Callable[[], None] = _nothing,
        lost: Callable[[], None] = _nothing,
    ) -> bool:
        """Have something written soon, in the order of the calls. Return whether it was taken.

        write: called by the writing thread, inside a transaction; alone if it raises. size: bytes it holds in memory.
        settled: called by that thread once the write is visible to readers, or given up. Not called if not taken.
        lost: called before that, if it is given up.
        """
        with self._wake:
            is_full = self._taken - self._settled >= self._max_writes or self._bytes + size > self._max_bytes
            if not is_full and not self._closing.is_set():
                self._taken, self._bytes = self._taken + 1, self._bytes + size
                self._queue.append(_Queued(write, size, settled, lost))
                self._wake.notify_all()
                self._refusing = False
                return True
            self.dropped += 1
            is_news, self._refusing = not self._refusing, True
        if is_news and is_full:
            _log.warning("more is to be kept than can be written: some of it is dropped")
        return False

    def chore(self, write: Write) -> None:
        """Have something done now and about every hour."""
        with self._wake:
            self._chores.append(write)
        self.put(write)

    def read(self, query: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Return what the query finds, `otherwise` where the file cannot be read. Not for an event loop, if it is long.

        query: sees what was committed, and changes nothing.
        """
        if self._closing.is_set():
            return otherwise
        try:
            with self._reader() as db:
                return query(db)
        except sqlite3.Error as error:
            self._doubtful = self._doubtful or is_damage(error)
            if not self._misread:
                _log.warning("what was kept cannot be read: %s", error)
            self._misread = True
            return otherwise

    async def read_aside(self, query: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The same in another thread."""
        return await asyncio.to_thread(self.read, query, otherwise)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was put is settled. timeout: seconds. Return whether it is."""
        with self._wake:
            taken = self._taken
            return self._wake.wait_for(lambda: self._settled >= taken, timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what was put, and close. Return whether that was done in `timeout` seconds."""
        with self._wake:
            self._closing.set()
            self._wake.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._path is None:
            with self._using:
                yield self._db
            return
        generation, db = self._idle_reader() or (self._generation, open_reader(self._path))
        try:
            yield db
        except BaseException:
            db.close()
            raise
        if len(self._idle) < _MAX_IDLE_READERS and not self._closing.is_set():
            self._idle.append((generation, db))
        else:
            db.close()

    def _idle_reader(self) -> tuple[int, sqlite3.Connection] | None:
        while True:
            try:
                generation, db = self._idle.pop()
            except IndexError:
                return None
            if generation == self._generation:
                return generation, db
            db.close()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            try:
                with self._using:
                    self._write(batch)
            except Exception:  # noqa: BLE001 - a bug of ours must not end the thread, and its report is all we can do
                _log.exception("the thread that keeps things goes on after a bug")
            self._settle(batch)
        while self._idle:  # first, for the last to close a file puts its log away, and readers cannot
            self._idle.pop()[1].close()
        with self._using:
            self._db.close()

    def _next_batch(self) -> list[_Queued] | None:
        """Wait for something to write, and a little longer for more. None at the end."""
        with self._wake:
            while not self._queue:
                if self._closing.is_set():
                    return None
                self._wake.wait(max(0.0, self._chores_due - time.monotonic()))
                self._queue_chores()
        self._closing.wait(self._pause)
        with self._wake:
            batch, self._queue = self._queue, []
        return batch

    def _queue_chores(self) -> None:
        if time.monotonic() >= self._chores_due:
            self._chores_due = time.monotonic() + _BETWEEN_CHORES
            self._queue += [_Queued(chore, 0, _nothing, _nothing) for chore in self._chores]
            self._taken += len(self._chores)

    def _settle(self, batch: list[_Queued]) -> None:
        for queued in batch:
            try:
                queued.settled()
            except Exception:  # noqa: BLE001 - as above
                _log.exception("what was kept is not known to be")
        with self._wake:
            self._settled += len(batch)
            self._bytes -= sum(queued.size for queued in batch)
            self._wake.notify_all()

    def _write(self, batch: list[_Queued]) -> None:
        """Write what can be written, whatever stands in the way of the rest."""
        for attempt in range(_BUSY_ATTEMPTS):
            try:
                self._see_that_the_file_is_there()
                self._transact(batch)
            except (OSError, NewerFileError) as error:
                self._lose(batch, error)
            except sqlite3.Error as error:
                if is_busy(error) and not self._closing.is_set() and attempt < _BUSY_ATTEMPTS - 1:
                    continue
                if is_damage(error) and attempt == 0:
                    self._doubtful = True
                    continue
                if is_busy(error) or is_damage(error) or primary_code(error) in _NO_PLACE:
                    self._lose(batch, error)
                else:
                    self._write_each(batch)
            except Exception:  # noqa: BLE001 - whatever one write raises, the others are not to suffer from it
                self._write_each(batch)
            else:
                self._succeed()
            return

    def _write_each(self, batch: list[_Queued]) -> None:
        """One of them is wrong in itself: leave it out."""
        if len(batch) > 1:
            for queued in batch:
                self._write([queued])
            return
        self._count(batch)
        if (said := str(sys.exception())) != self._said_last:
            _log.exception("something could not be kept")
        self._said_last = said

    def _transact(self, batch: list[_Queued]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for queued in batch:
                queued.write(self._db)
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back itself
                self._db.rollback()
            raise

    def _see_that_the_file_is_there(self) -> None:
        """A file that was taken away, or that cannot be trusted, is opened anew: SQLite itself writes into the void."""
        if self._path is None or (not self._doubtful and identity(self._path) == self._identity):
            return
        fresh = open_writer(self._path, self._schemas, doubtful=self._doubtful)
        self._db.close()
        self._db, self._identity, self._doubtful = fresh, identity(self._path), False
        self._generation += 1
        self._misread = False

    def _lose(self, batch: list[_Queued], error: Exception) -> None:
        self._count(batch)
        if not self._failing:
            _log.warning("nothing can be kept for now (%s); requests are served nevertheless", error)
        self._failing = True

    def _count(self, given_up: list[_Queued]) -> None:
        self.lost += len(given_up)
        for queued in given_up:
            queued.lost()

    def _succeed(self) -> None:
        if self._failing:
            _log.info("things are kept again; %d writes were lost", self.lost)
        self._failing = False
