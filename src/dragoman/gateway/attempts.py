"""Asking a model's backends in turn, until one has answered or has begun to: an answer has one voice.

Passed over, as long as there are others: backends that rest (routing/health.py) and those that are at their limit of
requests (routing/load.py).
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from dragoman.gateway.entry import place_of
from dragoman.gateway.parties import Parties
from dragoman.hub.problems import ELSEWHERE, Kind, Problem
from dragoman.hub.route import Backend, Route

_log: Final = logging.getLogger("dragoman.gateway")
# What may be raised before the backend is asked, and says nothing of it.
_OURS: Final[frozenset[Kind]] = frozenset({"unsupported", "internal"})
# What passes by itself: who hears of it knows that it helps to come again, and mostly when.
_PASSING: Final[frozenset[Kind]] = frozenset({"rate_limited", "overloaded"})


async def ask_in_turn(
    route: Route, parties: Parties, ask: Callable[[Backend], Awaitable[None]], said: Callable[[], bool]
) -> None:
    """Raise the Problem of the last backend, if none answers; but if one asked to come again later, its Problem.

    said: whether the client has heard something, after which no other is asked.
    """
    health, load = parties.gateway.health, parties.gateway.load
    left = list(route.backends)
    told: tuple[Problem, Backend] | None = None
    while True:
        well = [backend for backend in left if not health.rests(backend.place)] if len(left) > 1 else left
        backend = load.take(well or left, route.backend_model)
        if backend is None:
            helps = bool(parties.entry.parent)  # another exchange, which says how long this may take
            backend = await load.enter(well or left, route.backend_model, patient=helps)
        left.remove(backend)
        health.attempt(backend.place)
        parties.entry.attempted(backend)
        try:
            await ask(backend)
        except Problem as problem:
            if problem.kind not in ELSEWHERE:
                if problem.kind not in _OURS:
                    health.answered(backend.place)
                raise
            health.failed(backend.place)
            if said():
                raise
            problem.with_traceback(None)  # as in Entry.failed: some of its frames hold it
            if told is None or told[0].kind not in _PASSING:
                told = problem, backend
            if not left:
                parties.entry.backend_dialect, parties.entry.backend = told[1].dialect, told[1].url
                raise told[0] from None
            place = place_of(backend.url)
            _log.info("%s: %s: %s; another one is asked, of %d", parties.entry.id, place, problem.public, len(left))
        else:
            health.answered(backend.place)
            return
        finally:
            load.leave(backend, route.backend_model)
