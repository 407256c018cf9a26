"""Responses that clients come back to by `previous_response_id`: a chain of them is a conversation.

Each keeps its own items only; the conversation is put together again from all its parents. It is kept or forgotten as a
whole, since a chain with a link missing is worth nothing. Another owner's response is like none at all.
"""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple, Protocol

import msgspec

from dragoman.hub.problems import Problem, bad_request
from dragoman.store.database import Database
from dragoman.store.migrations import Write
from dragoman.store.response_tables import (
    Limits,
    Link,
    Place,
    StoredResponse,
    insertion,
    removal,
    selected,
    sweep,
    touch,
    walked,
)
from dragoman.store.sweeps import Sweeps

_MEMORY: Final = 64 * 2**20  # bytes of those that have no place on disk


class Responses(Protocol):
    def save(self, said: StoredResponse) -> None:
        """Keep it, if this is where it is to be kept. It can be read at once. Never waits; what is too much is lost."""

    async def get(self, response_id: str, owner: str) -> StoredResponse | None: ...

    async def links(self, response_id: str, owner: str) -> list[Link]:
        """The response and its parents, latest first, as far as they are known here."""

    async def chain(self, response_id: str, owner: str) -> bytes | None:
        """The conversation up to and with this response, oldest first, as one JSON array of items.

        None if it or one of its parents is not known. Raise Problem(bad_request) if it is too long.
        """

    async def delete(self, response_id: str, owner: str) -> bool:
        """Whether there was one. Raise Problem(overloaded) if it cannot be deleted now."""


def joined(arrays: Iterable[bytes]) -> bytes:
    """One JSON array of the members of many, each as it was written."""
    insides = (array.strip()[1:-1].strip() for array in arrays)
    return b"[%b]" % b",".join(inside for inside in insides if inside)


def _demand_arrays(said: StoredResponse) -> None:
    for array in (said.input_items.strip(), said.output_items.strip()):
        if not (array.startswith(b"[") and array.endswith(b"]")):
            raise ValueError("the items of a response are kept as JSON arrays")


def _link_of(said: StoredResponse) -> Link:
    return Link(said.parent_id, said.input_items, said.output_items)


def _history(links: list[Link], limits: Limits) -> bytes | None:
    if len(links) > limits.max_links or sum(link.size for link in links) > limits.max_history:
        raise bad_request(
            "previous_response_id",
            f"leads back over more than {limits.max_links} responses or {limits.max_history >> 20} MiB;"
            " begin a new conversation, with what matters of this one in `input`",
        )
    if not links or links[-1].parent_id is not None:
        return None
    return joined(items for link in reversed(links) for items in (link.input_items, link.output_items))


async def _gathered(response_id: str, limits: Limits, from_here: Callable[[str], Awaitable[list[Link]]]) -> list[Link]:
    """The links from this response back to the first, or to one that is not known. from_here: one of them, or more."""
    found: list[Link] = []
    wanted: str | None = response_id
    while wanted is not None and len(found) <= limits.max_links:
        older = await from_here(wanted)
        if not older:
            break
        found += older
        wanted = older[-1].parent_id
    return found


class _Change(NamedTuple):
    """said: what will be written; None = it will be deleted."""

    said: StoredResponse | None


