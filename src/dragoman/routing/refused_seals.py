"""Seals of reasoning that a backend has refused to take back: none at all, another vendor's, or another account's.

A session moves from one model or account to another, and brings along what the first has thought. A backend that checks
signatures, or cannot decrypt what another has encrypted, answers with a 400, at this turn and at every later one. Which
of the seals it means it does not say, so that all are remembered that it was shown; what it seals afterwards is not among
them.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final, TypeAlias

from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend, Secret

WHY: Final = "it holds reasoning that the backend has refused to take back"

_SEAL: Final = re.compile(rb'"(?:signature|encrypted_content)"\s*:\s*"([^"\\]*)"')
# As Anthropic says it, OpenAI and Azure, and xAI.
_REFUSAL: Final = re.compile(
    r"signature|encrypted content\b.{0,200}\bcould not be|could not de(crypt|code)\b.{0,40}\bencrypted_content",
    re.IGNORECASE | re.DOTALL,
)
# Where a backend is, and whose: two accounts of one vendor have a URL in common, and no seals.
Account: TypeAlias = tuple[str, Secret]
_MOST: Final = 4_096  # of one backend; the oldest are forgotten


class RefusedSeals:
    """of: their digests, by account. Empty until one has refused something, so that it costs nothing."""

    def __init__(self) -> None:
        self.of: Final[dict[Account, dict[bytes, None]]] = {}

    def learn(self, problem: Problem, account: Account, seals: Iterable[str]) -> bool:
        """Whether the problem is such a refusal, of one of these: then they are remembered. Else none is looked at."""
        if problem.kind != "bad_request" or not _REFUSAL.search(problem.public):
            return False
        found = dict.fromkeys(map(_digest, seals))
        refused = self.of.setdefault(account, {}) if found else {}
        refused |= found
        for oldest in list(refused)[:-_MOST]:
            del refused[oldest]
        return bool(found)

    def are_in(self, body: bytes, backends: Iterable[Backend]) -> bool:
        """Whether one of these has refused something that is in the body."""
        known = [refused for backend in backends if (refused := self.of.get((backend.url, backend.key)))]
        return bool(known) and any(_digest(seal) in refused for seal in seals_in(body) for refused in known)

    def hold(self, seal: str, account: Account) -> bool:
        """Whether it has refused this seal."""
        return _digest(seal) in self.of.get(account, ())

    def clear(self) -> None:
        self.of.clear()


def seals_in(body: bytes) -> Iterator[str]:
    for found in _SEAL.finditer(body):
        yield found[1].decode("utf-8", "replace")


def _digest(seal: str) -> bytes:
    return blake2b(seal.encode("utf-8", "surrogatepass"), digest_size=16).digest()
