"""Reading what a Messages client asks.

Canonical form, where the dialect has several: string content is one text block, a tool without `type` is custom,
`stop_sequences` is a list.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from dragoman.hub.losses import Losses
from dragoman.hub.problems import bad_request
from dragoman.hub.request import (
    Cache,
    Document,
    Effort,
    FunctionTool,
    HostedTool,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    OutputFormat,
    Part,
    Reasoning,
    Request,
    Role,
    Sampling,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Written,
)
from dragoman.protocols import fields, media
from dragoman.protocols.anthropic_messages.builtin_tools import builtin
from dragoman.protocols.sessions import session_in
from dragoman.wire import jsons

_DIALECT: Final = "anthropic-messages"
_NAMED: Final = frozenset(
    [
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "stop_sequences",
        "stream",
        "metadata",
        "cache_control",
        "temperature",
        "top_p",
        "top_k",
        "service_tier",
    ]
)
_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
BILLING: Final = "x-anthropic-billing-header:"


def read_request(body: bytes, headers: Mapping[str, str]) -> Request:
    of = fields.body(body)
    if "messages" not in of:
        raise fields.missing("messages", "a list of messages")
    messages = fields.objects(of, "messages")
    if not messages:
        raise bad_request("messages", "must hold at least one message")
    system = _system(of)
    metadata = fields.maybe_object(of, "metadata") or {}
    user = fields.maybe_string(metadata, "user_id", "metadata.")
    choice = fields.maybe_object(of, "tool_choice")
    parallel = None if choice is None else fields.maybe_bool(choice, "disable_parallel_tool_use", "tool_choice.")
    output = fields.maybe_object(of, "output_config") or {}
    extra = fields.rest(of, _NAMED)
    if len(metadata) > ("user_id" in metadata):
        extra = {**extra, "metadata": metadata}
    if rest := fields.rest(output, frozenset({"effort", "format"})):
        extra = {**extra, "output_config": rest}
    return Request(
        dialect=_DIALECT,
        model=fields.string(of, "model"),
        turns=(*system, *(_turn(message, f"messages[{i}].") for i, message in enumerate(messages))),
        tools=tuple(_tool(tool, f"tools[{i}].") for i, tool in enumerate(fields.objects(of, "tools"))),
        tool_choice=None if choice is None else _tool_choice(choice),
        parallel_tools=None if parallel is None else not parallel,
        max_tokens=fields.maybe_int(of, "max_tokens"),
        stop=fields.strings(of, "stop_sequences"),
        sampling=Sampling(
            temperature=fields.maybe_number(of, "temperature"),
            top_p=fields.maybe_number(of, "top_p"),
            top_k=fields.maybe_int(of, "top_k"),
        ),
        reasoning=_reasoning(of, output),
        output_format=_output_format(output),
        stream=fields.maybe_bool(of, "stream") or False,
        cache=_cache(of),
        service_tier=fields.maybe_string(of, "service_tier"),
        user=user,
        session=session_in(headers) or _session(user),
        extra=extra,
    )


# What stands in `extra` and is missed elsewhere: (why, class). The classes are those of hub/losses.py.
_LEAVING: Final[dict[str, tuple[str, str]]] = {
    "container": ("this backend has no containers; leave it out", "refuse"),
    "mcp_servers": ("this backend cannot call MCP servers; configure them in the client", "refuse"),
    "fallbacks": ("this backend has no model fallbacks; list several backends in the proxy's config", "refuse"),
    "inference_geo": ("a promise about where data is processed cannot be kept by this backend", "refuse"),
    "compaction": ("this backend has no compaction of its own", "warn"),
    "output_config": ("this backend has no task budgets", "warn"),
    "speed": ("this backend has no speed setting", "silent"),
}


def note_losses(request: Request, losses: Losses) -> None:
    for key, value in request.extra.items():
        why, loss = _LEAVING.get(key, ("known to Anthropic Messages only", "silent"))
        if key == "thread" and isinstance(value, dict) and value.get("type") == "continue":
            losses.refuse("thread", "this backend keeps no threads; send the whole conversation")
        elif key == "context_management":
            _note_context_management(value, losses)
        elif loss == "refuse":
            losses.refuse(key, why, lenient=True)
        elif loss == "warn":
            losses.warn(key, why)
        else:
            losses.silent(key, why)


def _note_context_management(value: Any, losses: Losses) -> None:
    """Claude Code (2.1) always sends `clear_thinking ... keep: all`, which asks for nothing."""
    edits = value.get("edits") if isinstance(value, dict) else None
    for edit in edits if isinstance(edits, list) else ():
        kind = edit.get("type") if isinstance(edit, dict) else None
        if isinstance(kind, str) and kind.startswith("clear_thinking_"):
            losses.silent("context_management", "other backends decide themselves which reasoning they see again")
        else:
            losses.warn("context_management", "this backend does not edit the conversation")


def _session(user: str | None) -> str | None:
    """Claude Code (2.1) sends a JSON string {device_id, account_uuid, session_id} as its user id."""
    if not user or not user.startswith("{"):
        return None
    try:
        value = jsons.read(user)
    except jsons.JSONError:
        return None
    session = value.get("session_id") if isinstance(value, dict) else None
    return session if isinstance(session, str) else None


def _system(of: dict[str, Any]) -> tuple[Turn, ...]:
    system = of.get("system")
    if not system and (system is None or isinstance(system, str | list)):
        return ()
    if isinstance(system, str):
        return (Turn("system", (_prompt(Text(system)),)),)
    blocks = fields.objects(of, "system")
    return (Turn("system", tuple(_prompt(_part(block, f"system[{i}].")) for i, block in enumerate(blocks))),)


def _prompt(part: Part) -> Part:
    """Claude Code opens its system prompt with a line of accounting that changes per request and defeats every prefix
    cache but Anthropic's own (vllm-mlx#277: 50 s instead of 3.7 s a turn), so other dialects do not get to see it.
    """
    if isinstance(part, Text) and part.text.startswith(BILLING):
        raw: dict[str, Any] = {"type": "text", "text": part.text, **part.extra}
        if part.cache is not None:
            raw["cache_control"] = write_cache(part.cache)
        return Opaque(_DIALECT, "billing_header", raw, gist="")
    return part


def _turn(of: dict[str, Any], path: str) -> Turn:
    role = fields.string(of, "role", path)
    if role not in _ROLES:
        raise bad_request(path + "role", f"must be user, assistant or system, not {role!r}")
    content = of.get("content")
    parts: tuple[Part, ...]
    if isinstance(content, str):
        parts = (Text(content),)
    elif content is None and "content" not in of:
        raise fields.missing(path + "content", "a string or a list of blocks")
    else:
        blocks = fields.objects(of, "content", path)
        parts = tuple(_part(block, f"{path}content[{i}].") for i, block in enumerate(blocks))
    return Turn(_ROLES[role], parts, extra=fields.rest(of, frozenset({"role", "content"})))


def _part(of: dict[str, Any], path: str) -> Part:
    kind = fields.string(of, "type", path)
    reader = _READERS.get(kind)
    return Opaque(_DIALECT, kind, of, _gist(kind, of)) if reader is None else reader(of, path)


def _text(of: dict[str, Any], path: str) -> Text:
    return Text(fields.string(of, "text", path), _cache(of), extra=fields.rest(of, _TEXT))


_TEXT: Final = frozenset({"type", "text", "cache_control"})


def _image(of: dict[str, Any], path: str) -> Image:
    source = _source(fields.object_(of, "source", path), path + "source.")
    if isinstance(source, Written | Nested):
        raise bad_request(path + "source.type", "must be base64, url or file")
    return Image(source, None, _cache(of), fields.rest(of, _SOURCED))


def _document(of: dict[str, Any], path: str) -> Document:
    source = _source(fields.object_(of, "source", path), path + "source.")
    return Document(source, fields.maybe_string(of, "title", path), _cache(of), fields.rest(of, _SOURCED | {"title"}))


_SOURCED: Final = frozenset({"type", "source", "cache_control"})


def _source(of: dict[str, Any], path: str) -> Inline | Link | Stored | Written | Nested:
    kind = fields.string(of, "type", path)
    match kind:
        case "base64":
            data = fields.string(of, "data", path)
            return Inline(media.sniffed(fields.string(of, "media_type", path), data), data)
        case "url":
            return Link(fields.string(of, "url", path))
        case "file":
            return Stored(fields.string(of, "file_id", path))
        case "text":
            return Written(fields.string(of, "data", path))
        case "content":
            content = of.get("content")
            if isinstance(content, str):
                return Nested((Text(content),))
            blocks = fields.objects(of, "content", path)
            return Nested(tuple(_part(block, f"{path}content[{i}].") for i, block in enumerate(blocks)))
    raise bad_request(path + "type", f"must be base64, url, file, text or content, not {kind!r}")


def _thinking(of: dict[str, Any], path: str) -> Thinking:
    signature = fields.maybe_string(of, "signature", path)
    seal = Seal(_DIALECT, "anthropic", signature) if signature else None
    return Thinking(fields.maybe_string(of, "thinking", path) or "", seal)


def _redacted(of: dict[str, Any], path: str) -> Thinking:
    return Thinking("", Seal(_DIALECT, "anthropic", fields.string(of, "data", path), "redacted"))


def _tool_use(of: dict[str, Any], path: str) -> ToolCall:
    value = fields.maybe_object(of, "input", path)
    return ToolCall(
        fields.string(of, "id", path),
        fields.string(of, "name", path),
        jsons.write_text(value) if value else "",
        by="backend" if of["type"] == "server_tool_use" else "client",
        cache=_cache(of),
        extra=fields.rest(of, _CALL),
    )


_CALL: Final = frozenset({"type", "id", "name", "input", "cache_control"})


def _tool_result(of: dict[str, Any], path: str) -> ToolResult:
    content = of.get("content")
    parts: tuple[Part, ...]
    if isinstance(content, str):
        parts = (Text(content),) if content else ()
    else:
        blocks = fields.objects(of, "content", path)
        parts = tuple(_part(block, f"{path}content[{i}].") for i, block in enumerate(blocks))
    call_id = fields.string(of, "tool_use_id", path)
    is_error = fields.maybe_bool(of, "is_error", path) or False
    return ToolResult(call_id, parts, is_error, _cache(of), fields.rest(of, _RESULT))


_RESULT: Final = frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"})

_READERS: Final[dict[str, Callable[[dict[str, Any], str], Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "server_tool_use": _tool_use,
    "tool_result": _tool_result,
}


def _gist(kind: str, of: dict[str, Any]) -> str | None:
    """What a block comes down to in plain text; None where nothing can stand for it."""
    match of:
        case {"type": "tool_reference", "tool_name": str(name)}:
            return f"The tool {name} is now available."
        case {"type": "search_result", "content": list(content)}:
            text = "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))
            return f"[{of.get('title') or ''}]({of.get('source') or ''})\n{text}"
        case {"content": {"error_code": str(code)}} if kind.endswith("_tool_result"):
            return f"[{kind.removesuffix('_tool_result')} failed: {code}]"
        case {"content": list(content)} if kind == "web_search_tool_result":
            hits = [f"- {hit.get('title')}: {hit.get('url')}" for hit in content if isinstance(hit, dict)]
            return "\n".join(("[web search results]", *hits))
        case {"content": {"tool_references": list(references)}}:
            names = ", ".join(str(r.get("tool_name")) for r in references if isinstance(r, dict))
            return f"[found tools: {names}]"
        case {"content": str(content)} if kind == "compaction":
            return f"[summary of the earlier conversation]\n{content}"
    if kind.endswith("_tool_result"):
        return f"[result of {kind.removesuffix('_tool_result')}]"
    return "" if kind in ("fallback", "tool_addition", "tool_removal") else None


def _cache(of: dict[str, Any]) -> Cache | None:
    mark = of.get("cache_control")
    if not isinstance(mark, dict):
        return None
    ttl = mark.get("ttl")
    return Cache(ttl if isinstance(ttl, str) else None)


def write_cache(cache: Cache) -> dict[str, Any]:
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def _tool(of: dict[str, Any], path: str) -> Tool:
    kind = fields.maybe_string(of, "type", path) or "custom"
    deferred = fields.maybe_bool(of, "defer_loading", path) or False
    if kind == "custom":
        name = fields.string(of, "name", path)
        if name == "DeferredToolPlaceholder" and deferred:  # Claude Code 2.1: never to be shown to a model
            return HostedTool(_DIALECT, "placeholder", of)
        return FunctionTool(
            name,
            fields.maybe_string(of, "description", path),
            of.get("input_schema"),
            fields.maybe_bool(of, "strict", path),
            deferred,
            cache=_cache(of),
            extra=fields.rest(of, _TOOL),
        )
    if (known := builtin(kind)) is not None:
        description, schema = known
        name = fields.string(of, "name", path)
        extra = fields.rest(of, frozenset({"type", "name", "defer_loading", "cache_control"}))
        return FunctionTool(name, description, schema, None, deferred, kind, cache=_cache(of), extra=extra)
    return HostedTool(_DIALECT, _hosted_kind(kind), of)


_TOOL: Final = frozenset({"type", "name", "description", "input_schema", "strict", "defer_loading", "cache_control"})
# By prefix, never by a closed list of dates: `web_search_20270101` is a web search too.
_HOSTED: Final = ("web_search", "web_fetch", "code_execution", "tool_search", "advisor", "mcp_toolset")


def _hosted_kind(kind: str) -> str:
    return next((name for name in _HOSTED if kind.startswith(name)), kind)


def _tool_choice(of: dict[str, Any]) -> ToolChoice:
    kind = of.get("type")
    match kind:
        case "auto" | "none":
            return ToolChoice(kind)
        case "any":
            return ToolChoice("required")
        case "tool":
            return ToolChoice("named", (fields.string(of, "name", "tool_choice."),))
    raise bad_request("tool_choice.type", f"must be auto, any, tool or none, not {kind!r}")


def _reasoning(of: dict[str, Any], output: dict[str, Any]) -> Reasoning:
    thinking = fields.maybe_object(of, "thinking") or {}
    said = fields.maybe_string(output, "effort", "output_config.")
    effort: Effort | None = next((known for known in _EFFORTS if known == said), None)
    if said is not None and effort is None:
        raise bad_request("output_config.effort", f"must be one of {', '.join(_EFFORTS[2:])}, not {said!r}")
    display = fields.maybe_string(thinking, "display", "thinking.")
    kind = thinking.get("type")
    match kind:
        case None:
            return Reasoning(effort=effort)
        case "enabled":
            return Reasoning("budget", effort, fields.maybe_int(thinking, "budget_tokens", "thinking."), display)
        case "adaptive":
            return Reasoning("adaptive", effort, display=display)
        case "disabled":
            return Reasoning("off", effort)
        case "between_tools":
            return Reasoning("between_tools", effort, display=display)
    raise bad_request("thinking.type", f"must be adaptive, enabled, disabled or between_tools, not {kind!r}")


def _output_format(output: dict[str, Any]) -> OutputFormat | None:
    wanted = fields.maybe_object(output, "format", "output_config.")
    if wanted is None:
        return None
    if wanted.get("type") != "json_schema":
        raise bad_request("output_config.format.type", f"must be json_schema, not {wanted.get('type')!r}")
    return OutputFormat(fields.object_(wanted, "schema", "output_config.format."))
