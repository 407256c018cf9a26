"""Endpoints that are only ever relayed: text completion, embeddings, reranking, audio.

Of the request only `model` is changed, in JSON or in a multipart form; the answer passes as it is, whatever it is. One
that breaks off takes the client's connection with it: a polite end would make half a file look whole.
"""

from typing import Final

from dragoman.gateway.attempts import ask_in_turn
from dragoman.gateway.call import Call, passed_headers, with_query
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import returned_headers, stream
from dragoman.gateway.sources import problem_of
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem, bad_request
from dragoman.hub.route import Backend, Route
from dragoman.protocols import BACKENDS
from dragoman.wire import jsons, multipart

COMPLETIONS: Final = "/v1/completions"
VOICES: Final = "/v1/audio/voices"  # the one that takes GET
PATHS: Final = frozenset(
    {
        COMPLETIONS,
        "/v1/embeddings",
        "/v1/rerank",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/audio/speech",
    }
)


async def pass_through(body: bytes, route: Route, parties: Parties) -> None:
    """body: with `model` already as the backend knows it."""

    async def ask(backend: Backend) -> None:
        await _ask(body, route, backend, parties)

    await ask_in_turn(route, parties, ask, lambda: parties.entry.first_byte is not None)


async def _ask(body: bytes, route: Route, backend: Backend, parties: Parties) -> None:
    call, responder = parties.call, parties.responder
    if backend.dialect != "openai-chat":
        raise Problem(
            "unsupported", f"model {route.model!r} has no {call.path}: its backend speaks {backend.dialect} only"
        )
    side = BACKENDS[backend.dialect]
    content_type = call.headers.get("content-type", "")
    form = ("content-type", content_type if multipart.boundary_in(content_type) else "application/json")
    url = with_query(backend.url + call.path.removeprefix("/v1"), call)
    headers = [*passed_headers(call, side.headers(backend)), form]
    reply = await parties.gateway.net.send(call.method, url, headers, body, route.timeouts)
    try:
        if not 200 <= reply.status < 300:
            raise await problem_of(backend, reply)
        answered = reply.headers.get("content-type") or "application/octet-stream"
        if answered.startswith("text/html"):
            raise await problem_of(backend, reply)
        if call.path == COMPLETIONS and "event-stream" in answered:
            responder.failure = parties.client.write_stream_problem
            await stream(reply, side, parties)
            return
        data = await reply.read()
        parties.entry.spoke()
        parties.describe(Losses())
        responder.begin(reply.status, [("content-type", answered), *returned_headers(reply)])
        while data:
            await responder.piece(data)
            data = await reply.read()
        responder.end()
    finally:
        reply.close()


def model_of_form(body: bytes, boundary: bytes) -> str:
    model = multipart.field(body, boundary, "model")
    if not model:
        raise bad_request("model", "is required as a field of the form")
    return model.strip()


def with_model(call: Call, body: bytes, route: Route, members: jsons.Members | None) -> bytes:
    """The body with the model's name as the backend knows it. members: of a JSON body; None = a form."""
    if members is not None:
        return jsons.patch(members, {"model": route.backend_model})
    boundary = multipart.boundary_in(call.headers.get("content-type", "")) or b""
    return multipart.with_field(body, boundary, "model", route.backend_model)
