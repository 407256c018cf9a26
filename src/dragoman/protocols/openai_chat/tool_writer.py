"""Writing the tools of a Chat Completions request."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, assert_never

from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Request, Tool, ToolChoice
from dragoman.hub.route import Profile, Route
from dragoman.protocols import schemas, tool_names
from dragoman.protocols.fields import Object, merged
from dragoman.protocols.server_tools import remedy
from dragoman.wire import jsons

_DIALECT: Final = "openai-chat"
# What the proxy may run itself one day, or what is no loss at all, since all tools are declared at once.
_SEARCHES: Final = frozenset({"web_search", "web_fetch"})
# What OpenAI runs itself, and an agent that offers it can do without.
_EXTRAS: Final = frozenset({"file_search", "code_interpreter", "image_generation", "computer"})
_NEEDLESS: Final = frozenset({"tool_search", "placeholder"})


def write_tools(
    request: Request, brought: Sequence[Tool], route: Route, profile: Profile, losses: Losses, *, thinks: bool
) -> Object:
    """Return the members `tools`, `tool_choice` and `parallel_tool_calls`, as far as there is something to say.

    brought: tools that became known in mid-conversation; they come last, so that the prefix stays.
    thinks: whether the model may think before it answers.
    """
    ours, choice = request.dialect == _DIALECT, request.tool_choice
    tools = [*request.tools, *brought]
    if choice is not None and choice.mode == "allowed" and not ours and not profile.openai_fields:
        tools = [tool for tool in tools if not isinstance(tool, HostedTool) and tool.name in choice.names]
        choice = ToolChoice("required" if choice.required else "auto")
    written = [one for tool in tools if (one := _tool(tool, profile, losses, ours=ours)) is not None]
    if not written:
        if choice is not None and choice.mode in ("required", "named"):
            helps = remedy(choice, request) or "; drop tool_choice or add a tool"
            losses.refuse("tool_choice", f"{route.model} has none of the tools it demands{helps}")
        return {}
    said: Object = {"tools": written}
    if choice is not None:
        if choice.mode == "named" and not any(_is_called(tool, choice.names[0]) for tool in tools):
            why = f"names the tool {choice.names[0]!r}, which this backend is not given{remedy(choice, request)}"
            losses.refuse("tool_choice", why)
        said["tool_choice"] = _taken(choice, tools, profile, losses, ours=ours, thinks=thinks)
    if request.parallel_tools is not None:
        said["parallel_tool_calls"] = request.parallel_tools
    return said


def _tool(tool: Tool, profile: Profile, losses: Losses, *, ours: bool) -> Object | None:
    match tool:
        case FunctionTool():
            function = _own_function(tool) if ours else _function(tool)
            if profile.schema_without and "parameters" in function:
                function["parameters"] = _accepted(tool.name, function["parameters"], profile, losses)
            said = {"type": "function", "function": function}
            return merged(said, tool.extra) if ours else said
        case CustomTool() if ours or profile.openai_fields:
            return merged({"type": "custom", "custom": _custom(tool)}, tool.extra if ours else {})
        case CustomTool():
            losses.refuse(f"tools.{tool.name}", "this backend has function tools only; declare it as a function")
        case HostedTool(kind=kind) if kind in _SEARCHES or kind in _EXTRAS:
            losses.warn(f"tools.{kind}", "left out: this backend has no such tool of its own")
        case HostedTool(kind=kind) if kind in _NEEDLESS:
            losses.silent(f"tools.{kind}", "not needed: all tools are declared at once")
        case HostedTool(kind=kind):
            losses.refuse(f"tools.{kind}", "this backend has no such tool of its own; leave it out", lenient=True)
        case _:
            assert_never(tool)
    return None


def _own_function(tool: FunctionTool) -> Object:
    said: Object = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.schema is not None:
        said["parameters"] = tool.schema
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said


def _function(tool: FunctionTool) -> Object:
    said: Object = {"name": tool_names.fit(tool.name)}
    description = [tool.description] if tool.description is not None else []
    if tool.examples:
        description.append("\n".join(("Examples of arguments:", *map(jsons.write_text, tool.examples))))
    if description:
        said["description"] = "\n\n".join(description)
    said["parameters"] = schemas.of_arguments(tool.schema)
    if tool.strict is not None:
        said["strict"] = tool.strict
    return said


def _accepted(name: str, schema: Any, profile: Profile, losses: Losses) -> Any:
    try:
        accepted = schemas.without(schema, profile.schema_without)
    except RecursionError:
        why = f"tools.{name}: its schema is nested too deeply for this backend; make it flatter"
        raise Problem("unsupported", why, param=f"tools.{name}") from None
    if accepted != schema:
        losses.silent(f"tools.{name}", "JSON Schema keywords that this backend refuses were left out")
    return accepted


def _custom(tool: CustomTool) -> Object:
    said: Object = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.definition is not None:
        grammar = {"syntax": tool.syntax, "definition": tool.definition}
        said["format"] = {"type": "grammar", "grammar": grammar}
    return said


def _is_called(tool: Tool, name: str) -> bool:
    return not isinstance(tool, HostedTool) and tool.name == name


def _taken(
    choice: ToolChoice, tools: Iterable[Tool], profile: Profile, losses: Losses, *, ours: bool, thinks: bool
) -> Any:
    forces = choice.mode in ("named", "required") or choice.required
    if forces and (profile.forced_tools == "no" or (profile.forced_tools == "not_thinking" and thinks)):
        losses.warn("tool_choice", "this backend cannot be made to call a tool; it is left to choose")
        return "auto"
    if choice.mode not in ("named", "allowed"):
        return choice.mode
    custom = {tool.name for tool in tools if isinstance(tool, CustomTool)}
    named = [_reference(name, custom, ours=ours) for name in choice.names]
    if choice.mode == "named":
        return named[0]
    mode = "required" if choice.required else "auto"
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": named}}


def _reference(name: str, custom: set[str], *, ours: bool) -> Object:
    if name in custom:
        return {"type": "custom", "custom": {"name": name}}
    return {"type": "function", "function": {"name": name if ours else tool_names.fit(name)}}
