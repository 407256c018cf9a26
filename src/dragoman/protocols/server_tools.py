"""What a client asks of tools that run on the server's side, wherever its dialect says so.

Messages and Responses declare them among the tools, Chat Completions has a member beside them. What is no wish of any
known kind is passed over: these tools are a help, and no reason to refuse a request.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.hub.request import HostedTool, Request, ToolChoice
from dragoman.protocols.fields import Object
from dragoman.protocols.openai_responses.response import said_in

Kind: TypeAlias = Literal["web_search", "web_fetch"]
Context: TypeAlias = Literal["low", "medium", "high"]

KINDS: Final[tuple[Kind, ...]] = ("web_search", "web_fetch")
_CHAT_OPTIONS: Final = "web_search_options"
_ON_MESSAGES: Final = "web_search_20250305"  # every model that searches takes the oldest
_CONTEXTS: Final[tuple[Context, ...]] = ("low", "medium", "high")
_PLACE: Final = ("city", "region", "country", "timezone")
_replace: Final = msgspec.structs.replace


class Wanted(Struct, frozen=True):
    """One such tool, as the client wants it.

    tool: how it is declared; None = beside the tools, or as a part of the search. names: by which the client's choice of a tool may mean it.
    max_uses: in one answer. together: of all such tools, not of each. The rest is as in `tools/tool.py`.
    """

    kind: Kind
    tool: HostedTool | None = None
    names: frozenset[str] = frozenset()
    max_uses: int | None = None
    together: bool = False
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    location: dict[str, str] = {}
    context: Context = "medium"
    max_tokens: int | None = None


def wanted(request: Request) -> tuple[Wanted, ...]:
    """The tools of the server that the request asks for, each kind once."""
    found: dict[Kind, Wanted] = {}
    for one in _wanted(request):
        found.setdefault(one.kind, one)
    return tuple(found.values())


def _wanted(request: Request) -> Iterator[Wanted]:
    for tool in request.tools:
        if isinstance(tool, HostedTool):
            kind = next((kind for kind in KINDS if kind == tool.kind), None)
            if kind is None or not isinstance(tool.raw, dict):
                continue
            if tool.dialect == "anthropic-messages":
                yield _of_messages(kind, tool)
            else:
                yield from _of_responses(tool, request)
    if isinstance(options := request.extra.get(_CHAT_OPTIONS), dict) and request.dialect == "openai-chat":
        place = options.get("user_location")
        yield Wanted(
            "web_search",
            location=_place(place.get("approximate") if isinstance(place, dict) else None),
            context=_context(options),
        )


def _of_messages(kind: Kind, tool: HostedTool) -> Wanted:
    raw: Object = tool.raw
    name = raw.get("name")
    return Wanted(
        kind,
        tool,
        frozenset({name} if isinstance(name, str) else {kind}),
        _count(raw.get("max_uses")),
        allowed=_domains(raw.get("allowed_domains")),
        blocked=_domains(raw.get("blocked_domains")),
        location=_place(raw.get("user_location")),
        max_tokens=_count(raw.get("max_content_tokens")),
    )


def _of_responses(tool: HostedTool, request: Request) -> Iterator[Wanted]:
    """This dialect's search also opens pages, unless it may not go out. `max_tool_calls` counts both together."""
    raw: Object = tool.raw
    filters = raw.get("filters")
    filters = filters if isinstance(filters, dict) else {}
    most = _count(said_in(request).get("max_tool_calls"))
    search = Wanted(
        "web_search",
        tool,
        frozenset({"web_search", str(raw.get("type"))}),
        most,
        most is not None,
        _domains(filters.get("allowed_domains")),
        _domains(filters.get("blocked_domains")),
        _place(raw.get("user_location")),
        _context(raw),
    )
    yield search
    if raw.get("external_web_access") is not False:
        yield _replace(search, kind="web_fetch", tool=None, names=frozenset())


def choice_of(request: Request) -> ToolChoice | None:
    """The client's choice of a tool, also of one that runs on the server: Responses names those by their type."""
    match said_in(request).get("tool_choice"):
        case {"type": str(kind)} if kind.startswith("web_search"):
            return ToolChoice("named", (kind,))
    return request.tool_choice


def remedy(choice: ToolChoice, request: Request) -> str:
    """What helps where a tool is demanded that the proxy runs if it is configured; empty where nothing does."""
    for one in wanted(request):
        if choice.mode == "required" or one.names.intersection(choice.names):
            return f"; the proxy runs {one.kind} for it once `processors.{one.kind}` is configured"
    return ""


def with_tool(request: Request) -> Request:
    """The request with its search among the tools, as dialects say it that have a tool for it."""
    beside = [one for one in wanted(request) if one.kind == "web_search" and one.tool is None]
    if not beside:
        return request
    raw: Object = {"type": _ON_MESSAGES, "name": "web_search"}
    if place := beside[0].location:
        raw["user_location"] = {"type": "approximate", **place}
    tool = HostedTool("anthropic-messages", "web_search", raw)
    return without_options(_replace(request, tools=(*request.tools, tool)))


def on_messages(search: Wanted) -> Object:
    """The search as the tool that Anthropic runs. It takes either the domains to look in or those to leave out."""
    said: Object = {"type": _ON_MESSAGES, "name": "web_search"}
    if search.max_uses is not None:
        said["max_uses"] = search.max_uses
    if search.allowed:
        said["allowed_domains"] = list(search.allowed)
    elif search.blocked:
        said["blocked_domains"] = list(search.blocked)
    if search.location:
        said["user_location"] = {"type": "approximate", **search.location}
    return said


def without_options(request: Request) -> Request:
    """The request without what is said of searching beside the tools."""
    if _CHAT_OPTIONS not in request.extra:
        return request
    return _replace(request, extra={key: value for key, value in request.extra.items() if key != _CHAT_OPTIONS})


def with_choice(request: Request, choice: ToolChoice | None) -> Request:
    """The request with another choice of tools, also where it repeats its client's words, which go by then."""
    request = _replace(request, tool_choice=choice)
    said = said_in(request)
    if not said:
        return request
    said = {key: value for key, value in said.items() if key != "tool_choice"}
    if isinstance(include := said.get("include"), list):
        said["include"] = [one for one in include if not str(one).startswith("web_search_call.")]
    return _replace(request, extra={**request.extra, "said": said})


def _count(said: Any) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None


def _domains(said: Any) -> tuple[str, ...]:
    """Host names, and paths below them if there are any; some clients write a scheme, too."""
    named = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    return tuple(dict.fromkeys(domain for one in named if (domain := _domain(one.strip().rpartition("://")[2]))))


def _domain(said: str) -> str:
    host, slash, path = said.rstrip("/").partition("/")
    return f"{host.lower().removeprefix('*.')}{slash}{path}" if host else ""


def _place(said: Any) -> dict[str, str]:
    found = said if isinstance(said, dict) else {}
    return {key: found[key] for key in _PLACE if isinstance(found.get(key), str) and found[key]}


def _context(of: Object) -> Context:
    return next((size for size in _CONTEXTS if size == of.get("search_context_size")), "medium")
