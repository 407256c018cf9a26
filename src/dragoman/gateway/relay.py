"""The relay rail: client and backend speak the same dialect, so bytes pass as they are.

Of the request only `model` is changed, and the model's defaults are added where the client asked for nothing. Beside
the answer runs a tap that notes usage and whether the stream has ended; if it cannot read, it stops reading, never the
stream. A stream that breaks off is told so in words the client understands.
"""

from typing import Any, Final

from dragoman.gateway import demo
from dragoman.gateway.call import Call
from dragoman.gateway.gateway import MAX_ANSWER
from dragoman.gateway.parties import Parties
from dragoman.gateway.sources import problem_of
from dragoman.hub.losses import Losses
from dragoman.hub.problems import ELSEWHERE, Problem
from dragoman.hub.route import Backend, Route
from dragoman.net.client import Reply
from dragoman.protocols import BACKENDS, seals
from dragoman.protocols.codec import ClientSide, Tap
from dragoman.wire import jsons
from dragoman.wire.sse import FrameTooLargeError

_ENVELOPE: Final = seals.PREFIX.encode()
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"
# What of a client's headers concerns the backend. Everything else stays here: keys, cookies, addresses.
_PASSED: Final = frozenset({"accept", "content-type", "user-agent", "idempotency-key", "http-referer", "x-title"})
_PASSED_PREFIXES: Final = ("anthropic-", "openai-", "x-stainless-", "x-claude-code-", "x-session-")
# What of a backend's headers concerns the client. `openai-model` never: Codex takes a differing one for an alarm.
_RETURNED: Final = frozenset(
    {"content-type", "retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms"}
)
_RETURNED_PREFIXES: Final = ("anthropic-ratelimit-", "x-ratelimit-")


def why_not(client: ClientSide, route: Route, body: bytes) -> str:
    """Why this exchange cannot be relayed; empty if it can."""
    if any(backend.url == demo.URL for backend in route.backends):
        return "the demo model speaks no dialect"
    spoken = {backend.dialect for backend in route.backends}
    if spoken != {client.dialect}:
        return f"the backend speaks {', '.join(sorted(spoken))}"
    if _ENVELOPE in body:
        return "it brings back reasoning that another backend has sealed"
    return ""


async def relay(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """members: of `body`. Raise the Problem of the last backend, if none answers."""
    defaults = parties.client.default_members(route.defaults)
    changes: dict[str, Any] = {key: value for key, value in defaults.items() if key not in members}
    if jsons.value_of(members.get("model")) != route.backend_model:
        changes["model"] = route.backend_model
    if changes:
        body = jsons.patch(members, changes)
    last = len(route.backends) - 1
    if jsons.value_of(members.get("stream")) is True:
        parties.keep_company(parties.client.pulse, parties.client.write_stream_problem)
    for number, backend in enumerate(route.backends):
        parties.entry.attempted(backend.dialect)
        try:
            await _ask(body, route, backend, parties)
        except Problem as problem:
            if parties.entry.first_byte is not None or number == last or problem.kind not in ELSEWHERE:
                raise
        else:
            return


async def _ask(body: bytes, route: Route, backend: Backend, parties: Parties) -> None:
    side, call = BACKENDS[backend.dialect], parties.call
    url = f"{side.url(backend)}?{call.query}" if call.query else side.url(backend)
    headers = passed_headers(call, side.headers(backend))
    reply = await parties.gateway.net.send("POST", url, headers, body, route.timeouts)
    try:
        if reply.status != 200:
            raise await problem_of(side, reply)
        parties.describe(Losses())
        parties.responder.add_headers(returned_headers(reply))
        if "event-stream" in (reply.headers.get("content-type") or ""):
            await _stream(reply, side.tap(), parties)
        elif parties.responder.started:
            raise Problem("backend_failed", "the backend was asked for a stream and answers with something else")
        else:
            await _whole(reply, side.tap(), parties)
    finally:
        reply.close()


async def _stream(reply: Reply, tap: Tap, parties: Parties) -> None:
    read, stream, entry = reply.read, parties.responder.stream, parties.entry
    hearing = True
    while data := await read():
        entry.spoke()
        if hearing:
            try:
                entry.hear(tap.feed(data))
            except FrameTooLargeError:
                hearing = False
        await stream(data, at_boundary=data.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")))
    if hearing and not tap.ended:
        raise Problem("truncated", _TRUNCATED)
    await parties.responder.end()


async def _whole(reply: Reply, tap: Tap, parties: Parties) -> None:
    body = await reply.read_all(MAX_ANSWER)
    parties.entry.spoke()
    parties.entry.hear(tap.hear_whole(body))
    await parties.responder.whole(200, body, reply.headers.get("content-type") or "application/json")


def passed_headers(call: Call, own: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The client's headers that concern the backend, and ours; where both say something, the client's counts.

    Credentials are ours alone: the client's never pass.
    """
    passed = [
        (name, value) for name, value in call.headers.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)
    ]
    names = {name for name, _ in passed}
    return [*passed, *((name, value) for name, value in own if name not in names)]


def returned_headers(reply: Reply) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in reply.headers.items()
        if name != "content-type" and (name in _RETURNED or name.startswith(_RETURNED_PREFIXES))
    ]
