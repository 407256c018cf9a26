"""Reading the tools of a Chat Completions request."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.hub.request import CustomTool, FunctionTool, Tool, ToolChoice
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_chat.message_reader import read_cache

_TOOL: Final = frozenset({"type", "function"})
_CUSTOM_TOOL: Final = frozenset({"type", "custom"})
_CUSTOM: Final = frozenset({"name", "description", "format"})


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


_FUNCTION: Final = frozenset(_Function.__struct_fields__)


def read_tool(of: Object) -> Tool:
    kind = of.get("type", "function")
    if kind == "function":
        tool = fields.within(of, "function", read_legacy_function)
        if of.keys() <= _TOOL:
            return tool
        return msgspec.structs.replace(tool, cache=read_cache(of), extra={**fields.unnamed(of, _TOOL), **tool.extra})
    if kind == "custom":
        outside = fields.unnamed(of, _CUSTOM_TOOL)
        return fields.within(of, "custom", lambda custom: _custom(custom, outside))
    raise WrongFieldError("type", f"must be function or custom, not {kind!r}")


def read_legacy_function(of: Object) -> FunctionTool:
    """A function that is declared by itself, as it stands in every tool too."""
    said = fields.values(of, _Function)
    extra = {} if of.keys() <= _FUNCTION else {"function": fields.unnamed(of, _FUNCTION)}
    return FunctionTool(said.name, said.description, said.parameters, said.strict, extra=extra)


def _custom(of: Object, outside: Object) -> CustomTool:
    """outside: what stands beside the object, and no reader names."""
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
