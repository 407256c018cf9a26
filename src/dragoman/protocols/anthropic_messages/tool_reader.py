"""Reading the tools of a Messages request."""

from typing import Final

from dragoman.hub.request import FunctionTool, HostedTool, Tool, ToolChoice
from dragoman.protocols import fields
from dragoman.protocols.anthropic_messages.builtin_tools import builtin
from dragoman.protocols.anthropic_messages.cache_marks import MARK, read_cache
from dragoman.protocols.fields import Object, WrongFieldError

_DIALECT: Final = "anthropic-messages"
_CUSTOM: Final = frozenset(
    [
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "defer_loading",
        "input_examples",
        "cache_control",
    ]
)
_BUILTIN: Final = frozenset({"type", "name", "defer_loading", "cache_control"})
# By prefix, never by a closed list of dates: `web_search_20270101` is a web search too.
_HOSTED: Final = ("web_search", "web_fetch", "code_execution", "tool_search", "advisor", "mcp_toolset")


def read_tool(of: Object) -> Tool:
    kind = fields.maybe_string(of, "type") or "custom"
    deferred = fields.maybe_bool(of, "defer_loading") or False
    known = builtin(kind)
    if known is None and kind != "custom":
        return HostedTool(_DIALECT, next((name for name in _HOSTED if kind.startswith(name)), kind), of)
    name = fields.string(of, "name")
    if name == "DeferredToolPlaceholder" and deferred:  # Claude Code 2.1: never to be shown to a model
        return HostedTool(_DIALECT, "placeholder", of)
    cache, marked = read_cache(of), fields.unnamed_within(of, {"cache_control": MARK})
    if known is not None:
        description, schema = known
        extra = {**fields.unnamed(of, _BUILTIN), **marked}
        return FunctionTool(name, description, schema, None, deferred, kind, cache=cache, extra=extra)
    return FunctionTool(
        name,
        fields.maybe_string(of, "description"),
        fields.maybe_object(of, "input_schema"),
        fields.maybe_bool(of, "strict"),
        deferred,
        examples=fields.each(of, "input_examples", lambda example: example),
        cache=cache,
        extra={**fields.unnamed(of, _CUSTOM), **marked},
    )


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
