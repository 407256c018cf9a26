"""One exchange: a client's call, from arrival to its line in the log. The file to read first.

Every exchange takes one snapshot of the configuration and keeps it. Whatever goes wrong comes by here, once, and
becomes a status or an error inside the stream.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway import passthrough
from dragoman.gateway.call import Call, ClientGoneError
from dragoman.gateway.converse import converse
from dragoman.gateway.count import count_tokens
from dragoman.gateway.entry import Entry
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import REWORDED, relay, why_not
from dragoman.gateway.rescue import why_rescued
from dragoman.gateway.responder import Responder
from dragoman.gateway.rewording import must_pass, reworded
from dragoman.gateway.server_tools import why_run
from dragoman.hub.problems import Problem, bad_request
from dragoman.hub.request import Dialect
from dragoman.hub.route import Route
from dragoman.protocols.codec import ClientSide
from dragoman.routing import refused_seals
from dragoman.routing.discover import learn_dialects, may_have_changed
from dragoman.wire import jsons, multipart, utf8

CLIENT_GONE: Final = 499  # nginx's word for a client that hung up; nobody receives it

_log: Final = logging.getLogger("dragoman.gateway")

# What an endpoint does with a call that was let in.
Endpoint: TypeAlias = Callable[[Parties, Snapshot, Key, bytes], Awaitable[None]]
# The same, once it is known which model is meant.
Act: TypeAlias = Callable[[jsons.Members, bytes, Route, Parties], Awaitable[None]]


async def exchange(call: Call, client: ClientSide, endpoint: Endpoint, gateway: Gateway) -> None:
    snapshot = gateway.config.current
    entry = Entry(call.id, call.path, client.dialect)
    responder = Responder(call.outlet, call.id)
    parties = Parties(call, client, gateway, snapshot, responder, entry)
    gateway.books.open(entry, responder, call.headers)
    try:
        key = await call.admit(snapshot)
        entry.key, entry.owner = key.name, key.fingerprint
        body = await call.read_body(snapshot.config.max_body_bytes)
        entry.body_bytes = len(body)
        await endpoint(parties, snapshot, key, body)
    except Problem as problem:
        _fail(problem, parties)
    except ClientGoneError:
        entry.status = CLIENT_GONE
    except asyncio.CancelledError:
        if call.outlet.hears and not responder.ended:  # it is the house that closes, and has waited long enough
            _fail(Problem("overloaded", "the proxy is being stopped; send the request again"), parties)
        else:
            entry.status = responder.status if responder.ended else CLIENT_GONE
        raise
    except Exception as error:  # noqa: BLE001 - a bug of ours: the client learns that, and the log learns which
        _log.exception("%s: %s", call.id, type(error).__name__)
        _fail(Problem("internal", f"internal error of the proxy; its log has it as {call.id}"), parties)
    finally:
        gateway.pulses.leave(responder)
        responder.close()
        entry.status = entry.status or responder.status
        gateway.books.close(entry)


def on_model(act: Act) -> Endpoint:
    """An endpoint whose body is an object that names a model."""

    def endpoint(parties: Parties, snapshot: Snapshot, key: Key, body: bytes) -> Awaitable[None]:
        members, name = _asking(body)
        route = _route(parties, snapshot, key, name, members)
        return anew(key, members, body, route, parties) if route.is_found else act(members, body, route, parties)

    async def anew(key: Key, members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
        """Act, and once more if the backends turn out to speak other dialects than they were found to."""
        try:
            await act(members, body, route, parties)
        except Problem as problem:
            name = parties.entry.model
            await _learn_from(problem, name, parties)
            again = _route(parties, parties.snapshot, key, name, members)
            if parties.responder.started or _dialects(again) == _dialects(route):
                raise
            await act(members, body, again, parties)

    return endpoint


async def _learn_from(problem: Problem, name: str, parties: Parties) -> None:
    """A backend of `type: auto` that misses an endpoint may have become another server: it is looked at anew."""
    model, gateway = parties.snapshot.model(name), parties.gateway
    if model is not None and not parties.responder.started and may_have_changed(model, problem):
        await learn_dialects(model, gateway.knowledge, gateway.net)


def _dialects(route: Route) -> list[Dialect]:
    return sorted(backend.dialect for backend in route.backends)


async def answer(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """Relayed where the backend speaks the client's dialect, else translated."""
    client, entry = parties.client, parties.entry
    entry.why_not_relayed = (
        why_not(client, route, body) or why_run(members, route, parties) or why_rescued(members, route)
    )
    refused = parties.gateway.knowledge.refused_seals
    if refused.of and not entry.why_not_relayed and refused.are_in(body, route.backends):
        entry.why_not_relayed = refused_seals.WHY
    if not entry.why_not_relayed or (entry.why_not_relayed == REWORDED and must_pass(members)):
        entry.rail = "relay"
        try:
            await relay(members, body, route, parties)
        except Problem as problem:
            if parties.responder.started:
                raise
            if not refused.learn(problem, entry.account, refused_seals.seals_in(body)):
                if await reworded(problem, members, body, route, parties):
                    return
                raise
            entry.why_not_relayed = refused_seals.WHY
        else:
            return
    entry.rail = "translate"
    request = await parties.read_request(body)
    await converse(request, route, parties)


