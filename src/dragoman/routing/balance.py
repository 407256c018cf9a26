"""In which order a model's backends are to be tried."""

import random
from collections.abc import Sequence

from dragoman.hub.route import Backend


def in_order(backends: Sequence[Backend], chance: random.Random) -> tuple[Backend, ...]:
    """A random order in which a backend of twice the weight comes first twice as often. Weight 0 stands in last."""
    if len(backends) < 2:
        return tuple(backends)
    return tuple(sorted(backends, key=lambda backend: _rank(backend.weight, chance)))


def _rank(weight: int, chance: random.Random) -> float:
    """Exponential variables: the smallest of them is the i-th with a probability of weight_i over the sum of weights."""
    return chance.expovariate(weight) if weight > 0 else float("inf")
