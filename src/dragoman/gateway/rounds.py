"""An answer for which the proxy runs tools: the model calls one, is told the result, and goes on, with one voice.

To whoever tells the answer it is one `Source`. What the model says in any round passes as it comes, under numbers of its
own; its calls of the proxy's tools do not, the client is shown what came of them. Once such a call has begun, the rest
of its round waits: calls of the client's own tools are said behind what was found, and then the answer ends, for they
are the client's to run.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.gateway.citing import Citing
from dragoman.gateway.parties import Parties
from dragoman.gateway.past_runs import PastRun, RememberedRuns, remember_item, run_id, sealed
from dragoman.gateway.server_tools import Offer, Prepared, unforced, without
from dragoman.gateway.sources import Into, Source, filtered, mean_something
from dragoman.hub.answer import Fold, Said
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Running, Showed
from dragoman.hub.request import Fetched, Opaque, Part, Request, Searched, Text, ToolCall, ToolResult, Turn
from dragoman.hub.usage import Usage
from dragoman.protocols import arguments
from dragoman.protocols.codec import Stamp
from dragoman.protocols.server_tools import with_choice
from dragoman.tools.tool import Ran

_log: Final = logging.getLogger("dragoman.gateway")
_MOST_ROUNDS: Final = 16  # in which tools are run; a model that wants more has lost its way
_MOST_RUNS: Final = 32  # of one tool in one answer, if the client sets no limit
_AT_ONCE: Final = 4
_EXCEEDED: Final = "max_uses_exceeded"
_LONGEST: Final = 120.0  # seconds that a run may take; tools have shorter limits of their own
_BROKEN: Final = "The tool has failed and cannot be used at the moment. Go on without it."
_USED_UP: Final = "This tool has been used as often as it may be in one answer. Answer with what you have found."
_replace: Final = msgspec.structs.replace

# Asks a backend again.
Again: TypeAlias = Callable[[Request], Awaitable[Source]]


def remembering(rounds: "Rounds", parties: Parties) -> Source:
    """The same answer, for a client that cannot bring back what was found."""
    if parties.client.dialect != "openai-chat":
        return rounds
    return filtered(rounds, [RememberedRuns(parties.gateway.vault, parties.entry.owner, rounds.runs)])


class _Called(Struct, frozen=True):
    """A call of one of the proxy's tools."""

    call: ToolCall
    offer: Offer

    @property
    def given(self) -> dict[str, Any]:
        """Its arguments; empty where they are none, which the tool complains of."""
        return arguments.repaired(self.call.arguments) or {}


