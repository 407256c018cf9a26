"""Which tools does the proxy run in an exchange, and how is the model told of them?

A tool that runs on the server's side is left to a backend that has it. Where the backend has none and the proxy has, it
is declared to the model as a plain function, in its place among the tools; `gateway/rounds.py` runs what is called.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.gateway.parties import Parties
from dragoman.gateway.past_runs import are_brought, restored
from dragoman.hub.problems import Problem
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice
from dragoman.hub.route import Backend, Route
from dragoman.protocols.server_tools import (
    KINDS,
    Kind,
    Wanted,
    choice_of,
    wanted,
    with_choice,
    with_tool,
    without_options,
)
from dragoman.tools.tool import ServerTool, Wishes
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
# What tools hold among which there is such a one, so that all others need not be read.
_SIGNS: Final = (b'"web_search', b'"web_fetch')
_OPTIONS: Final = "web_search_options"
_TOOLS: Final = ("model", "tools", "n", _OPTIONS)


class Offer(Struct, frozen=True):
    """A tool that the model is offered, and the proxy runs."""

    wanted: Wanted
    tool: ServerTool

    @property
    def wishes(self) -> Wishes:
        asked = self.wanted
        return Wishes(asked.allowed, asked.blocked, asked.location, asked.context, asked.max_tokens)


class Prepared(Struct, frozen=True):
    """A request as one backend is asked it. offers: by the names the model calls them; empty = nothing is run here."""

    request: Request
    offers: Mapping[str, Offer] = {}


def prepared(request: Request, route: Route, backend: Backend, parties: Parties) -> Prepared:
    """The request with what was found in earlier turns as this backend understands it, and with the proxy's tools."""
    tools = parties.gateway.tools(parties.snapshot, route.model)
    offers = _offers(request, route, backend, parties, tools) if tools else {}
    may_run = bool(backend.profile.server_tools) and "web_search" not in offers
    natively = may_run and runs_itself("web_search", request, backend)
    request = restored(request, parties, kept=bool(offers), natively=natively)
    if natively and backend.dialect != request.dialect:
        request = with_tool(request)
    return _declared(request, offers) if offers else Prepared(request)


def why_run(members: jsons.Members, route: Route, parties: Parties) -> str:
    """Why this exchange cannot be relayed, although its backend speaks the client's dialect; empty if it can.

    members: of its body.
    """
    tools = parties.gateway.tools(parties.snapshot, route.model)
    if tools and are_brought(members):
        return "it brings back what the proxy has found"
    if not tools or not (_is_given(route, parties) or _may_ask(members)):
        return ""
    # The request without its conversation, which may be long.
    asked: jsons.Members = {name: members[name] for name in _TOOLS if name in members}
    head: dict[str, Any] = {"messages": [{"role": "user", "content": "-"}], "input": "-", "max_tokens": 1}
    try:
        request = parties.client.read_request(jsons.patch(asked, head), parties.call.headers)
    except Problem:
        return ""  # the backend will say what is wrong with it
    if any(_offers(request, route, backend, parties, tools) for backend in route.backends):
        return "the proxy runs a tool for it"
    return ""


def _may_ask(members: jsons.Members) -> bool:
    declared = bytes(members.get("tools", b""))
    return _OPTIONS in members or any(sign in declared for sign in _SIGNS)


def runs_itself(kind: Kind, request: Request, backend: Backend) -> bool:
    """Whether the backend has the tool, and can be told that this client wants it."""
    if kind not in backend.profile.server_tools:
        return False
    return backend.dialect == request.dialect or (kind == "web_search" and backend.dialect != "openai-chat")


def _is_forced(route: Route, parties: Parties) -> bool:
    """Whether the proxy's tools come before the backend's own."""
    model = parties.snapshot.model(route.model)
    return model is not None and model.force_pipeline


def _is_given(route: Route, parties: Parties) -> bool:
    """Whether clients are to search that have no word for it."""
    model = parties.snapshot.model(route.model)
    is_chat = parties.client.dialect == "openai-chat"
    return is_chat and model is not None and model.processors.web_search == "always"


def _offers(
    request: Request, route: Route, backend: Backend, parties: Parties, tools: Mapping[str, ServerTool]
) -> dict[Kind, Offer]:
    asked, forced = wanted(request), _is_forced(route, parties)
    if not asked and _is_given(route, parties):
        if (request.sampling.n or 1) > 1:
            return {}  # answers that are told as they come, for which nothing can be run
        return {
            kind: Offer(Wanted(kind), tools[kind]) for kind in KINDS if kind in tools and not _has_own(kind, request)
        }
    offers: dict[Kind, Offer] = {}
    for one in asked:
        is_part = one.kind == "web_fetch" and one.tool is None  # of a search, and goes with it
        left = not forced and runs_itself("web_search" if is_part else one.kind, request, backend)
        if one.kind in tools and not left:
            offers[one.kind] = Offer(one, tools[one.kind])
    return offers


def _has_own(kind: Kind, request: Request) -> bool:
    return any(not isinstance(tool, HostedTool) and tool.name == kind for tool in request.tools)


def _declared(request: Request, offers: Mapping[Kind, Offer]) -> Prepared:
    taken = {tool.name for tool in request.tools if isinstance(tool, FunctionTool | CustomTool)}
    names = {kind: _free_name(kind, taken) for kind in offers}
    tools: list[Tool] = []
    left = dict(offers)
    for tool in request.tools:
        kind = next((kind for kind in offers if isinstance(tool, HostedTool) and tool.kind == kind), None)
        if kind is None:
            tools.append(tool)
        elif (offer := left.pop(kind, None)) is not None:
            tools.append(_named(offer, names[kind]))
    tools += [_named(offer, names[kind]) for kind, offer in left.items()]
    choice = _meant(request, offers, names, taken)
    request = without_options(with_choice(_replace(request, tools=tuple(tools)), choice))
    return Prepared(request, {names[kind]: offer for kind, offer in offers.items()})


def _named(offer: Offer, name: str) -> FunctionTool:
    return _replace(offer.tool.declaration, name=name)


def _free_name(kind: Kind, taken: set[str]) -> str:
    """The client may have a function of this name, which the model must be able to tell apart."""
    name, number = str(kind), 1
    while name in taken:
        number += 1
        name = f"{kind}_{number}"
    return name


def _meant(
    request: Request, offers: Mapping[Kind, Offer], names: Mapping[Kind, str], taken: set[str]
) -> ToolChoice | None:
    """The client's choice of a tool, in the names that the model is told."""
    choice = choice_of(request)
    if choice is None or not choice.names:
        return choice
    ours = {alias: names[kind] for kind, offer in offers.items() for alias in offer.wanted.names}
    is_own = choice is request.tool_choice  # by name, and of two with one name the client means its own
    meant = (name if is_own and name in taken else ours.get(name, name) for name in choice.names)
    return _replace(choice, names=tuple(meant))


def unforced(choice: ToolChoice | None) -> ToolChoice | None:
    """The choice once a tool was called: a model that is made to call again and again never answers."""
    if choice is None or choice.mode in ("auto", "none"):
        return choice
    return _replace(choice, required=False) if choice.mode == "allowed" else ToolChoice("auto")


def without(request: Request, offers: Mapping[str, Offer]) -> Request:
    """The request without the proxy's tools: the model has used them up, and is to answer."""
    kept = tuple(tool for tool in request.tools if isinstance(tool, HostedTool) or tool.name not in offers)
    return _replace(request, tools=kept)