async def count(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """`count_tokens` of the Messages dialect."""
    parties.entry.rail = "count"
    request = await parties.read_request(body)
    counted = await count_tokens(request, members, route, parties)
    parties.responder.whole(200, jsons.write({"input_tokens": counted}))


async def pass_through(parties: Parties, snapshot: Snapshot, key: Key, body: bytes) -> None:
    """The endpoints that are only ever relayed."""
    boundary = multipart.boundary_in(parties.call.headers.get("content-type", ""))
    members: jsons.Members | None = None
    if boundary is None and body.startswith(b"--"):  # a form, and a header written by hand
        raise bad_request("content-type", "names no boundary of the form; leave this header to the HTTP library")
    if boundary is None:
        members, name = _asking(body)
    else:
        name = passthrough.model_of_form(body, boundary)
    route = _route(parties, snapshot, key, name, members or {})
    parties.entry.rail = "relay"
    await passthrough.pass_through(passthrough.with_model(parties.call, body, route, members), route, parties)


async def voices(parties: Parties, snapshot: Snapshot, key: Key, body: bytes) -> None:
    """The voices of the model for speech, as its server lists them."""
    name = snapshot.config.audio.speaker
    if name is None:
        raise Problem("unknown_path", "there are no voices here: `audio.tts` in the proxy's config names their server")
    route = _route(parties, snapshot, key, name, {})
    parties.entry.rail = "relay"
    await passthrough.pass_through(body, route, parties)


def _route(parties: Parties, snapshot: Snapshot, key: Key, model: str, members: jsons.Members) -> Route:
    entry, router = parties.entry, parties.gateway.router
    entry.model = model
    try:
        route = router.resolve(snapshot, key, model, parties.client.dialect, parties.call.headers, members)
    except Problem:
        known = snapshot.model(model)
        entry.configured = known.name if known is not None else ""
        raise
    entry.configured, entry.backend_model = route.configured, route.backend_model
    return route


def _fail(problem: Problem, parties: Parties) -> None:
    entry, responder = parties.entry, parties.responder
    entry.failed(problem)
    refused = parties.client.write_problem(problem, entry.id)
    entry.status = responder.status if responder.started else refused.status
    responder.fail(problem, refused)


def _asking(body: bytes) -> tuple[jsons.Members, str]:
    """The members of a request, and the model that it names."""
    if not body.isascii() and (place := utf8.broken_at(body)) is not None:
        raise bad_request("body", f"is no UTF-8 from byte {place} on: send JSON in UTF-8")
    try:
        members = jsons.members(body)
    except jsons.JSONError as error:
        raise bad_request("body", f"is not valid JSON: {error}") from None
    if "model" not in members:
        raise bad_request("model", "is required and must be a string")
    model = jsons.value_of(members["model"])
    if not isinstance(model, str):
        raise bad_request("model", "must be a string")
    return members, model
