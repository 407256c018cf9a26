"""Reading the tools of a Chat Completions request."""

from typing import Any, Final

from dragoman.hub.request import Cache, CustomTool, FunctionTool, Tool, ToolChoice
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_chat.message_reader import read_cache

_TOOL: Final = frozenset({"type", "function"})
_FUNCTION: Final = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM_TOOL: Final = frozenset({"type", "custom"})
_CUSTOM: Final = frozenset({"name", "description", "format"})


def read_tool(of: Object) -> Tool:
    kind = of.get("type", "function")
    if kind == "function":
        outside = fields.unnamed(of, _TOOL)
        return fields.within(of, "function", lambda function: _function(function, read_cache(of), outside))
    if kind == "custom":
        outside = fields.unnamed(of, _CUSTOM_TOOL)
        return fields.within(of, "custom", lambda custom: _custom(custom, outside))
    raise WrongFieldError("type", f"must be function or custom, not {kind!r}")


def read_legacy_function(of: Object) -> FunctionTool:
    return _function(of, None, {})


def _function(of: Object, cache: Cache | None, outside: Object) -> FunctionTool:
    """outside: what stands beside the function, and no reader names."""
    inside = fields.unnamed(of, _FUNCTION)
    return FunctionTool(
        fields.string(of, "name"),
        fields.maybe_string(of, "description"),
        fields.maybe_object(of, "parameters"),
        fields.maybe_bool(of, "strict"),
        cache=cache,
        extra={**outside, "function": inside} if inside else outside,
    )


def _custom(of: Object, outside: Object) -> CustomTool:
    inside = fields.unnamed(of, _CUSTOM)
    if "format" in of:
        inside["format"] = of["format"]
    syntax, definition = fields.within_if_any(of, "format", _grammar) or (None, None)
    return CustomTool(
        fields.string(of, "name"),
        fields.maybe_string(of, "description"),
        syntax,
        definition,
        extra={**outside, "custom": inside} if inside else outside,
    )


def _grammar(of: Object) -> tuple[str | None, str | None]:
    return fields.within_if_any(
        of,
        "grammar",
        lambda grammar: (fields.maybe_string(grammar, "syntax"), fields.maybe_string(grammar, "definition")),
    ) or (None, None)


def read_tool_choice(choice: Any) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "required" | "none":
            return ToolChoice(choice)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list(tools)}}:
            return ToolChoice("allowed", tuple(map(_name, tools)), required=mode == "required")
        case {"name": str(name)}:  # the legacy `function_call`
            return ToolChoice("named", (name,))
    raise WrongFieldError("tool_choice", 'must be "auto", "required", "none" or an object naming a tool')


def _name(tool: Any) -> str:
    match tool:
        case {"type": "function", "function": {"name": str(name)}} | {"type": "custom", "custom": {"name": str(name)}}:
            return name
    raise WrongFieldError("tool_choice.allowed_tools.tools", "must name functions or custom tools")
