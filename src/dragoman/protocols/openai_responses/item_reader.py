"""Reading the input items of a Responses request as turns.

What one speaker says stands in several items here: reasoning, messages and calls in a row are one assistant turn, and
outputs in a row are one turn of results.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from dragoman.hub.request import (
    Cache,
    CallKind,
    Document,
    Image,
    Inline,
    Link,
    Opaque,
    Part,
    Refusal,
    Role,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from dragoman.protocols import fields, media
from dragoman.protocols.fields import Object, WrongFieldError
from dragoman.protocols.openai_responses.tool_reader import read_tools
from dragoman.wire import jsons

_DIALECT: Final = "openai-responses"
_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
}
_SIDE_OF_ASSISTANT: Final = "assistant"


def read_items(of: Object) -> tuple[Turn, ...]:
    """The member `input`, which may be a string."""
    if isinstance(of.get("input"), str):
        return (Turn("user", (Text(of["input"]),), path="input"),)
    return tuple(_turns(fields.placed(of, "input", _turn)))


def _turns(items: Iterable[Turn]) -> Iterator[Turn]:
    """Join what is one turn: assistant's items, and results."""
    for (role, results), run in itertools.groupby(items, _speaker):
        turns = list(run)
        if role == _SIDE_OF_ASSISTANT or results:
            yield Turn(turns[0].role, tuple(part for turn in turns for part in turn.parts), path=turns[0].path)
        else:
            yield from turns


def _speaker(turn: Turn) -> tuple[Role, bool]:
    return turn.role, bool(turn.parts) and all(isinstance(part, ToolResult) for part in turn.parts)


def _turn(of: Object, path: str) -> Turn:
    kind = of.get("type") or ("message" if "role" in of else None)
    if kind is None:
        raise fields.missing("type", "the kind of the item")
    if not isinstance(kind, str):
        raise fields.wrong("type", "a string", kind)
    if kind == "message":
        return _message(of, path)
    if kind in _OUTPUTS:
        return Turn("user", (_output(of, kind),), path=path)
    reader = _SAID.get(kind)
    if reader is not None:
        return Turn("assistant", (reader(of),), path=path)
    if kind in ("additional_tools", "tool_search_output"):
        tools = read_tools(of)
        if kind == "tool_search_output":
            return Turn("user", (_found_tools(of, tools),), path=path)
        return Turn("developer", (Opaque(_DIALECT, kind, of, "", tools),), path=path)
    gist = _gist(kind, of)
    return Turn("assistant" if kind.endswith("_call") else "user", (Opaque(_DIALECT, kind, of, gist),), path=path)


def _message(of: Object, path: str) -> Turn:
    role = _ROLES.get(fields.string(of, "role"))
    if role is None:
        raise WrongFieldError("role", f"must be system, developer, user or assistant, not {of['role']!r}")
    extra = fields.unnamed(of, _MESSAGE)
    content = of.get("content")
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content),) if content else ()
    else:
        parts = fields.each(of, "content", _part)
    if role == "assistant" and extra:
        # Id, status and phase belong to the item, which is a part here; newer models degrade without their phase.
        parts = tuple(_with_item(part, extra) for part in parts)
        extra = {}
    return Turn(role, parts, extra=extra, path=path)


_MESSAGE: Final = frozenset({"type", "role", "content"})


def _with_item(part: Part, extra: Object) -> Part:
    return (
        Text(part.text, part.cache, part.citations, {**part.extra, "item": extra}) if isinstance(part, Text) else part
    )


def _part(of: Object) -> Part:
    kind = fields.string(of, "type")
    match kind:
        case "input_text" | "output_text" | "text":
            return Text(fields.string(of, "text"), _cache(of), extra=fields.unnamed(of, _TEXT))
        case "refusal":
            return Refusal(fields.string(of, "refusal"))
        case "input_image":
            return _image(of)
        case "input_file":
            return _file(of)
    return Opaque(_DIALECT, kind, of)


_TEXT: Final = frozenset({"type", "text", "annotations", "logprobs", "prompt_cache_breakpoint"})


def _cache(of: Object) -> Cache | None:
    mark = of.get("prompt_cache_breakpoint")
    return Cache({"30m": "5m", "12h": "1h"}.get(str(mark.get("ttl")))) if isinstance(mark, dict) else None


def _image(of: Object) -> Image | Document:
    detail = fields.maybe_string(of, "detail")
    if file_id := fields.maybe_string(of, "file_id"):
        return Image(Stored(file_id), detail, _cache(of))
    source = media.source(fields.string(of, "image_url"))
    if isinstance(source, Inline) and source.media_type == "application/pdf":
        return Document(source, cache=_cache(of))
    return Image(source, detail, _cache(of))


