"""The ledger, as the gateway sees it: lines are told, and written by the store's thread some moments later."""

import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from dragoman.ledger.line import Line
from dragoman.ledger.tables import DAY, forget_before, forget_surplus, write_lines
from dragoman.store.database import Database

_log: Final = logging.getLogger("dragoman.ledger")
_MOST_WAITING: Final = 20_000
_AT_ONCE: Final = 10_000  # lines forgotten in one transaction: others are written in between
_MOST_IN_MEMORY: Final = 50_000  # lines, some 50 MB


class Ledger:
    """database: with LEDGER among its schemas. keep: days that lines and sums are kept. clock: seconds since the epoch.

    `record` neither waits nor raises. dropped: lines that could not be taken. lost: that could not be written.
    """

    def __init__(self, database: Database, keep: float, clock: Callable[[], float] = time.time) -> None:
        self.database: Final = database
        self.dropped = 0
        self.lost = 0
        self._keep: Final = keep * DAY
        self._clock: Final = clock
        self._waiting: Final[deque[Line]] = deque()
        self._writing: Final[list[Line]] = []  # the writing thread's own: a transaction may have to be tried again
        self._told = False
        self._begun = False  # the writing thread's own, too
        database.chore(self._forget)

    def record(self, line: Line) -> None:
        """From one thread only."""
        if len(self._waiting) >= _MOST_WAITING:
            if not self.dropped:
                _log.warning("more usage is to be recorded than can be written: some of it is lost")
            self.dropped += 1
            return
        self._waiting.append(line)
        if not self._told:
            self._told = True  # before the thread can see it: it says False, and takes all lines then, so none stays
            if not self.database.put(self._write, settled=self._settled, lost=self._lost):
                self._told = False

    def _write(self, db: sqlite3.Connection) -> None:
        self._told, self._begun = False, True
        while self._waiting:
            self._writing.append(self._waiting.popleft())
        write_lines(db, self._writing)

    def _lost(self) -> None:
        """Where the writing did not even begin, its lines still wait, and go with the next."""
        if not self._begun:
            self._told = False
        self.lost += len(self._writing)

    def _settled(self) -> None:
        self._begun = False
        self._writing.clear()

    def _forget(self, db: sqlite3.Connection) -> None:
        day = int((self._clock() - self._keep) // DAY * DAY)
        if not forget_before(db, day, _AT_ONCE):
            self.database.put(self._forget)
        if self.database.in_memory:
            forget_surplus(db, _MOST_IN_MEMORY)
