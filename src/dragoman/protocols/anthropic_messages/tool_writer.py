"""Writing the tools of a Messages request."""

from collections.abc import Sequence
from typing import Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolCall, ToolChoice
from dragoman.hub.route import Profile
from dragoman.protocols import schemas, tool_names
from dragoman.protocols.anthropic_messages.cache_marks import write_cache
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.server_tools import on_messages, wanted

_DIALECT: Final = "anthropic-messages"


def write_tools(request: Request, brought: Sequence[Tool], profile: Profile, losses: Losses) -> list[Object]:
    """brought: tools that became known in mid-conversation; they come last, so that the prefix stays."""
    ours, choice = request.dialect == _DIALECT, request.tool_choice
    allowed = choice.names if choice is not None and choice.mode == "allowed" else None
    written: list[Object] = []
    for tool in (*request.tools, *brought):
        match tool:
            case FunctionTool():
                if allowed is None or tool.name in allowed:
                    written.append(_own(tool) if ours else _function(tool, profile))
            case HostedTool(raw=raw) if ours:
                written.append(raw)
            case HostedTool(kind="web_search") if "web_search" in profile.server_tools and not _has_own_search(request):
                written += [on_messages(one) for one in wanted(request) if one.tool is tool]
            case HostedTool(kind="mcp" as kind):
                losses.refuse(
                    f"tools.{kind}", "this backend cannot call MCP servers; configure them in the client", lenient=True
                )
            case HostedTool(kind=kind):
                losses.warn(f"tools.{kind}", "left out: it means nothing to this backend")
            case CustomTool():
                losses.refuse(f"tools.{tool.name}", "this backend has function tools only; declare it as a function")
            case _:
                assert_never(tool)
    return written


def _has_own_search(request: Request) -> bool:
    """Two tools of one name are a 400, and the client's own cannot be left out."""
    return any(not isinstance(tool, HostedTool) and tool.name == "web_search" for tool in request.tools)


def _own(tool: FunctionTool) -> Object:
    said: Object = {"name": tool.name} if tool.builtin is None else {"type": tool.builtin, "name": tool.name}
    if tool.builtin is None:
        if tool.description is not None:
            said["description"] = tool.description
        if tool.schema is not None:
            said["input_schema"] = tool.schema
        if tool.strict is not None:
            said["strict"] = tool.strict
        if tool.examples:
            said["input_examples"] = list(tool.examples)
    if tool.deferred:
        said["defer_loading"] = True
    if tool.cache is not None:
        said["cache_control"] = write_cache(tool.cache)
    return merged(said, tool.extra)


def _function(tool: FunctionTool, profile: Profile) -> Object:
    said: Object = {"name": tool_names.fit(tool.name)}
    if tool.description is not None:
        said["description"] = tool.description
    said["input_schema"] = schemas.of_arguments(tool.schema)
    if tool.strict is not None:
        said["strict"] = tool.strict
    if tool.cache is not None and profile.cache_marks != "none":
        said["cache_control"] = write_cache(tool.cache)
    return said


def stand_ins(request: Request) -> list[Object]:
    """Tools for a history that has calls, sent without any (agents do so to have it summarised): a 400 otherwise."""
    if request.dialect == _DIALECT:
        return []
    found: dict[str, Object] = {}
    for turn in request.turns:
        for part in turn.parts:
            if type(part) is ToolCall and part.by != "backend":
                name = tool_names.fit(part.name)
                found[name] = {"name": name, "input_schema": schemas.of_arguments(None)}
    return [*found.values()]


def write_tool_choice(request: Request, losses: Losses) -> Object:
    """Return the member `tool_choice`, if there is something to say."""
    parallel = request.parallel_tools
    if request.tool_choice is None and parallel is not False:
        return {}
    said = _choice(request.tool_choice or ToolChoice("auto"), request, losses)
    if parallel is not None and said["type"] != "none":
        said["disable_parallel_tool_use"] = not parallel
    return {"tool_choice": said}


def _choice(choice: ToolChoice, request: Request, losses: Losses) -> Object:
    match choice.mode:
        case "none" | "auto":
            return {"type": choice.mode}
        case "required":
            return {"type": "any"}
        case "allowed":
            return {"type": "any" if choice.required else "auto"}
        case "named":
            name = choice.names[0]
            if request.dialect == _DIALECT:
                return {"type": "tool", "name": name}
            if not any(isinstance(tool, FunctionTool) and tool.name == name for tool in request.tools):
                losses.refuse("tool_choice", f"names the tool {name!r}, which this backend is not given")
            return {"type": "tool", "name": tool_names.fit(name)}
        case _:
            assert_never(choice.mode)
