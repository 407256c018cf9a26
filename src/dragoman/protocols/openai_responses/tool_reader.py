"""Reading the tools of a Responses request."""

import itertools
from typing import Any, Final

from msgspec import Struct

from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_responses.shells import SHELLS

_DIALECT: Final = "openai-responses"
_CUSTOM: Final = frozenset({"type", "name", "description", "format"})
_FORMAT: Final = frozenset({"type", "syntax", "definition"})
# By prefix, never by a closed list: `web_search_preview_2025_03_11` is a web search too.
_HOSTED: Final = ("web_search", "file_search", "code_interpreter", "image_generation", "computer", "mcp")


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


_FUNCTION: Final = frozenset({"type", *_Function.__struct_fields__})


def read_tools(of: Object) -> tuple[Tool, ...]:
    """The member `tools`: namespaces are opened, each of their tools knows its own. An empty one declares nothing."""
    return tuple(itertools.chain.from_iterable(fields.each(of, "tools", _tools)))


def _tools(of: Object) -> tuple[Tool, ...]:
    if of.get("type") != "namespace":
        return (_tool(of, None),)
    namespace = fields.string(of, "name")
    return fields.each(of, "tools", lambda tool: _tool(tool, namespace)) or (HostedTool(_DIALECT, "placeholder", of),)


def _tool(of: Object, namespace: str | None) -> Tool:
    kind = of.get("type")
    if type(kind) is not str:
        kind = fields.string(of, "type")
    match kind:
        case "function":
            said = fields.values(of, _Function)
            return FunctionTool(
                said.name,
                said.description,
                said.parameters,
                said.strict,
                said.defer_loading or False,
                namespace=namespace,
                extra={} if of.keys() <= _FUNCTION else fields.unnamed(of, _FUNCTION),
            )
        case "custom":
            syntax, definition = fields.within_if_any(of, "format", _grammar) or (None, None)
            name, about = fields.string(of, "name"), fields.maybe_string(of, "description")
            extra = {**fields.unnamed(of, _CUSTOM), **fields.unnamed_within(of, {"format": _FORMAT})}
            return CustomTool(name, about, syntax, definition, namespace, extra)
        case "local_shell" | "shell" | "apply_patch":
            about, schema = SHELLS[kind]
            extra = fields.unnamed(of, frozenset({"type"}))
            return FunctionTool(kind, about, schema, builtin=kind, kind=kind, extra=extra)
        case "tool_search" if of.get("execution") == "client":
            about = fields.maybe_string(of, "description")
            return FunctionTool(
                kind, about, fields.maybe_object(of, "parameters"), builtin=kind, kind="tool_search", extra={"raw": of}
            )
    return HostedTool(_DIALECT, next((name for name in _HOSTED if kind.startswith(name)), kind), of)


def _grammar(of: Object) -> tuple[str | None, str | None]:
    return fields.maybe_string(of, "syntax"), fields.maybe_string(of, "definition")


def read_tool_choice(choice: Any) -> ToolChoice | None:
    match choice:
        case None:
            return None
        case "auto" | "required" | "none":
            return ToolChoice(choice)
        case {"type": "function" | "custom", "name": str(name)}:
            return ToolChoice("named", (name,))
        case {"type": "apply_patch" | "shell" | "local_shell" as name}:
            return ToolChoice("named", (name,))
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(tools)}:
            names = [t.get("name") or t.get("type") for t in tools if isinstance(t, dict)]
            return ToolChoice("allowed", tuple(n for n in names if isinstance(n, str)), required=mode == "required")
        case {"type": str()}:
            return ToolChoice("auto")  # of a tool that the vendor runs: where it is none, nothing can be forced
    raise WrongFieldError("tool_choice", 'must be "auto", "required", "none" or an object naming a tool')
