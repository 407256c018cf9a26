"""Relayed requests that their backend refuses: bytes that pass as they are meet its quirks as the client said them.

`max_tokens` at a model of OpenAI's that reasons, reasoning of earlier turns at Mistral, a system message in
mid-conversation at Ollama: what is known of a backend (routing/profiles.py) helps only where a request is written by it.
So what is refused is written anew, through the hub, unless that would say the same; if it helps, no other is relayed to
this backend's model until the configuration changes.
"""

import asyncio
import re
from typing import Any, Final

import msgspec

from dragoman.gateway.converse import converse
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import NOT_RELAYED, REWORDED, relay_no_more
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Kind, Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Backend, Route
from dragoman.protocols import BACKENDS
from dragoman.protocols.call_kinds import lowered
from dragoman.protocols.overflow import sizes_in
from dragoman.routing.lessons import lesson_of
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
_FORM: Final[frozenset[Kind]] = frozenset({"bad_request", "unsupported"})
_SYSTEM: Final = re.compile(rb'"role"\s*:\s*"system"')
# What a relay changes by itself, or what is said or left out with one meaning.
_NOT_SAID: Final = frozenset({"model", "stream", "stream_options"})
_TEMPLATE_FAILED: Final = 500  # how servers that render chat templates refuse what a template refuses


def must_pass(members: jsons.Members) -> bool:
    """Whether only a relay can do what is asked: several answers."""
    return jsons.value_of(members.get("n")) not in (None, 1)


async def reworded(refusal: Problem, members: jsons.Members, body: bytes, route: Route, parties: Parties) -> bool:
    """Whether the client has its answer after all. Raise Problem if that has begun and breaks off."""
    entry = parties.entry
    asked = next((each for each in route.backends if each.url == entry.backend), None)
    if asked is None or must_pass(members) or not _is_of_form(refusal, asked, body):
        return False
    backend = _replace(asked, profile=_replace(asked.profile, **NOT_RELAYED))
    route = _replace(route, backends=tuple(backend if each is asked else each for each in route.backends))
    entry.rail, entry.why_not_relayed = "translate", REWORDED
    try:
        request = await parties.read_request(body)
        if lesson_of(refusal, backend.profile) is None:
            await asyncio.to_thread(_demand_other_words, request, body, route, backend)
        await converse(request, route, parties)
    except Problem:
        if parties.responder.started:
            raise
        entry.rail, entry.why_not_relayed = "relay", ""
        return False
    relay_no_more(f"refuses what its clients say and takes it reworded ({refusal.public})", route, backend, parties)
    return True


def _is_of_form(refusal: Problem, backend: Backend, body: bytes) -> bool:
    """Whether another wording may help. For other refusals agents of Anthropic's and OpenAI's newer dialect have remedies
    of their own.
    """
    is_refused = refusal.kind in _FORM or refusal.status == _TEMPLATE_FAILED
    if backend.dialect == "openai-chat":
        sizes = sizes_in(refusal.public) if refusal.kind == "context_overflow" else None
        return is_refused or (sizes is not None and sizes.output is not None and sizes.prompt < sizes.limit)
    if backend.dialect == "anthropic-messages" and not backend.profile.system_anywhere:
        return is_refused and _SYSTEM.search(body) is not None
    return False


def _demand_other_words(request: Request, body: bytes, route: Route, backend: Backend) -> None:
    """Raise Problem if the request would be written as the client has said it."""
    request, _ = lowered(request, custom_tools=backend.profile.openai_fields)
    written = BACKENDS[backend.dialect].write_request(request, route, backend, Losses(route.on_loss))
    if _said_in(written) == _said_in(body):
        raise Problem("bad_request", "there are no other words for it")


def _said_in(body: bytes) -> dict[str, Any]:
    return {name: value for name, value in jsons.read(body).items() if name not in _NOT_SAID}
