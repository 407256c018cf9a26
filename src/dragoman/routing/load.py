"""How many requests are under way at each backend, and who waits until one of them ends.

A backend at its `max_inflight` is passed over. Where all are, a request waits in line for a while, first come first
served: a place that becomes free is handed to who has waited longest, and cannot be overtaken.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend

_LONGEST_WAIT: Final = 30.0  # seconds
_MOST_WAITING: Final = 100
_COME_BACK: Final = 5.0  # seconds


class _Waiting:
    def __init__(self, backends: Sequence[Backend], model: str) -> None:
        self.backends: Final = backends
        self.model: Final = model
        self.place: Final[asyncio.Future[Backend]] = asyncio.get_running_loop().create_future()


class Load:
    """Counted by backend and model (the backend's own name for it): the limit is said of the two together."""

    def __init__(self, longest_wait: float = _LONGEST_WAIT, most_waiting: int = _MOST_WAITING) -> None:
        self._longest_wait: Final = longest_wait
        self._most_waiting: Final = most_waiting
        self._under_way: Final[dict[tuple[str, str], int]] = {}
        self._line: Final[list[_Waiting]] = []

    def under_way(self, url: str, model: str) -> int:
        return self._under_way.get((url, model), 0)

    def take(self, backends: Sequence[Backend], model: str) -> Backend | None:
        """Return the first of the backends that takes one more request, which counts until `leave`; None = none does."""
        for backend in backends:
            at = backend.url, model
            under_way = self._under_way.get(at, 0)
            if not backend.max_inflight or under_way < backend.max_inflight:
                self._under_way[at] = under_way + 1
                return backend
        return None

    async def enter(self, backends: Sequence[Backend], model: str, *, patient: bool = False) -> Backend:
        """Like `take`, and wait for a place where there is none.

        Raise Problem("overloaded") if there is none for too long, or if too many wait already. patient: who asks says
        for how long, and cancels this.
        """
        return self.take(backends, model) or await self._wait(backends, model, None if patient else self._longest_wait)

    def leave(self, backend: Backend, model: str) -> None:
        """A request has ended. Its place goes to who waits for it, else it is free."""
        at = backend.url, model
        for waiting in self._line:
            wanted = waiting.backends if waiting.model == model and not waiting.place.done() else ()
            for each in wanted:
                if each.url == backend.url and not each.max_inflight < self._under_way[at]:
                    waiting.place.set_result(each)
                    return
        self._under_way[at] -= 1
        if not self._under_way[at]:
            del self._under_way[at]

    async def _wait(self, backends: Sequence[Backend], model: str, longest: float | None) -> Backend:
        if len(self._line) >= self._most_waiting:
            raise _full()
        waiting = _Waiting(backends, model)
        self._line.append(waiting)
        try:
            async with asyncio.timeout(longest):
                return await waiting.place
        except BaseException as gone:
            if waiting.place.done() and not waiting.place.cancelled():
                self.leave(waiting.place.result(), model)  # it came at the very moment that nobody waited any more
            if isinstance(gone, TimeoutError):
                raise _full() from None
            raise
        finally:
            self._line.remove(waiting)


def _full() -> Problem:
    return Problem(
        "overloaded",
        "every backend of this model is busy, and none became free in time; try again in a moment",
        retry_after=_COME_BACK,
    )
