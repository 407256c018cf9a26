"""What the Responses dialect has besides answers: compaction, and counting under a name of its own."""

from dragoman.gateway.compact import asks_for_compaction, compact, events_of, summarised, with_summaries
from dragoman.gateway.converse import converse, tell_events
from dragoman.gateway.count import count_tokens
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import relay, why_not
from dragoman.hub.route import Route
from dragoman.wire import jsons


async def respond(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`POST /v1/responses`."""
    entry = parties.entry
    entry.why_not_relayed = why_not(parties.client, route, body)
    if not entry.why_not_relayed:
        entry.rail = "relay"
        await relay(members, body, route, parties)
        return
    entry.rail = "translate"
    request = with_summaries(parties.client.read_request(body, parties.call.headers), parties.gateway.sealer)
    if not asks_for_compaction(request):
        await converse(request, route, parties)
        return
    answer, item = await summarised(request, route, parties)
    await tell_events(events_of(answer, item), request, parties)


async def respond_compact(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`POST /v1/responses/compact`."""
    parties.entry.rail = "compact"
    request = parties.client.read_request(body, parties.call.headers)
    await compact(request, members, route, parties)


async def count_input(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`POST /v1/responses/input_tokens`."""
    parties.entry.rail = "count"
    request = with_summaries(parties.client.read_request(body, parties.call.headers), parties.gateway.sealer)
    counted = await count_tokens(request, members, route, parties)
    said = {"object": "response.input_tokens", "input_tokens": counted}
    await parties.responder.whole(200, jsons.write(said))
