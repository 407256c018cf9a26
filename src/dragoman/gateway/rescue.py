"""Tool calls that models say as text: which answers are searched for them, and what is learnt of their backend.

Translated answers are searched while they come. A relayed answer is not touched: it is looked at when the client has
it. What was found once is kept as a lesson (routing/known.py), and from then on answers to requests with tools are
translated, so that the client gets calls. A healthy backend keeps the relay. In the same look reasoning is found that
a server gives out as text.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from dragoman.gateway.gateway import stamp
from dragoman.gateway.parties import Parties
from dragoman.hub.answer import fold
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request, Text, Thinking
from dragoman.hub.route import Backend, Route
from dragoman.protocols import BACKENDS
from dragoman.protocols.call_kinds import Original
from dragoman.protocols.channels import Channels
from dragoman.protocols.codec import Stamp
from dragoman.protocols.said_calls import SaidCalls, callable_tools, may_hold_calls
from dragoman.routing.profiles import CALL_PARSERS
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_MOST_HEARD: Final = 2**16  # bytes of a relayed answer: a few hundred tokens, more than most calls are
_REASONING: Final = re.compile(rb'"reasoning(_content)?"\s*:\s*"[^"]')  # in a field of its own
_CALLS: Final = (b'"tool_calls":[{', b'"tool_calls": [{', b'"tool_use"', b'"function_call"')
_NOTHING: Final = (b"null", b"[]")
_ASKED: Final = ("model",)
_TOOLS: Final = ("tools", "tool_choice", "response_format", "text")
_HEAD: Final[Mapping[str, Any]] = {"messages": [{"role": "user", "content": "-"}], "input": "-", "max_tokens": 1}


def rescuers(
    request: Request,
    originals: Mapping[str, Original],
    route: Route,
    backend: Backend,
    parties: Parties,
    mark: Stamp,
) -> list[Channels | SaidCalls]:
    """The filters over this backend's answer. originals: of the request, which is lowered already."""
    if backend.profile.rescue_calls == "never":
        return []
    tools = callable_tools(request, originals)
    if not tools:
        return [Channels()]

    def tell(calls: int, form: str) -> None:
        parties.entry.rescued_calls += calls
        _learn(form, route, backend, parties)

    return [Channels(), SaidCalls(tools, request, mark, tell)]


def why_rescued(members: jsons.Members, route: Route) -> str:
    """Why this exchange cannot be relayed, although its backend speaks the client's dialect; empty if it can."""
    for backend in route.backends:
        if backend.profile.rescue_calls == "always" and _declares_tools(members):
            return "the backend's model says tool calls as text"
    return ""


def overheard(members: jsons.Members, route: Route, backend: Backend, parties: Parties) -> "Overheard | None":
    """What listens to a relayed answer; None where nothing could be learnt from it."""
    if backend.profile.rescue_calls != "auto" or not _declares_tools(members):
        return None
    return Overheard(members, route, backend, parties)


class Overheard:
    """A relayed answer, as far as it is short. One that holds a call shows a server that knows them."""

    def __init__(self, members: jsons.Members, route: Route, backend: Backend, parties: Parties) -> None:
        self._members: Final = members
        self._route: Final = route
        self._backend: Final = backend
        self._parties: Final = parties
        self._pieces: Final[list[bytes]] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        if self._size <= _MOST_HEARD:
            self._size += len(data)
            self._pieces.append(data)

    def weigh(self, *, is_stream: bool) -> None:
        """Was there a call in it that nobody knew for one? The client has the answer already."""
        data = b"".join(self._pieces)
        if self._size > _MOST_HEARD or any(sign in data for sign in _CALLS):
            return
        try:
            forms = self._forms_in(data, is_stream=is_stream)
        except Problem:
            return  # of the backend's: the client has it in the backend's own words
        if forms:
            _learn(forms[0], self._route, self._backend, self._parties)

    def _forms_in(self, data: bytes, *, is_stream: bool) -> list[str]:
        side, profile, mark = BACKENDS[self._backend.dialect], self._backend.profile, stamp(self._parties.entry.id)
        request = self._request(*_ASKED)
        if is_stream:
            reader = side.stream_reader(request, profile, mark)
            events = [*reader.feed(data), *reader.finish()]
        else:
            events = side.read_answer(data, request, profile, mark)
        parts = fold(events).parts
        texts = [part.text for part in parts if isinstance(part, Text)]
        has_tags = any(isinstance(part, Thinking) for part in parts) and not _REASONING.search(data)
        if self._backend.dialect == "openai-chat" and (has_tags or any(map(_begins_a_channel, texts))):
            self._learn_of_thoughts()
        if not any(map(may_hold_calls, texts)):
            return []
        request = self._request(*_ASKED, *_TOOLS)
        forms: list[str] = []
        calls = SaidCalls(callable_tools(request, {}), request, mark, lambda _, form: forms.append(form))
        channels = Channels()
        for event in events:
            for heard in channels.feed(event):
                calls.feed(heard)
        return forms

    def _learn_of_thoughts(self) -> None:
        """Who shows an answer as it is shows the thoughts in it; from now on answers are translated."""
        backend, name = self._backend, self._route.backend_model
        self._parties.gateway.knowledge.teach(backend.url, name, {"relays": False})
        _log.warning(
            "%s: the backend gives reasoning out as text; it is told as reasoning, but it is better to start its server"
            " with the reasoning parser of this model",
            self._route.model,
        )

    def _request(self, *names: str) -> Request:
        """The request without its conversation, which may be long."""
        asked: jsons.Members = {name: self._members[name] for name in names if name in self._members}
        return self._parties.client.read_request(jsons.patch(asked, dict(_HEAD)), self._parties.call.headers)


def _begins_a_channel(text: str) -> bool:
    return text.lstrip().startswith("<|channel|>")  # GPT-OSS


def _declares_tools(members: jsons.Members) -> bool:
    return bytes(members.get("tools", b"null")).strip() not in _NOTHING


def _learn(form: str, route: Route, backend: Backend, parties: Parties) -> None:
    """Once for each backend and model."""
    knowledge = parties.gateway.knowledge
    if "rescue_calls" in knowledge.lessons(backend.url, route.backend_model):
        return
    knowledge.teach(backend.url, route.backend_model, {"rescue_calls": "always"})
    _log.warning(
        "%s: the backend gives tool calls out as text (%s); they are made calls again, but it is better to %s",
        route.model,
        form,
        CALL_PARSERS.get(backend.profile.family, "have its server parse the calls of this model"),
    )
