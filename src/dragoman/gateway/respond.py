"""What the Responses dialect has besides answers: earlier responses, compaction, and counting under a name of its own."""

from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.gateway.compact import asks_for_compaction, compact, compacted, with_summaries
from dragoman.gateway.converse import converse, gathered, tell_made, with_defaults
from dragoman.gateway.count import count_tokens
from dragoman.gateway.gateway import stamp
from dragoman.gateway.memory import keep, recalled, referred
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import relay, why_not
from dragoman.gateway.rescue import why_rescued
from dragoman.gateway.server_tools import why_run
from dragoman.hub.events import Ended, Event, Noted
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Route
from dragoman.hub.usage import Usage
from dragoman.protocols.codec import StreamWriter as CodecWriter
from dragoman.protocols.openai_responses.answer_writer import StreamWriter
from dragoman.routing import refused_seals
from dragoman.store.responses import ConnectionResponses
from dragoman.wire import jsons

_TRIGGER: Final = b'"compaction_trigger"'


async def respond(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`POST /v1/responses`."""
    entry = parties.entry
    entry.why_not_relayed = _why_not(members, body, route, parties)
    native, asked = not entry.why_not_relayed, members
    members = await referred(members, parties, native=native)
    full = await recalled(members, parties, native=native)
    if full is not asked:
        body = jsons.patch(full, {})
        # Once more, for what was said earlier may hold reasoning that another backend has sealed.
        entry.why_not_relayed = _why_not(full, body, route, parties)
    request: Request | None = None
    if not entry.why_not_relayed:
        entry.rail = "relay"
        try:
            await relay(full, body, route, parties)
        except Problem as problem:
            if _refused_seals(problem, full, body, parties):
                entry.why_not_relayed = refused_seals.WHY
            elif (request := await _refused_compaction(problem, body, parties)) is not None:
                entry.why_not_relayed = "the backend knows no compaction"
            else:
                raise
        else:
            return
    entry.rail = "translate"
    request = with_summaries(request or await parties.read_request(body), route, parties.gateway.sealer)
    request = _naming(request, jsons.value_of(members.get("previous_response_id")))
    if asks_for_compaction(request):
        await tell_made(compacted(request, route, parties), request, parties)
        return
    await _converse(request, members, route, parties)


def _refused_seals(problem: Problem, members: jsons.Members, body: bytes, parties: Parties) -> bool:
    """Whether the backend can be asked again, without what it does not take back."""
    if parties.responder.started or _is_known_elsewhere(members):
        return False
    sent = refused_seals.seals_in(body)
    return parties.gateway.knowledge.refused_seals.learn(problem, parties.entry.account, sent)


async def _refused_compaction(problem: Problem, body: bytes, parties: Parties) -> Request | None:
    """The request, if it is one for compaction that its backend did not understand: any model can write a summary."""
    if problem.kind != "bad_request" or parties.responder.started or body.find(_TRIGGER) < 0:
        return None
    request = await parties.read_request(body)
    return request if asks_for_compaction(request) else None


def _naming(request: Request, previous: Any) -> Request:
    """The response repeats what it goes on from, though the request was told in full."""
    if previous is None:
        return request
    said = {**request.extra["said"], "previous_response_id": previous}
    return msgspec.structs.replace(request, extra={**request.extra, "said": said})


def _why_not(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> str:
    """On a WebSocket an answer may be referred to that nobody else keeps, so it is always read here."""
    if isinstance(parties.gateway.responses, ConnectionResponses):
        return "what is said on a WebSocket is kept for it"
    why = why_not(parties.client, route, body) or why_run(members, route, parties) or why_rescued(members, route)
    refused = parties.gateway.knowledge.refused_seals
    if refused.of and not why and refused.are_in(body, route.backends) and not _is_known_elsewhere(members):
        return refused_seals.WHY
    return why


def _is_known_elsewhere(members: jsons.Members) -> bool:
    """Whether only the backend knows how the conversation began: then nobody else can read it."""
    return jsons.value_of(members.get("previous_response_id")) is not None


async def _converse(request: Request, members: jsons.Members, route: Route, parties: Parties) -> None:
    mark = stamp(parties.entry.id)
    if request.stream:
        is_kept = _is_kept(members, parties)

        def make_writer() -> CodecWriter:
            writer = StreamWriter(request, mark)
            return _Keeping(writer, members, parties) if is_kept else writer

        await converse(request, route, parties, make_writer)
        return
    answer = await gathered(with_defaults(request, route.defaults), route, parties)
    response = parties.client.write_answer(answer, request, mark)
    if _is_kept(members, parties):
        keep(response, members, parties)
    parties.entry.spoke()
    parties.responder.whole(200, response)


def _is_kept(members: jsons.Members, parties: Parties) -> bool:
    """Whether the client may refer to the response later: where it did not forbid it, and on a WebSocket always."""
    on_socket = isinstance(parties.gateway.responses, ConnectionResponses)
    return on_socket or jsons.value_of(members.get("store")) is not False


class _Keeping:
    """A writer whose response is kept before its end is said: from then on the client may refer to it."""

    def __init__(self, writer: StreamWriter, members: jsons.Members, parties: Parties) -> None:
        self._writer: Final = writer
        self._members: Final = members
        self._parties: Final = parties
        self.begin: Final = writer.begin
        self.pulse: Final = writer.pulse

    def feed(self, event: Event) -> bytes:
        said = self._writer.feed(event)
        if isinstance(event, Ended):
            keep(self._writer.terminal, self._members, self._parties)
        return said


async def warm_up(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:  # noqa: ARG001 - as every act
    """Take a request that is not to be answered yet; a later one may go on from it as from any other."""
    parties.entry.rail = "warm-up"
    members = await referred(members, parties, native=False)
    await recalled(members, parties, native=False)
    request = await parties.read_request(jsons.patch(members, {}))
    passing = {**members, "store": Raw(b"false")}  # it is of use on this connection only
    writer = _Keeping(StreamWriter(request, stamp(parties.entry.id)), passing, parties)
    events: tuple[Event, ...] = (Noted(Usage()), Ended("stop"))
    parties.responder.say(b"".join(map(writer.feed, events)))
    parties.responder.end()


async def respond_compact(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`POST /v1/responses/compact`."""
    parties.entry.rail = "compact"
    native = not why_not(parties.client, route, body)
    full = await recalled(await referred(members, parties, native=native), parties, native=native)
    request = await parties.read_request(jsons.patch(full, {}))
    await compact(request, full, route, parties)


async def count_input(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:  # noqa: ARG001 - as every act
    """`POST /v1/responses/input_tokens`."""
    parties.entry.rail = "count"
    full = await recalled(await referred(members, parties, native=False), parties, native=False)
    request = await parties.read_request(jsons.patch(full, {}))
    counted = await count_tokens(with_summaries(request, route, parties.gateway.sealer), full, route, parties)
    said = {"object": "response.input_tokens", "input_tokens": counted}
    parties.responder.whole(200, jsons.write(said))
