"""The relay rail: client and backend speak the same dialect, so bytes pass as they are.

Of the request only `model` is changed, and the model's defaults are added where the client asked for nothing; a Chat
stream is asked for its usage, which is kept from a client that has not asked; Claude Code's line of accounting reaches
Anthropic alone. Beside the answer runs a tap that notes usage and whether the stream has ended. Only whole events are
passed on, so that a stream that breaks off can be told so in words the client understands.
"""

import functools
import logging
from collections.abc import Mapping
from typing import Any, Final

from dragoman.gateway import demo
from dragoman.gateway.attempts import ask_in_turn
from dragoman.gateway.call import passed_headers, with_query
from dragoman.gateway.gateway import MAX_ANSWER, stamp
from dragoman.gateway.parties import Parties
from dragoman.gateway.prepare import wants
from dragoman.gateway.relayed_errors import cleaned, cleaned_whole, first_of, instead_of
from dragoman.gateway.rescue import Overheard, overheard
from dragoman.gateway.room import demand_room_for
from dragoman.gateway.sources import mean_something, problem_of
from dragoman.hub.events import Ended
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Route
from dragoman.net.client import Reply
from dragoman.protocols import BACKENDS, seals
from dragoman.protocols.anthropic_messages import accounting, threads
from dragoman.protocols.backend_problems import unreadable
from dragoman.protocols.codec import BackendSide, ClientSide, StreamReader
from dragoman.routing.lessons import lesson_of
from dragoman.wire import jsons
from dragoman.wire.sse import FrameTooLargeError, SSEReader
from dragoman.wire.whole_events import WholeEvents

REWORDED: Final = "the backend has refused what its clients say"
NOT_RELAYED: Final[Mapping[str, Any]] = {"relays": False}
_log: Final = logging.getLogger("dragoman.gateway")
_DONE: Final = b"data: [DONE]"
_ENVELOPE: Final = seals.PREFIX.encode()
_NO_DEFAULTS: Final = Defaults()
_MOST_HELD: Final = 8  # reads: what goes on without a word that is understood passes all the same
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"
JSON: Final = ("content-type", "application/json")
# What of a backend's headers concerns the client, whose losses are named by another Dragoman behind this one.
# `openai-model` never: Codex takes a differing one for an alarm.
_RETURNED: Final = frozenset(
    {"retry-after", "retry-after-ms", "x-should-retry", "openai-processing-ms", "x-dragoman-loss"}
)
_RETURNED_PREFIXES: Final = ("anthropic-ratelimit-", "x-ratelimit-", "x-codex-")


def why_not(client: ClientSide, route: Route, body: bytes) -> str:
    """Why this exchange cannot be relayed; empty if it can."""
    if foreign := _foreign(client.dialect, route.backends):
        return foreign
    if wants(body, client.dialect, route):
        return "it holds images or documents that the backend cannot read"
    if body.find(_ENVELOPE) >= 0:  # as in protocols/openai_chat/tap.py
        return "it brings back reasoning that another backend has sealed"
    return ""


@functools.lru_cache(maxsize=256)
def _foreign(dialect: Dialect, backends: tuple[Backend, ...]) -> str:
    """What they speak, where it is not all this dialect: the same for each request."""
    if any(backend.url == demo.URL for backend in backends):
        return "the demo model speaks no dialect"
    spoken = {backend.dialect for backend in backends}
    if spoken != {dialect}:
        return f"the backend speaks {', '.join(sorted(spoken))}"
    return "" if all(backend.profile.relays for backend in backends) else REWORDED