class Rounds:
    """first: the answer to the first round. runs: what was run so far."""

    def __init__(self, first: Source, asked: Prepared, again: Again, parties: Parties, mark: Stamp) -> None:
        self._source = first
        self._request = asked.request
        self._offers: Final = asked.offers
        self._again = again
        self._parties: Final = parties
        self._mark: Final = mark
        self._spent = Usage()  # in the rounds before this one
        self._uses: Final[dict[str, int]] = {}
        self._number = 0  # of the round
        self._round = _Round()
        self._next: Request | None = None
        self._telling: Final = _Telling()
        self.runs: Final[list[PastRun]] = []

    async def read(self) -> list[Event]:
        if self._round.over is not None:
            return self._announced() or await self._run_tools(self._round.over)
        if self._next is None:
            return self._heard(await self._source.read())
        self._source = await self._again(self._next)
        events = await self._source.read()
        while not mean_something(events):  # before that, another backend can be asked for this round
            events = [*events, *await self._source.read()]
        self._next = None
        return self._heard(events)

    @property
    def is_between(self) -> bool:
        """Whether a round is to be asked of which nothing was heard yet."""
        return self._next is not None

    def go_on_with(self, again: Again) -> None:
        """Ask another backend from now on: what was said and found so far stays."""
        self._again = again

    async def pour(self, into: Into) -> None:
        if self._round.over is None and self._next is None:
            await self._source.pour(lambda events: into(self._heard(events)) and self._round.over is None)

    def settle(self) -> None:
        self._source.settle()

    def close(self) -> None:
        self._source.close()

    def _heard(self, events: list[Event]) -> list[Event]:
        return [told for event in events for told in self._hear(event)]

    def _hear(self, event: Event) -> list[Event]:
        round_ = self._round
        match event:
            case Grew() | Closed() if event.block in round_.calls:
                round_.said.feed(event)
                return []
            case Failed():
                return [event]
            case Began():
                return [] if self._number else [event]
            case Noted(usage):
                round_.usage = round_.usage.updated(usage)
                return [self._noted(self._spent.plus(round_.usage))]
            case Ended():
                return self._ended(event)
            case Opened(block, ToolCall(by="client") as call) if call.name in self._offers:
                round_.calls[block] = call
                round_.said.feed(event)
                return []
        round_.said.feed(event)
        told = self._telling.of(self._number, event)
        if round_.calls:
            round_.held += told
            return []
        return told

    def _ended(self, event: Ended) -> list[Event]:
        """An answer that was cut short may hold half a call: it is not run."""
        round_ = self._round
        if round_.calls and event.reason in ("tool_calls", "stop"):
            round_.over = event
            return []
        return [*round_.held, event]

    def _announced(self) -> list[Event]:
        """What is going to be run, said once; Chat clients are shown nothing, so for them nothing is said yet."""
        round_ = self._round
        if round_.blocks:
            return []
        called = self._called()
        round_.blocks = [self._telling.fresh() for _ in called]
        if self._parties.client.dialect == "openai-chat":
            return []
        return [
            Running(block, _begun(one.offer, one.given, run_id(self._mark.id, self._number, place)))
            for place, (block, one) in enumerate(zip(round_.blocks, called, strict=True))
        ]

    def _called(self) -> list[_Called]:
        return [
            _Called(part, self._offers[part.name])
            for part in self._round.said.parts()
            if isinstance(part, ToolCall) and part.by == "client" and part.name in self._offers
        ]

    async def _run_tools(self, ended: Ended) -> list[Event]:
        self._source.settle()
        self._source.close()
        round_, number = self._round, self._number
        parts, called = round_.said.parts(), self._called()
        ran = await self._ran(called)
        events: list[Event] = [Showed(block, one.shown) for block, one in zip(round_.blocks, ran, strict=True)]
        events += round_.held
        self._spent = self._spent.plus(round_.usage).plus(_counted(ran))
        events.append(self._noted(self._spent))
        self._number, self._round = number + 1, _Round()
        if any(isinstance(part, ToolCall) and part.by == "client" and part.name not in self._offers for part in parts):
            return [*events, _replace(ended, reason="tool_calls")]
        if self._number == _MOST_ROUNDS:
            _log.warning(
                "%s: the model has called tools in %d rounds; its answer ends here", self._parties.entry.id, number + 1
            )
            return [*events, Ended("stop")]
        self._next = self._following(parts, called, ran)
        return events

    def _noted(self, total: Usage) -> Noted:
        return Noted(_replace(total, context=self._round.usage.input) if self._number else total)

    def _following(self, parts: Iterable[Said], called: Sequence[_Called], ran: Sequence[Ran]) -> Request:
        """The request with what was said and found in this round."""
        results = tuple(ToolResult(one.call.id, (Text(what.told),)) for one, what in zip(called, ran, strict=True))
        turns = (Turn("assistant", tuple(map(_as_asked, parts))), Turn("user", results))
        request = _replace(self._request, turns=(*self._request.turns, *turns))
        request = with_choice(request, unforced(request.tool_choice))
        if all(what.shown.problem == _EXCEEDED for what in ran):
            request = without(request, self._offers)
        self._request = request
        return request

    async def _ran(self, called: Sequence[_Called]) -> list[Ran]:
        """Run what was called, some at a time, and keep what the client may refer to later."""
        began, gate = time.monotonic(), asyncio.Semaphore(_AT_ONCE)
        kinds = ", ".join(one.offer.wanted.kind for one in called)
        _log.info("%s: round %d: runs %s", self._parties.entry.id, self._number + 1, kinds)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run(one, gate, is_allowed=self._is_allowed(one))) for one in called]
        ran = [self._named(place, one, tasks[place].result()) for place, one in enumerate(called)]
        failed = sum(one.failed for one in ran)
        took = round((time.monotonic() - began) * 1000)
        _log.info("%s: round %d: done in %d ms, %d failed", self._parties.entry.id, self._number + 1, took, failed)
        return ran

    def _is_allowed(self, one: _Called) -> bool:
        wanted = one.offer.wanted
        self._uses[wanted.kind] = self._uses.get(wanted.kind, 0) + 1
        used = sum(self._uses.values()) if wanted.together else self._uses[wanted.kind]
        return used <= (wanted.max_uses or _MOST_RUNS)

    async def _run(self, one: _Called, gate: asyncio.Semaphore, *, is_allowed: bool) -> Ran:
        if not is_allowed:
            return Ran(_USED_UP, _replace(_begun(one.offer, one.given), problem=_EXCEEDED))
        async with gate:
            self._parties.entry.tool_runs += 1
            try:
                async with asyncio.timeout(_LONGEST):
                    return await one.offer.tool.run(one.given, one.offer.wishes)
            except Exception as error:  # noqa: BLE001 - a bug of a tool's: the answer goes on, the log learns of it
                _log.exception("%s: %s: %s", self._parties.entry.id, one.offer.wanted.kind, type(error).__name__)
                return Ran(_BROKEN, _replace(_begun(one.offer, one.given), problem="unavailable"))

    def _named(self, place: int, one: _Called, ran: Ran) -> Ran:
        """The run under an id by which it is found again when its client brings it back."""
        id_, parties = run_id(self._mark.id, self._number, place), self._parties
        shown = _replace(ran.shown, id=id_)
        run = PastRun(id_[:-2], one.call.id, one.call.name, one.call.arguments, ran.told)
        self.runs.append(run)
        if parties.client.dialect == "anthropic-messages" and isinstance(shown, Searched) and shown.hits:
            shown = _replace(shown, hits=sealed(shown.hits, ran.told, parties.gateway.sealer))
        elif parties.client.dialect != "openai-chat":
            remember_item(parties.gateway.vault, parties.entry.owner, id_, run)
        self._telling.citing.found(shown)
        return Ran(ran.told, shown)


