"""The translated rail: ask the backends in turn until one answers, and tell the client what it says."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from dragoman.gateway import demo
from dragoman.gateway.attempts import ask_in_turn
from dragoman.gateway.gateway import stamp
from dragoman.gateway.memory import Remembered
from dragoman.gateway.parties import Parties
from dragoman.gateway.pauses import Unpaused
from dragoman.gateway.prepare import made_readable
from dragoman.gateway.room import demand_room
from dragoman.gateway.rounds import Rounds, remembering
from dragoman.gateway.server_tools import Prepared, prepared
from dragoman.gateway.sources import Source, filtered, mean_something, open_source
from dragoman.hub.answer import Answer, Fold, fold
from dragoman.hub.estimate import rough_tokens, tokens_in_request
from dragoman.hub.events import Ended, Event, Failed, Grew, Noted
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Reasoning, Request
from dragoman.hub.route import Backend, Defaults, Route
from dragoman.processors.places import holds_anything
from dragoman.protocols.codec import Stamp, StreamWriter
from dragoman.wire import jsons

_NO_DEFAULTS: Final = Defaults()


async def converse(
    request: Request, route: Route, parties: Parties, make_writer: Callable[[], StreamWriter] | None = None
) -> None:
    """Raise the Problem of the last backend, if none answers; what was said until then stays said.

    make_writer: of a streamed answer, for who wants to look at it afterwards.
    """
    request = with_defaults(request, route.defaults)
    if request.stream:
        mark = stamp(parties.entry.id)
        make_writer = make_writer or functools.partial(parties.client.stream_writer, request, mark)
        await _first_answer(request, route, parties, _Streaming(make_writer, parties), mark)
    else:
        answer = await gathered(request, route, parties)
        tell_whole(answer, request, parties)
    _calibrate(request, route, parties)


async def gathered(request: Request, route: Route, parties: Parties) -> Answer:
    """The answer as a whole, told to nobody."""
    answer, losses = await gathered_with_losses(request, route, parties)
    parties.entry.hear([Noted(answer.usage)])
    parties.describe(losses)
    return answer


async def gathered_with_losses(request: Request, route: Route, parties: Parties) -> tuple[Answer, Losses]:
    """The same, of which nothing is written down yet."""
    gathering = _Gathering()
    await _first_answer(request, route, parties, gathering, stamp(parties.entry.id))
    return gathering.told()


def tell_whole(answer: Answer, request: Request, parties: Parties) -> None:
    parties.entry.spoke()
    body = parties.client.write_answer(answer, request, stamp(parties.entry.id))
    parties.responder.whole(200, body)


async def tell_made(making: Awaitable[list[Event]], request: Request, parties: Parties) -> None:
    """Tell an answer that no backend says in these words. Until it is made, a client that streams is kept company."""
    if not request.stream:
        tell_whole(fold(await making), request, parties)
        return
    writer = parties.client.stream_writer(request, stamp(parties.entry.id))
    parties.keep_company(writer.pulse, lambda problem: writer.feed(Failed(problem)))
    events = await making
    parties.entry.spoke()
    parties.responder.say(b"".join(map(writer.feed, events)))
    parties.responder.end()


async def _first_answer(request: Request, route: Route, parties: Parties, teller: "_Teller", mark: Stamp) -> None:
    lost, needs_reading = Losses(route.on_loss), holds_anything(request)
    if needs_reading:
        request = await made_readable(request, route, route.backends, parties, lost, gathered)
    begun: _Begun | None = None

    async def ask(backend: Backend) -> None:
        nonlocal begun
        if begun is not None and begun.rounds.is_between:  # what was said and found so far stays
            source, losses = begun.source, begun.losses
            again = functools.partial(_round, route=route, backend=backend, parties=parties, losses=losses, mark=mark)
            begun.rounds.go_on_with(functools.partial(again, was_for_another=True))
        else:
            losses, readable = lost, request
            if len(route.backends) > 1:
                losses = Losses(route.on_loss)
                losses.noted += lost.noted
                if needs_reading:
                    readable = await made_readable(request, route, (backend,), parties, losses, gathered)
            asked = prepared(readable, route, backend, parties)
            if backend.profile.cuts_prompts:
                await demand_room(asked.request, route, backend, parties)
            if backend.dialect != parties.client.dialect:
                parties.client.note_losses(asked.request, losses)
            if backend.url == demo.URL:
                source = demo.Demo(asked.request)
            else:
                source = await open_source(asked.request, route, backend, parties, losses, mark)
                if asked.offers or backend.dialect != "openai-chat" or _is_forgotten(backend, parties):
                    source, rounds = _going_on(source, asked, route, backend, parties, losses, mark)
                    begun = _Begun(source, rounds, losses) if rounds is not None else None
        try:
            await teller.tell(source, losses)
            source.settle()
        finally:
            source.close()

    def said() -> bool:
        return teller.said and not (begun is not None and begun.rounds.is_between)

    await ask_in_turn(route, parties, ask, said)


class _Begun(Struct, frozen=True):
    """An answer with which another backend can go on, between two of its rounds."""

    source: Source
    rounds: Rounds
    losses: Losses


def _going_on(
    first: Source, asked: Prepared, route: Route, backend: Backend, parties: Parties, losses: Losses, mark: Stamp
) -> tuple[Source, Rounds | None]:
    """The answer of which `first` is the beginning, where its backend may have to be asked more than once."""
    again = functools.partial(_round, route=route, backend=backend, parties=parties, losses=losses, mark=mark)
    source, rounds = _unpaused(first, asked.request, route, backend, parties, losses, mark), None
    if asked.offers:
        rounds = Rounds(source, asked, again, parties, mark)
        source = remembering(rounds, parties)
    if _is_forgotten(backend, parties):
        source = filtered(
            source, [Remembered(parties.gateway.vault, parties.entry.owner, parties.gateway.sealer, backend)]
        )
    return source, rounds


def _is_forgotten(backend: Backend, parties: Parties) -> bool:
    """Whether the client may not bring back what this backend wants back of its reasoning."""
    return parties.client.dialect == "openai-chat" and backend.seals


async def _round(
    request: Request,
    route: Route,
    backend: Backend,
    parties: Parties,
    losses: Losses,
    mark: Stamp,
    *,
    was_for_another: bool = False,
) -> Source:
    """was_for_another: the request was made for a backend that may read more than this one."""
    if was_for_another:
        request = await made_readable(request, route, (backend,), parties, losses, gathered)
        if backend.profile.cuts_prompts:
            await demand_room(request, route, backend, parties)
    source = await open_source(request, route, backend, parties, losses, mark)
    return _unpaused(source, request, route, backend, parties, losses, mark)


def _unpaused(
    source: Source, request: Request, route: Route, backend: Backend, parties: Parties, losses: Losses, mark: Stamp
) -> Source:
    """With the pauses that clients of other dialects do not know gone on from."""
    if not backend.dialect == "anthropic-messages" != parties.client.dialect:
        return source
    again = functools.partial(open_source, route=route, backend=backend, parties=parties, losses=losses, stamp=mark)
    return Unpaused(source, request, again)


class _Teller(Protocol):
    said: bool

    async def tell(self, source: Source, losses: Losses) -> None: ...


class _Streaming:
    """Tells events as they come. The status line waits for the first that means something.

    Its writer is made as soon as the exchange waits for something, mostly for the backend, whose time it is then; and
    from then on the client is kept company.
    """

    def __init__(self, make_writer: Callable[[], StreamWriter], parties: Parties) -> None:
        self._make_writer: Final = make_writer
        self._made: StreamWriter | None = None
        self._parties: Final = parties
        self.said = False
        asyncio.get_running_loop().call_soon(self._keep_company)

    def _writer(self) -> StreamWriter:
        if self._made is None:
            self._made = self._make_writer()
        return self._made

    def _keep_company(self) -> None:
        if not self._parties.responder.closed:
            self._parties.keep_company(self._writer().pulse, self._fail)

    def _fail(self, problem: Problem) -> bytes:
        return self._writer().feed(Failed(problem))

    async def tell(self, source: Source, losses: Losses) -> None:
        responder, entry = self._parties.responder, self._parties.entry
        feed, say, hear = (self._made or self._writer()).feed, responder.say, entry.hear
        over: Ended | Failed | None = None
        last_words = b""

        def tell(events: list[Event]) -> bool:
            nonlocal over, last_words
            if len(events) == 1 and type(growth := events[0]) is Grew:  # the hot path first
                return not (data := feed(growth)) or say(data)
            hear(events)
            data = b"".join(map(feed, events))
            last = events[-1] if events else None
            if type(last) is Ended or type(last) is Failed:
                over, last_words = last, data
                return False
            return not data or say(data)

        events = await source.read()
        while not mean_something(events):  # before that, a backend that breaks off can be replaced, or be a status
            events = [*events, *await source.read()]
        if not self.said:  # a round before this one may have been another backend's
            self.said = True
            entry.spoke()
            self._parties.describe(losses)
        while True:
            if tell(events):
                await source.pour(tell)
            if over is not None:
                break
            await responder.flushed()
            events = await source.read()
        if type(over) is Failed:
            entry.failed(over.problem)
        if not responder.started:
            responder.open()
        responder.end(last_words)


class _Gathering:
    """Keeps the answer until it is whole."""

    def __init__(self) -> None:
        self._told: tuple[Answer, Losses] | None = None
        self._source: Source | None = None
        self._fold = Fold()
        self.said = False

    async def tell(self, source: Source, losses: Losses) -> None:
        if source is not self._source:  # else it is the same answer, which another backend goes on with
            self._source, self._fold = source, Fold()
        over = False
        while not over:
            for event in await source.read():
                self._fold.feed(event)
                over = isinstance(event, Ended)
        self._told = (self._fold.answer(), losses)
        self.said = True

    def told(self) -> tuple[Answer, Losses]:
        assert self._told is not None, "asked before anything was told"
        return self._told


def with_defaults(request: Request, defaults: Defaults) -> Request:
    """The model's defaults, wherever the client asked for nothing."""
    if defaults == _NO_DEFAULTS:
        return request
    sampling = {
        name: wanted
        for name in request.sampling.__struct_fields__
        if getattr(request.sampling, name) is None and (wanted := getattr(defaults.sampling, name)) is not None
    }
    reasoning = request.reasoning
    if defaults.reasoning_effort is not None and reasoning == Reasoning():
        reasoning = Reasoning(effort=defaults.reasoning_effort)
    return msgspec.structs.replace(
        request,
        sampling=msgspec.structs.replace(request.sampling, **sampling),
        reasoning=reasoning,
        max_tokens=request.max_tokens if request.max_tokens is not None else defaults.max_tokens,
        stop=request.stop or defaults.stop,
    )


_SMALL: Final = 2_000  # tokens: estimating a larger prompt only to compare costs more than it teaches


def _calibrate(request: Request, route: Route, parties: Parties) -> None:
    """Learn how far the estimate is off for this model, from small prompts and now and then."""
    counted, calibration = parties.entry.usage.input, parties.gateway.calibration
    if parties.entry.images or parties.entry.pages or request.stop:
        return  # another prompt was counted than this one; or none, where the answer was cut short
    if counted and calibration.wants(route.backend_model, counted) and rough_tokens(request) < _SMALL:
        estimated = tokens_in_request(request, jsons.write_text)
        calibration.observe(route.backend_model, estimated, counted)