async def relay(members: jsons.Members, body: bytes, route: Route, parties: Parties) -> None:
    """members: of `body`. Raise the Problem of the last backend, if none answers."""
    changes: dict[str, Any] = {}
    if route.defaults != _NO_DEFAULTS:
        defaults = parties.client.default_members(route.defaults)
        changes = {key: value for key, value in defaults.items() if not _is_said(key, members)}
    if parties.entry.model != route.backend_model:
        changes["model"] = route.backend_model
    if parties.client.dialect == "anthropic-messages" and not any(each.profile.accounting for each in route.backends):
        if "thread" in members:
            threads.demand_all_of(jsons.value_of(members["thread"]))
        system = accounting.without(members.get("system"))
        if system is not None:
            changes["system"] = system

    def written(more: Mapping[str, Any]) -> bytes:
        changed = {**changes, **more}
        return jsons.patch(members, changed) if changed else body

    if jsons.value_of(members.get("stream")) is True:
        parties.keep_company(parties.client.pulse, parties.client.write_stream_problem)

    async def ask(backend: Backend) -> None:
        heard = overheard(members, route, backend, parties)
        asking = BACKENDS[backend.dialect].asking_usage(members, backend.profile)
        if not asking:
            await _ask(written({}), route, backend, parties, heard)
            return
        try:
            await _ask(written(asking), route, backend, parties, heard, keeps_usage=True)
        except Problem as problem:
            lesson = lesson_of(problem, backend.profile)
            if lesson is None or "stream_usage" not in lesson.changes or parties.entry.first_byte is not None:
                raise
            parties.gateway.knowledge.teach(backend.url, route.backend_model, lesson.changes)
            await _ask(written({}), route, backend, parties, heard)

    await ask_in_turn(route, parties, ask, lambda: parties.entry.first_byte is not None)


def _is_said(name: str, members: jsons.Members) -> bool:
    """Whether the client has asked for something itself; null asks for nothing."""
    names = (name, "max_completion_tokens") if name == "max_tokens" else (name,)
    return any(jsons.value_of(members.get(each)) is not None for each in names)


async def _ask(
    body: bytes, route: Route, backend: Backend, parties: Parties, heard: Overheard | None, *, keeps_usage: bool = False
) -> None:
    side, call = BACKENDS[backend.dialect], parties.call
    url = with_query(side.url(backend), call)
    headers = [*passed_headers(call, side.headers(backend)), JSON]
    if backend.profile.cuts_prompts:
        await demand_room_for(body, route, backend, parties)
    asked = parties.gateway.net.ask("POST", url, headers, body, route.timeouts)
    first = _understanding(backend, parties) if len(route.backends) > 1 else None
    passing = _Passing(side, parties, heard, first, keeps_usage=keeps_usage)  # while the backend thinks
    reply = await asked.reply()
    try:
        if reply.status != 200:
            raise await problem_of(backend, reply)
        is_stream = "event-stream" in (reply.headers.get("content-type") or "")
        if is_stream and parties.responder.pulse is None:
            raise Problem("backend_failed", "the backend answers with a stream that nobody asked for")
        if is_stream:
            await passing.all_of(reply)
            if passing.lacks_reason:
                relay_no_more("ends its streams without a reason", route, backend, parties)
        else:
            await _whole(reply, side, parties, heard)
        if heard is not None:
            heard.weigh(is_stream=is_stream)
    finally:
        reply.close()


def _understanding(backend: Backend, parties: Parties) -> StreamReader:
    """What tells the beginning of an answer from what is said ahead of one."""
    request = Request(dialect=backend.dialect, model="", turns=())
    return BACKENDS[backend.dialect].stream_reader(request, backend.profile, stamp(parties.entry.id))


def relay_no_more(why: str, route: Route, backend: Backend, parties: Parties) -> None:
    """What this backend takes, or what it answers, has to be translated, until the configuration changes."""
    parties.gateway.knowledge.teach(backend.url, route.backend_model, NOT_RELAYED)
    _log.warning("%s: the backend %s; from now on nothing is relayed to it", route.model, why)


async def stream(reply: Reply, side: BackendSide, parties: Parties) -> None:
    """Pass an event stream on, event by event. Raise Problem if it breaks off."""
    await _Passing(side, parties).all_of(reply)


