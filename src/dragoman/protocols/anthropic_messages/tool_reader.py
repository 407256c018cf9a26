"""Reading the tools of a Messages request."""

from typing import Final

import msgspec
from msgspec import Struct

from dragoman.hub.request import FunctionTool, HostedTool, Tool, ToolChoice
from dragoman.protocols import fields
from dragoman.protocols.anthropic_messages.builtin_tools import builtin
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache
from dragoman.protocols.fields import Object, WrongFieldError

_DIALECT: Final = "anthropic-messages"
_PLACEHOLDER: Final = "DeferredToolPlaceholder"  # Claude Code 2.1: never to be shown to a model


class _Custom(Struct):
    """A tool as its client describes it, but for examples and marks."""

    name: str
    type: str | None = None
    description: str | None = None
    input_schema: Object | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


_PLAIN: Final = frozenset(_Custom.__struct_fields__)
_CUSTOM: Final = _PLAIN | {"input_examples", "cache_control"}
_BUILTIN: Final = frozenset({"type", "name", "defer_loading", "cache_control"})
# By prefix, never by a closed list of dates: `web_search_20270101` is a web search too.
_HOSTED: Final = ("web_search", "web_fetch", "code_execution", "tool_search", "advisor", "mcp_toolset")


def read_tool(of: Object) -> Tool:
    if of.get("type") not in (None, "", "custom"):
        return _of_vendor(of)
    said = fields.values(of, _Custom)
    deferred = said.defer_loading or False
    if deferred and said.name == _PLACEHOLDER:
        return HostedTool(_DIALECT, "placeholder", of)
    tool = FunctionTool(said.name, said.description, said.input_schema, said.strict, deferred)
    if of.keys() <= _PLAIN:
        return tool
    return msgspec.structs.replace(
        tool,
        examples=fields.each(of, "input_examples", lambda example: example),
        cache=read_cache(of),
        extra={**fields.unnamed(of, _CUSTOM), **fields.unnamed_within(of, {"cache_control": MARK})},
    )


def _of_vendor(of: Object) -> Tool:
    """One that the vendor runs, or whose schema it knows by heart."""
    kind = fields.string(of, "type")
    deferred = fields.maybe_bool(of, "defer_loading") or False
    known = builtin(kind)
    if known is None:
        return HostedTool(_DIALECT, next((name for name in _HOSTED if kind.startswith(name)), kind), of)
    name = fields.string(of, "name")
    if deferred and name == _PLACEHOLDER:
        return HostedTool(_DIALECT, "placeholder", of)
    description, schema = known
    extra = {**fields.unnamed(of, _BUILTIN), **fields.unnamed_within(of, {"cache_control": MARK})}
    return FunctionTool(name, description, schema, None, deferred, kind, cache=read_cache(of), extra=extra)


def read_tool_choice(of: Object) -> ToolChoice:
    kind = fields.string(of, "type")
    match kind:
        case "auto" | "none":
            return ToolChoice(kind)
        case "any":
            return ToolChoice("required")
        case "tool":
            return ToolChoice("named", (fields.string(of, "name"),))
    raise WrongFieldError("type", f"must be auto, any, tool or none, not {kind!r}")
