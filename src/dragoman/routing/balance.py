"""In which order a model's backends are to be tried."""

import hashlib
import math
import random
from collections.abc import Sequence
from typing import Final

from dragoman.hub.route import Backend

_SPAN: Final = 2.0**64


def in_order(backends: Sequence[Backend], chance: random.Random, affinity: str | None = None) -> tuple[Backend, ...]:
    """An order in which a backend of twice the weight comes first twice as often. Weight 0 stands in last.

    The same affinity always gives the same order of the same backends (weighted rendezvous hashing): one that is taken
    away moves only what was its own. Without one, chance decides.
    """
    if len(backends) < 2:
        return tuple(backends)
    if affinity is None:
        return tuple(sorted(backends, key=lambda backend: _by_chance(backend.weight, chance)))
    told = hashlib.blake2b(affinity.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return tuple(sorted(backends, key=lambda backend: _by_hash(backend, told)))


def _by_chance(weight: int, chance: random.Random) -> float:
    """Exponential variables: the smallest of them is the i-th with a probability of weight_i over the sum of weights."""
    return chance.expovariate(weight) if weight > 0 else float("inf")


def _by_hash(backend: Backend, told: bytes) -> float:
    """The same, with the hash of both in the place of chance."""
    if backend.weight <= 0:
        return float("inf")
    place = f"{backend.url}\n{backend.key.reveal()}".encode("utf-8", "surrogatepass")
    drawn = int.from_bytes(hashlib.blake2b(place, key=told, digest_size=8).digest())
    return -math.log((drawn + 1) / _SPAN) / backend.weight