class KeptResponses:
    """Those that last, in the file. What is still queued is read from memory. now: the clock, seconds since the epoch."""

    def __init__(self, database: Database, limits: Limits, now: Callable[[], float] = time.time) -> None:
        self._database: Final = database
        self._limits: Final = _fit_for_memory(limits) if database.in_memory else limits
        self._now: Final = now
        self._sweeps: Final = Sweeps(min(self._limits.max_bytes, self._limits.max_bytes_per_owner))
        self._changes: Final[dict[Place, _Change]] = {}
        self._changing: Final = threading.Lock()  # the writing thread takes out what is written
        database.chore(self._sweep)

    def save(self, said: StoredResponse) -> None:
        _demand_arrays(said)
        if said.lasting and self._queue(said.place, said, insertion(said, self._now())) and self._sweeps.due(said.size):
            self._database.put(self._sweep)

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        place, since = (owner, response_id), self._since()
        if (change := self._changes.get(place)) is not None:
            return change.said
        found = await self._database.read_aside(lambda db: selected(db, place, since), None)
        if found is not None:
            self._database.put(touch(place, self._now()))
        return found

    async def links(self, response_id: str, owner: str) -> list[Link]:
        return await _gathered(response_id, self._limits, lambda wanted: self._links_from((owner, wanted)))

    async def chain(self, response_id: str, owner: str) -> bytes | None:
        return _history(await self.links(response_id, owner), self._limits)

    async def delete(self, response_id: str, owner: str) -> bool:
        if await self.get(response_id, owner) is None:
            return False
        place = (owner, response_id)
        if not self._queue(place, None, removal(place)):
            raise Problem("overloaded", "The response cannot be deleted right now. Try again.")
        return True

    async def _links_from(self, place: Place) -> list[Link]:
        """The one that is queued, or all that are in the file."""
        if (change := self._changes.get(place)) is not None:
            return [] if change.said is None else [_link_of(change.said)]
        since, limits = self._since(), self._limits
        nothing: list[Link] = []
        found = await self._database.read_aside(lambda db: walked(db, place, since, limits, self._is_gone), nothing)
        if found:
            self._database.put(touch(place, self._now()))
        return found

    def _is_gone(self, place: Place) -> bool:
        change = self._changes.get(place)
        return change is not None and change.said is None

    def _since(self) -> float:
        return self._now() - self._limits.ttl

    def _queue(self, place: Place, said: StoredResponse | None, write: Write) -> bool:
        change = _Change(said)
        size = 0 if said is None else said.size
        with self._changing:  # whoever settles an earlier change of this place waits until this one is certain
            if not self._database.put(write, size=size, settled=lambda: self._settled(place, change)):
                return False
            self._changes[place] = change
        return True

    def _settled(self, place: Place, change: _Change) -> None:
        with self._changing:
            if self._changes.get(place) is change:  # else a later one waits
                del self._changes[place]

    def _sweep(self, db: sqlite3.Connection) -> None:
        sweep(db, self._since(), self._limits)


def _fit_for_memory(limits: Limits) -> Limits:
    return msgspec.structs.replace(
        limits,
        max_bytes=min(limits.max_bytes, _MEMORY),
        max_bytes_per_owner=min(limits.max_bytes_per_owner, _MEMORY),
    )


class ConnectionResponses:
    """Those of one connection that end with it, and behind them those that last.

    below: where what lasts is kept. max_bytes: beyond it the earliest are forgotten.
    """

    def __init__(self, below: Responses, limits: Limits, max_bytes: int = _MEMORY) -> None:
        self._below: Final = below
        self._limits: Final = limits
        self._max_bytes: Final = max_bytes
        self._kept: Final[OrderedDict[Place, StoredResponse]] = OrderedDict()
        self._bytes = 0

    def save(self, said: StoredResponse) -> None:
        self._take(said.place)
        if said.lasting:
            self._below.save(said)
            return
        _demand_arrays(said)
        self._kept[said.place] = said
        self._bytes += said.size
        while self._bytes > self._max_bytes:
            self._take(next(iter(self._kept)))

    async def get(self, response_id: str, owner: str) -> StoredResponse | None:
        return self._kept.get((owner, response_id)) or await self._below.get(response_id, owner)

    async def links(self, response_id: str, owner: str) -> list[Link]:
        return await _gathered(response_id, self._limits, lambda wanted: self._links_from((owner, wanted)))

    async def chain(self, response_id: str, owner: str) -> bytes | None:
        return _history(await self.links(response_id, owner), self._limits)

    async def delete(self, response_id: str, owner: str) -> bool:
        if self._take((owner, response_id)):
            return True
        return await self._below.delete(response_id, owner)

    async def _links_from(self, place: Place) -> list[Link]:
        kept = self._kept.get(place)
        return [_link_of(kept)] if kept is not None else await self._below.links(place[1], place[0])

    def _take(self, place: Place) -> bool:
        """Take it out of memory. Return whether it was there."""
        kept = self._kept.pop(place, None)
        self._bytes -= 0 if kept is None else kept.size
        return kept is not None
