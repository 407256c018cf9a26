"""Writing the tools of a Responses request."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice
from dragoman.protocols import schemas, tool_names
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.openai_responses.response import said_in
from dragoman.protocols.server_tools import remedy
from dragoman.wire import jsons

_DIALECT: Final = "openai-responses"


def write_tools(request: Request, brought: Sequence[Tool], losses: Losses) -> list[Object]:
    """brought: tools that became known in mid-conversation; they come last, so that the prefix stays."""
    ours = request.dialect == _DIALECT
    written: list[Object] = []
    namespaces: dict[str, Object] = {}
    for tool in (*request.tools, *brought):
        said = _own_tool(tool) if ours else _tool(tool, losses)
        namespace = None if isinstance(tool, HostedTool) else tool.namespace
        if said is None:
            continue
        if namespace is None:
            written.append(said)
        elif namespace in namespaces:
            namespaces[namespace]["tools"].append(said)
        else:
            namespaces[namespace] = {**_namespace(namespace, request), "tools": [said]}
            written.append(namespaces[namespace])
    return written


def _namespace(name: str, request: Request) -> Object:
    """What the client said of it, but for its tools."""
    tools = said_in(request).get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if (
            isinstance(tool, dict)
            and tool.get("type") == "namespace"
            and tool.get("name") == name
            and tool.get("tools")
        ):
            return tool
    return {"type": "namespace", "name": name, "description": ""}


def _own_tool(tool: Tool) -> Object | None:
    match tool:
        case FunctionTool(kind="tool_search", extra={"raw": dict(raw)}):
            return raw
        case FunctionTool(kind="local_shell" | "shell" | "apply_patch" as kind):
            return {"type": kind, **tool.extra}
        case FunctionTool():
            said: Object = {"type": "function", "name": tool.name}
            wishes = {"description": tool.description, "parameters": tool.schema, "strict": tool.strict}
            said |= {key: value for key, value in wishes.items() if value is not None}
            return merged({**said, "defer_loading": True} if tool.deferred else said, tool.extra)
        case CustomTool():
            return merged(_custom(tool), tool.extra)
        case HostedTool(raw=dict(raw)):
            return raw
        case HostedTool():
            return None
        case _:
            assert_never(tool)


def _tool(tool: Tool, losses: Losses) -> Object | None:
    match tool:
        case FunctionTool():
            return _function(tool)
        case CustomTool():
            return {**_custom(tool), "name": tool_names.fit(tool.name)}
        case HostedTool(kind="web_search", raw=dict(raw)):
            return _web_search(raw)
        case HostedTool(kind="placeholder"):
            return None
        case HostedTool(kind="web_fetch" | "tool_search" as kind):
            losses.warn(f"tools.{kind}", "left out: this backend has no such tool of its own")
            return None
        case HostedTool(kind=kind):
            losses.refuse(f"tools.{kind}", "this backend has no such tool of its own; leave it out", lenient=True)
            return None
        case _:
            assert_never(tool)


def _function(tool: FunctionTool) -> Object:
    """`strict` is always said: the API tries it by itself otherwise, and changes the schema on its way."""
    said: Object = {"type": "function", "name": tool_names.fit(tool.name)}
    about = [tool.description] if tool.description is not None else []
    if tool.examples:
        about.append("\n".join(("Examples of arguments:", *map(jsons.write_text, tool.examples))))
    if about:
        said["description"] = "\n\n".join(about)
    return {**said, "parameters": schemas.of_arguments(tool.schema), "strict": tool.strict or False}


def _custom(tool: CustomTool) -> Object:
    wanted: Object = {"type": "text"}
    if tool.definition is not None:
        wanted = {"type": "grammar", "syntax": tool.syntax, "definition": tool.definition}
    about = {} if tool.description is None else {"description": tool.description}
    return {"type": "custom", "name": tool.name, **about, "format": wanted}


def _web_search(raw: Object) -> Object:
    """Anthropic's web search, as OpenAI's."""
    said: Object = {"type": "web_search"}
    if domains := raw.get("allowed_domains"):
        said["filters"] = {"allowed_domains": domains}
    if isinstance(place := raw.get("user_location"), dict):
        said["user_location"] = place
    return said


def write_tool_choice(request: Request, brought: Sequence[Tool], losses: Losses) -> Any:
    if request.dialect == _DIALECT:
        return said_in(request).get("tool_choice") or _choice(request.tool_choice or ToolChoice("auto"), request.tools)
    choice, tools = request.tool_choice or ToolChoice("auto"), [*request.tools, *brought]
    if choice.mode == "named" and _kind(choice.names[0], tools) is None:
        why = f"names the tool {choice.names[0]!r}, which this backend is not given{remedy(choice, request)}"
        losses.refuse("tool_choice", why)
    return _choice(choice, tools)


def _choice(choice: ToolChoice, tools: Iterable[Tool]) -> Any:
    named = [_reference(name, _kind(name, tools) or "function") for name in choice.names]
    match choice.mode:
        case "named":
            return named[0]
        case "allowed":
            return {"type": "allowed_tools", "mode": "required" if choice.required else "auto", "tools": named}
        case "auto" | "required" | "none":
            return choice.mode
        case _:
            assert_never(choice.mode)


def _kind(name: str, tools: Iterable[Tool]) -> str | None:
    """The type by which a tool is referred to, None if there is none of this name."""
    for tool in tools:
        match tool:
            case CustomTool() if tool.name == name:
                return "custom"
            case FunctionTool() if tool.name == name:
                return "function" if tool.kind == "function" else tool.kind
            case HostedTool() if tool.kind == name != "web_fetch":
                return name
    return None


def _reference(name: str, kind: str) -> Object:
    return {"type": kind, "name": tool_names.fit(name)} if kind in ("function", "custom") else {"type": kind}
