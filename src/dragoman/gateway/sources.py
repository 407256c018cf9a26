"""Where an answer comes from, as events: a backend, streaming or whole, or the built-in demo model."""

import asyncio
import functools
import logging
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.gateway.call import passed_headers, with_query
from dragoman.gateway.gateway import MAX_ANSWER
from dragoman.gateway.memory import reminded
from dragoman.gateway.parties import HUGE, Parties
from dragoman.gateway.rescue import rescuers
from dragoman.hub.estimate import tokens_in_json, tokens_in_request
from dragoman.hub.events import Began, Event, Failed, Noted
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Backend, Route
from dragoman.net.client import Reply
from dragoman.protocols import BACKENDS
from dragoman.protocols.call_kinds import Original, Restored, lowered
from dragoman.protocols.codec import BackendSide, Stamp, StreamReader
from dragoman.protocols.seals import Enveloped, opened, seals_in, unsealed
from dragoman.protocols.stop_sequences import StopSequences
from dragoman.routing.calibration import Calibration
from dragoman.routing.lessons import learnt, lesson_of
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_SHORT: Final = 2**14  # bytes: some 2 ms to estimate
_MAX_ERROR: Final = 2**20  # bytes
_SHORTEST_KEY: Final = 8  # of those that are blanked: "x" or "none" are no secrets, and words of a message
_FIRST: Final[Mapping[type, int]] = {Began: 0, Noted: 1}
_FEED: Final = operator.attrgetter("feed")
_MOST_LESSONS: Final = 4  # of one request: each costs a refusal


# Takes events without waiting for anything, and says whether it would take more.
Into: TypeAlias = Callable[[list[Event]], bool]


class Source(Protocol):
    async def read(self) -> list[Event]:
        """What came since the last call, maybe nothing of meaning. `Ended` or `Failed` is the last there is."""

    async def pour(self, into: Into) -> None:
        """Hand on what comes in the moment in which it has come, until `into` says False; then `read` goes on.

        There may be nothing that can be handed on this way: whatever is not is read.
        """

    def settle(self) -> None:
        """The answer has ended: part from it so that the connection can be used again, as soon as its end has come."""

    def close(self) -> None:
        """Part from the backend: its generation stops if it has not ended."""


def mean_something(events: list[Event]) -> bool:
    """Whether the answer has begun with these. Raise the Problem of one that fails before it does."""
    for event in events:
        if type(event) is Failed:
            raise event.problem
        if type(event) is not Began and type(event) is not Noted:
            return True
    return False


class Filter(Protocol):
    """Changes events on their way, one by one. cut: it has ended the answer before the backend did.

    After that it says nothing more, and never does `feed` wait for anything.
    """

    def feed(self, event: Event) -> list[Event]: ...

    @property
    def cut(self) -> bool: ...


async def open_source(
    request: Request, route: Route, backend: Backend, parties: Parties, losses: Losses, stamp: Stamp
) -> Source:
    """Ask the backend. Raise the Problem it answers with, if it does not answer with success.

    What a refusal teaches is tried at once, and kept for the next request if it helped.
    """
    gateway = parties.gateway
    if way_to(backend).seals:
        request = reminded(request, gateway.vault, parties.entry.owner)
    request = opened(request, gateway.sealer, losses, keep=backend.profile.keeps_envelopes)
    if (refused := gateway.knowledge.refused_seals).of:
        request = unsealed(request, functools.partial(refused.hold, account=(backend.url, backend.key)))
    lost_before = len(losses.noted)
    try:
        return await _ask(request, route, backend, parties, losses, stamp)
    except Problem as problem:
        refusal = problem
    changes: dict[str, Any] = {}
    for _ in range(_MOST_LESSONS):
        lesson = lesson_of(refusal, backend.profile)
        if lesson is not None and changes.keys().isdisjoint(lesson.changes):
            _log.warning("%s: the backend %s; learnt from: %s", route.model, lesson.about, refusal.public)
            backend = msgspec.structs.replace(backend, profile=learnt(backend.profile, lesson))
            changes |= lesson.changes
        elif refused.learn(refusal, (backend.url, backend.key), seals_in(request)):
            _log.info("%s: the backend takes back no reasoning of another's; it said: %s", route.model, refusal.public)
            request = unsealed(request, functools.partial(refused.hold, account=(backend.url, backend.key)))
        else:
            break
        del losses.noted[lost_before:]
        try:
            source = await _ask(request, route, backend, parties, losses, stamp)
        except Problem as problem:
            refusal = problem
        else:
            if changes:
                gateway.knowledge.teach(backend.url, route.backend_model, changes)
            return source
    raise refusal


async def _ask(
    request: Request, route: Route, backend: Backend, parties: Parties, losses: Losses, stamp: Stamp
) -> Source:
    way, gateway = way_to(backend), parties.gateway
    side = way.side
    originals: dict[str, Original] = {}
    if backend.dialect != "openai-responses":
        custom_tools = backend.dialect == "openai-chat" and backend.profile.openai_fields
        request, originals = lowered(request, custom_tools=custom_tools)
    if parties.entry.read_bytes > HUGE:
        body = await asyncio.to_thread(side.write_request, request, route, backend, losses)
    else:
        body = side.write_request(request, route, backend, losses)
    url, headers = way.url, way.headers
    if request.dialect == backend.dialect:  # its vendor's own settings are kept, and some are told in the head as well
        url, headers = with_query(url, parties.call), tuple(passed_headers(parties.call, headers))
    asked = gateway.net.ask("POST", url, headers, body, route.timeouts)
    try:
        # While the backend thinks, what will hear its answer is made.
        filters: list[Filter] = [*rescuers(request, originals, route, backend, parties, stamp)]
        if originals:
            filters.append(Restored(originals))
        if request.stop and (stops := _to_emulate(request, backend)):
            filters.append(StopSequences(stops, lambda: _prompt_tokens(request, body, route, gateway.calibration)))
        if way.seals and request.dialect != backend.dialect:
            filters.append(Enveloped(request.dialect, gateway.sealer))
        streamed = _Streamed(side.stream_reader(request, backend.profile, stamp), filters) if request.stream else None
        reply = await asked.reply()
    except BaseException:
        asked.close()
        raise
    try:
        if reply.status != 200:
            raise await problem_of(backend, reply)  # noqa: TRY301 - the reply is closed on every way out
        if streamed is not None:
            streamed.reply = reply
            return streamed
        answer = await reply.read_all(MAX_ANSWER)
    except BaseException:
        reply.close()
        raise
    reply.close()
    events = side.read_answer(answer, request, backend.profile, stamp)
    return filtered(_Whole(_with_usage_first(events) if request.stop else events), filters)


