"""How many requests are under way at each backend, and who waits until one of them ends.

A backend at its `max_inflight` is passed over. Where all are, a request waits in line for a while, first come first
served: a place that becomes free is handed to who has waited longest, and cannot be overtaken.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from dragoman.config.schema import ModelConfig
from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend
from dragoman.routing.health import ACCOUNT

_LONGEST_WAIT: Final = 30.0  # seconds
_MOST_WAITING: Final = 100
_COME_BACK: Final = 5.0  # seconds

# By backend's URL and model; 0 = none.
Limits: TypeAlias = Mapping[tuple[str, str], int]


class _Waiting:
    def __init__(self, backends: Sequence[Backend], model: str) -> None:
        self.backends: Final = backends
        self.model: Final = model
        self.place: Final[asyncio.Future[Backend]] = asyncio.get_running_loop().create_future()
        self.limits: Limits = {}  # what they have become meanwhile

    def limit(self, backend: Backend) -> float:
        return self.limits.get((backend.url, self.model), backend.max_inflight) or math.inf


class Load:
    """Counted by place and model (the backend's own name for it): the limit is said of the two together."""

    def __init__(self, longest_wait: float = _LONGEST_WAIT, most_waiting: int = _MOST_WAITING) -> None:
        self._longest_wait: Final = longest_wait
        self._most_waiting: Final = most_waiting
        self._under_way: Final[dict[tuple[str, str], int]] = {}
        self._line: Final[list[_Waiting]] = []

    def under_way(self, url: str, model: str) -> int:
        """By whichever account."""
        return sum(n for (at, name), n in self._under_way.items() if name == model and at.partition(ACCOUNT)[0] == url)

    def take(self, backends: Sequence[Backend], model: str) -> Backend | None:
        """Return the first of the backends that takes one more request, which counts until `leave`; None = none does."""
        for backend in backends:
            at = backend.place, model
            under_way = self._under_way.get(at, 0)
            if not backend.max_inflight or under_way < backend.max_inflight:
                self._under_way[at] = under_way + 1
                return backend
        return None

    def limit(self, limits: Limits) -> None:
        """These are the limits now, for who waits as well: requests that know them would overtake him for ever."""
        for waiting in self._line:
            waiting.limits = limits
            for backend in () if waiting.place.done() else waiting.backends:
                at = backend.place, waiting.model
                under_way = self._under_way.get(at, 0)
                if under_way < waiting.limit(backend):
                    self._under_way[at] = under_way + 1
                    waiting.place.set_result(backend)
                    break

    async def enter(self, backends: Sequence[Backend], model: str, *, patient: bool = False) -> Backend:
        """Like `take`, and wait for a place where there is none.

        Raise Problem("overloaded") if there is none for too long, or if too many wait already. patient: who asks says
        for how long, and cancels this.
        """
        return self.take(backends, model) or await self._wait(backends, model, None if patient else self._longest_wait)

    def leave(self, backend: Backend, model: str) -> None:
        """A request has ended. Its place goes to who waits for it, else it is free."""
        at = backend.place, model
        for waiting in self._line:
            wanted = waiting.backends if waiting.model == model and not waiting.place.done() else ()
            for each in wanted:
                if each.place == backend.place and self._under_way[at] <= waiting.limit(each):
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


def limits_of(models: Iterable[ModelConfig]) -> Limits:
    """Where two models say different limits of one place, the larger: who waits for it may know that one."""
    limits: dict[tuple[str, str], int] = {}
    for model in models:
        for backend in model.in_service:
            at = backend.url.rstrip("/"), model.backend_model
            known, limit = limits.get(at, backend.max_inflight), backend.max_inflight
            limits[at] = max(known, limit) if known and limit else 0
    return limits


def _full() -> Problem:
    return Problem(
        "overloaded",
        "every backend of this model is busy, and none became free in time; try again in a moment",
        retry_after=_COME_BACK,
    )