class _Passing:
    """One stream on its way.

    first: waits for the first event that means something, where another backend could be asked until then.
    keeps_usage: it is ours that has asked for it, and the client is not told.
    """

    def __init__(
        self,
        side: BackendSide,
        parties: Parties,
        heard: Overheard | None = None,
        first: StreamReader | None = None,
        *,
        keeps_usage: bool = False,
    ) -> None:
        self._side: Final = side
        self._first: Final = first
        self._held: Final[list[bytes]] = []
        self._parties: Final = parties
        self._heard: Final = heard
        self._passed: Final = side.without_usage if keeps_usage else _as_they_are
        self._events: Final = WholeEvents()
        self._tap: Final = side.tap()
        self._begun = False
        self.lacks_reason = False

    async def all_of(self, reply: Reply) -> None:
        """Raise Problem if it breaks off."""
        responder = self._parties.responder
        try:
            while data := reply.waiting() or await reply.read():
                if not (events := self._events.feed(data)):
                    continue
                if not self._begun:
                    if self._first is not None and not (events := self._beginning(events, self._first)):
                        continue
                    self._begin(reply, events)
                if self._tell(events):
                    await reply.pour(self._pass_on)
                await responder.flushed()
            if (last := self._events.last()) and _is_readable(last):
                self._tell_last(last, reply)
        except FrameTooLargeError as error:
            raise Problem("backend_failed", f"the backend sent an unreadable stream: {error}") from None
        except Problem:
            if not self._tap.ended:
                raise
        if not self._tap.ended:
            raise Problem("truncated", _TRUNCATED)
        if not responder.started:
            responder.open()
        responder.end()

    def _beginning(self, events: bytes, first: StreamReader) -> bytes:
        """What the answer begins with; empty as long as nothing in it means anything."""
        self._held.append(events)
        waits = len(self._held) < _MOST_HELD and not mean_something(first.feed(events))
        return b"" if waits else b"".join(self._held)

    def _begin(self, reply: Reply, events: bytes) -> None:
        """From here on the answer is this backend's, unless it begins with an error or with its end."""
        if events.find(b'"error"') >= 0 and (problem := first_of(events, self._side)) is not None:
            raise problem
        if events.startswith(_DONE):
            raise Problem("truncated", _TRUNCATED)
        self._begun = True
        _answers(reply, self._parties)

    def _tell_last(self, last: bytes, reply: Reply) -> None:
        """An event that lacks its blank line: it counts if it ends the answer."""
        if not self._begun:
            last = b"".join((*self._held, last))
        self._parties.entry.hear(self._tap.feed(last))
        if self._tap.ended:
            if not self._begun:
                self._begin(reply, last)
            self._parties.responder.say(cleaned(self._passed(last), self._side, self._parties.entry))

    def _pass_on(self, data: bytes) -> bool:
        events = self._events.feed(data)
        return not events or self._tell(events)

    def _tell(self, events: bytes) -> bool:
        if self._heard is not None:
            self._heard.add(events)
        if noted := self._tap.feed(events):
            self._parties.entry.hear(noted)
            events = self._passed(events)
            if type(noted[-1]) is Ended:
                self.lacks_reason, events = True, self._side.with_reason(events)
        return not events or self._parties.responder.say(cleaned(events, self._side, self._parties.entry))


def _as_they_are(data: bytes) -> bytes:
    return data


def _is_readable(last: bytes) -> bool:
    """Whether an event that lacks its blank line lacks nothing else."""
    frames = SSEReader().feed(last)
    try:
        for frame in frames:
            if frame.data != b"[DONE]":
                jsons.members(frame.data)
    except jsons.JSONError:
        return False
    return bool(frames)


async def _whole(reply: Reply, side: BackendSide, parties: Parties, heard: Overheard | None) -> None:
    body = await reply.read_all(MAX_ANSWER)
    try:
        members = jsons.members(body)
    except jsons.JSONError as wrong:
        raise unreadable("the backend's answer is not valid JSON", body, wrong) from None
    if (problem := instead_of(members, body, side)) is not None:
        raise problem
    if parties.responder.pulse is not None:
        raise Problem("backend_failed", "the backend was asked for a stream and answers with something else")
    _answers(reply, parties)
    parties.entry.hear(side.tap().hear_whole(body))
    parties.responder.whole(200, cleaned_whole(body, side, parties.entry))
    if heard is not None:
        heard.add(body)


def _answers(reply: Reply, parties: Parties) -> None:
    """Say in the log and in the head of the answer whose it is."""
    parties.entry.spoke()
    parties.describe(Losses(), returned_headers(reply))


def returned_headers(reply: Reply) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, value in reply.headers.items()
        if name in _RETURNED or name.startswith(_RETURNED_PREFIXES)
    ]