class _Round(Struct):
    """One pass of the model.

    calls: those of the proxy's tools, by block. held: what was said since the first of them. over: how it ended, once
    the tools are to be run. blocks: as which these are shown, once it was said that they run.
    """

    said: Fold = msgspec.field(default_factory=Fold)
    calls: dict[int, ToolCall] = {}
    held: list[Event] = []
    usage: Usage = Usage()
    over: Ended | None = None
    blocks: list[int] = []


class _Telling:
    """What the model says, in the numbers and places of the one answer."""

    def __init__(self) -> None:
        self.citing: Final = Citing()
        self._numbers: Final[dict[tuple[int, int], int]] = {}
        self._count = 0
        self._texts: Final[dict[int, list[str]]] = {}  # by number, in order of opening

    def fresh(self) -> int:
        self._count += 1
        return self._count - 1

    def of(self, round_: int, event: Opened | Grew | Closed | Cited | Running | Showed) -> list[Event]:
        key = (round_, event.block)
        if isinstance(event, Opened) or key not in self._numbers:
            self._numbers[key] = self.fresh()
        number = self._numbers[key]
        said: list[Event] = [event if event.block == number else _replace(event, block=number)]
        if isinstance(event, Opened) and isinstance(event.part, Text):
            self._texts[number] = []
        elif isinstance(event, Grew) and number in self._texts:
            self._texts[number].append(event.text)
        elif isinstance(event, Closed) and number in self._texts:
            said[:0] = self._cited(number)
        return said

    def _cited(self, number: int) -> list[Event]:
        if not self.citing:
            return []
        offset = sum(len(piece) for other, pieces in self._texts.items() if other < number for piece in pieces)
        found = self.citing.citations("".join(self._texts[number]), offset)
        return [Cited(number, citation) for citation in found]


def _as_asked(part: Said) -> Part:
    """What was said, as a part of the next request."""
    match part:
        case Searched():
            return Opaque(
                part.dialect, "web_search_call", part.raw, f"[searched the web for: {' | '.join(part.queries)}]"
            )
        case Fetched():
            return Text(f"[read {part.url}]")
        case _:
            return part


def _begun(offer: Offer, given: dict[str, Any], id_: str = "") -> Searched | Fetched:
    """What can be shown of a call before it has come to anything."""
    if offer.wanted.kind == "web_fetch":
        return Fetched(str(given.get("url") or ""), id=id_)
    return Searched("openai-chat", (str(given.get("query") or ""),), id=id_)


def _counted(ran: Iterable[Ran]) -> Usage:
    """As vendors count: what was run, whatever came of it."""
    done = [one.shown for one in ran if one.shown.problem != _EXCEEDED]
    searches = sum(isinstance(shown, Searched) for shown in done)
    return Usage(searches=searches or None, fetches=len(done) - searches or None)
