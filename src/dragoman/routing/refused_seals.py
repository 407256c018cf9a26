"""Signatures of reasoning that a backend has refused to take back: none at all, or another vendor's.

A session moves from one model to another, and brings along what the first has thought. Where both speak Messages that is
relayed, and a backend that checks signatures answers with a 400, at this turn and at every later one. Which of the
signatures it means it does not say, so that all are remembered that it was shown; what it signs afterwards is not among
them.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend

_SIGNATURE: Final = re.compile(rb'"signature"\s*:\s*"([^"\\]*)"')
_MOST: Final = 4_096  # of one backend; the oldest are forgotten


class RefusedSeals:
    """of: their digests, by the URL of the backend. Empty until one has refused something, so that it costs nothing."""

    def __init__(self) -> None:
        self.of: Final[dict[str, dict[bytes, None]]] = {}

    def learn(self, problem: Problem, url: str, body: bytes) -> bool:
        """Whether the problem is such a refusal of what is in the body: then it is remembered."""
        if problem.kind != "bad_request" or "signature" not in problem.public.lower():
            return False
        found = _SIGNATURE.findall(body)
        refused = self.of.setdefault(url, {}) if found else {}
        refused |= dict.fromkeys(map(_digest, found))
        for oldest in list(refused)[:-_MOST]:
            del refused[oldest]
        return bool(found)

    def are_in(self, body: bytes, backends: Iterable[Backend]) -> bool:
        """Whether one of these has refused something that is in the body."""
        known = [refused for backend in backends if (refused := self.of.get(backend.url))]
        return bool(known) and any(_digest(seal) in refused for seal in _SIGNATURE.findall(body) for refused in known)

    def hold(self, seal: str, backends: Iterable[Backend]) -> bool:
        """Whether one of these has refused this signature."""
        digest = _digest(seal.encode("utf-8", "surrogatepass"))
        return any(digest in self.of.get(backend.url, ()) for backend in backends)

    def clear(self) -> None:
        self.of.clear()


def _digest(seal: bytes) -> bytes:
    return blake2b(seal, digest_size=16).digest()
