"""The workers of one trade: started when there is work, replaced when they are worn, let go when they are idle."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.workers.worker import Trade, Worker, started

_MOST_WAITING: Final = 64
_RETRY: Final = 2.0  # seconds


class Crew:
    """most_waiting: jobs that wait for a worker; one more is refused."""

    def __init__(self, trade: Trade, most_waiting: int = _MOST_WAITING) -> None:
        self._trade: Final = trade
        self._most_waiting: Final = most_waiting
        self._places: Final = asyncio.Semaphore(trade.workers)
        self._waiting = 0
        self._idle: Final[dict[Worker, asyncio.TimerHandle]] = {}
        self._hired: Final[set[Worker]] = set()
        self._leaving: Final[set[asyncio.Task[None]]] = set()
        self._closed = False

    @contextlib.asynccontextmanager
    async def hired(self) -> AsyncIterator[Worker]:
        """A worker for one job, when it is this job's turn. Raise Problem(overloaded) if too many wait."""
        if self._waiting >= self._most_waiting:
            raise Problem("overloaded", "too many documents wait to be read", retry_after=_RETRY)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            worker = await self._one()
            self._hired.add(worker)
            try:
                yield worker
            finally:
                self._hired.remove(worker)
                self._put_back(worker)
        finally:
            self._places.release()

    async def close(self) -> None:
        """End all of them, and what they are at."""
        self._closed = True
        for worker in [*self._idle, *self._hired]:
            self._let_go(worker)
        while self._leaving:
            await asyncio.wait(self._leaving)

    async def _one(self) -> Worker:
        if self._closed:
            raise Problem("overloaded", "the proxy is being stopped", retry_after=_RETRY)
        while self._idle:
            worker, timer = self._idle.popitem()  # the one that worked last, so that others can be let go
            timer.cancel()
            if not worker.has_ended:
                return worker
        return await started(self._trade)

    def _put_back(self, worker: Worker) -> None:
        if worker.is_fit and not self._closed:
            loop = asyncio.get_running_loop()
            self._idle[worker] = loop.call_later(self._trade.idle, self._let_go, worker)
        else:
            self._let_go(worker)

    def _let_go(self, worker: Worker) -> None:
        if (timer := self._idle.pop(worker, None)) is not None:
            timer.cancel()
        worker.kill()
        task = asyncio.get_running_loop().create_task(worker.ended())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