def _file(of: Object) -> Document:
    title = fields.maybe_string(of, "filename")
    if file_id := fields.maybe_string(of, "file_id"):
        return Document(Stored(file_id), title, _cache(of))
    if url := fields.maybe_string(of, "file_url"):
        return Document(Link(url), title, _cache(of))
    data = fields.string(of, "file_data")
    source = media.source(data)
    if isinstance(source, Link):
        source = Inline(media.sniffed("application/octet-stream", data), data)
    return Document(source, title, _cache(of))


def _reasoning(of: Object) -> Thinking:
    """The summaries are what a client was shown; the text itself stands in `content`, where it was shown at all."""
    summary, content = _texts(of, "summary"), _texts(of, "content")
    sealed = fields.maybe_string(of, "encrypted_content")
    seal = Seal(_DIALECT, "openai", of, "encrypted") if sealed else None
    return Thinking("\n\n".join(content or summary), seal)


def _texts(of: Object, key: str) -> list[str]:
    found = of.get(key)
    pieces = found if isinstance(found, list) else []
    return [piece["text"] for piece in pieces if isinstance(piece, dict) and isinstance(piece.get("text"), str)]


def _function_call(of: Object) -> ToolCall:
    return ToolCall(
        fields.string(of, "call_id"),
        fields.string(of, "name"),
        fields.maybe_string(of, "arguments") or "",
        namespace=fields.maybe_string(of, "namespace"),
        extra=fields.unnamed(of, _CALL),
    )


def _custom_call(of: Object) -> ToolCall:
    return ToolCall(
        fields.string(of, "call_id"),
        fields.string(of, "name"),
        fields.maybe_string(of, "input") or "",
        kind="custom",
        namespace=fields.maybe_string(of, "namespace"),
        extra=fields.unnamed(of, _CALL),
    )


_CALL: Final = frozenset({"type", "call_id", "name", "arguments", "input", "namespace"})


def _structured(kind: CallKind, key: str) -> Callable[[Object], ToolCall]:
    def read(of: Object) -> ToolCall:
        said = of.get(key)
        call_id = fields.maybe_string(of, "call_id") or fields.string(of, "id")
        arguments = said if isinstance(said, dict) else {}
        if kind == "local_shell":
            arguments = {name: value for name, value in arguments.items() if name != "type"}
        return ToolCall(
            call_id, kind, jsons.write_text(arguments), kind=kind, extra=fields.unnamed(of, frozenset({"type", key}))
        )

    return read


_SAID: Final[dict[str, Callable[[Object], Part]]] = {
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "local_shell_call": _structured("local_shell", "action"),
    "shell_call": _structured("shell", "action"),
    "apply_patch_call": _structured("apply_patch", "operation"),
    "tool_search_call": _structured("tool_search", "arguments"),
}
_OUTPUTS: Final[dict[str, CallKind]] = {
    "function_call_output": "function",
    "custom_tool_call_output": "custom",
    "local_shell_call_output": "local_shell",
    "shell_call_output": "shell",
    "apply_patch_call_output": "apply_patch",
}


def _output(of: Object, kind: str) -> ToolResult:
    """`local_shell_call_output` names its call by `id`: it has no `call_id`."""
    call_id = fields.maybe_string(of, "call_id") or fields.string(of, "id")
    failed = of.get("status") == "failed"
    return ToolResult(call_id, _output_parts(of), failed, _OUTPUTS[kind], extra=fields.unnamed(of, _OUTPUT))


_OUTPUT: Final = frozenset({"type", "call_id", "output"})


def _output_parts(of: Object) -> tuple[Part, ...]:
    output = of.get("output")
    if output is None or output == "":
        return ()
    if isinstance(output, str):
        return (Text(output),)
    if isinstance(output, list) and output and "type" not in output[0]:  # of `shell`: stdout, stderr, outcome
        return (Text(jsons.write_text(output)),)
    return fields.each(of, "output", _part)


def _found_tools(of: Object, tools: Any) -> ToolResult:
    """What a search for tools found: from here on they may be called."""
    names = ", ".join(tool.name for tool in tools if hasattr(tool, "name"))
    gist = f"These tools are now available: {names}." if names else "No tools were found."
    call_id = fields.maybe_string(of, "call_id") or fields.maybe_string(of, "id") or ""
    return ToolResult(call_id, (Opaque(_DIALECT, "tool_search_output", of, gist, tools),), kind="tool_search")


def _gist(kind: str, of: Object) -> str | None:
    """What an item comes down to in plain text; None where nothing can stand for it."""
    match of:
        case {"type": "web_search_call", "action": dict(action)}:
            return f"[searched the web for: {action.get('query') or action.get('url') or ''}]"
        case {"type": "mcp_call", "name": str(name)}:
            return f"[{name}: {of.get('output') or of.get('error') or ''}]"
        case {"type": "compaction" | "compaction_trigger"}:
            return None
    if kind in ("configuration_update", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"):
        return ""
    return f"[{kind}]" if kind in _HOSTED_CALLS else None


_HOSTED_CALLS: Final = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "computer_call",
        "mcp_call",
    }
)