class Way(Struct, frozen=True):
    """How a backend is asked. seals: its reasoning may come with a proof that it wants back."""

    side: BackendSide
    url: str
    headers: tuple[tuple[str, str], ...]
    seals: bool


@functools.lru_cache(maxsize=256)
def way_to(backend: Backend) -> Way:
    """The same for each request of ours."""
    side = BACKENDS[backend.dialect]
    accepted = ("accept", "application/json, text/event-stream")
    headers = (("content-type", "application/json"), accepted, *side.headers(backend))
    return Way(side, side.url(backend), headers, backend.seals)


async def problem_of(backend: Backend, reply: Reply) -> Problem:
    """Read a backend's error answer. A redirect is one too: keys are not carried to another place."""
    if 300 <= reply.status < 400:
        private = f"{reply.status} to {reply.headers.get('location')}"
        return Problem(
            "backend_failed",
            "the backend redirects to another address; put that address into the model's `url`",
            private=private,
        )
    try:
        body = await reply.read_all(_MAX_ERROR)
    except Problem as problem:
        body = problem.public.encode()
    if len(key := backend.key.reveal().encode()) >= _SHORTEST_KEY:
        body = body.replace(key, b"***")  # whatever it looks like, where `redacted` knows the usual forms
    headers: Mapping[str, str] = dict(reply.headers.items())
    return BACKENDS[backend.dialect].read_problem(reply.status, headers, body)


def _to_emulate(request: Request, backend: Backend) -> tuple[str, ...]:
    """The stop sequences that the backend is not told."""
    stops = tuple(sequence for sequence in request.stop if sequence)
    if backend.dialect == "openai-responses":
        return stops
    return stops[backend.profile.max_stop :] if backend.profile.max_stop is not None else ()


def _with_usage_first(events: list[Event]) -> list[Event]:
    """Who cuts the answer short shall know what it cost."""
    return sorted(events, key=lambda event: _FIRST.get(type(event), len(_FIRST)))


def _prompt_tokens(request: Request, body: bytes, route: Route, calibration: Calibration) -> int:
    """An estimate as `count_tokens` gives it; of a long prompt a sample is counted, for other streams wait meanwhile.

    body: the request as it was written.
    """
    is_short = len(body) <= _SHORT
    estimated = tokens_in_request(request, jsons.write_text) if is_short else tokens_in_json(body)
    return calibration.apply(route.backend_model, estimated)


def filtered(source: Source, filters: Sequence[Filter]) -> Source:
    return _Filtered(source, filters) if filters else source


class _Filters:
    """Those over one source, the nearest to it first."""

    def __init__(self, filters: Sequence[Filter]) -> None:
        self._filters: Final = filters
        self._feeds: Final = [*map(_FEED, filters)]

    @property
    def cut(self) -> bool:
        for each in self._filters:  # noqa: SIM110 - at the end of every answer
            if each.cut:
                return True
        return False

    def heard(self, events: list[Event]) -> list[Event]:
        for feed in self._feeds:
            # One at a time is a model's pace.
            events = feed(events[0]) if len(events) == 1 else [told for event in events for told in feed(event)]
        return events


class _Filtered(_Filters):
    def __init__(self, source: Source, filters: Sequence[Filter]) -> None:
        super().__init__(filters)
        self._source: Final = source

    async def read(self) -> list[Event]:
        return self.heard(await self._source.read())

    async def pour(self, into: Into) -> None:
        await self._source.pour(lambda events: into(self.heard(events)))

    def settle(self) -> None:
        if not self.cut:
            self._source.settle()

    def close(self) -> None:
        self._source.close()


class _Streamed(_Filters):
    """A backend's stream. It is made before its reply has come, and is of use as soon as it is given that."""

    reply: Reply

    def __init__(self, reader: StreamReader, filters: Sequence[Filter]) -> None:
        super().__init__(filters)
        self._reader: Final = reader

    async def read(self) -> list[Event]:
        data = self.reply.waiting() or await self.reply.read()
        return self.heard(self._reader.feed(data) if data else self._reader.finish())

    async def pour(self, into: Into) -> None:
        feed, heard = self._reader.feed, self.heard
        await self.reply.pour(lambda data: into(heard(feed(data))))

    def settle(self) -> None:
        if not self.cut:
            self.reply.settle()

    def close(self) -> None:
        self.reply.close()


class Made:
    """A source that waits for nobody outside: nothing of it is poured, and nothing is left open behind it."""

    async def pour(self, into: Into) -> None:
        """All of it is read."""

    def settle(self) -> None:
        """Nothing is left open."""

    def close(self) -> None:
        """Nothing is left open."""


class _Whole(Made):
    def __init__(self, events: list[Event]) -> None:
        self._events: Final = events

    async def read(self) -> list[Event]:
        return self._events
