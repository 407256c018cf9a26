"""The one form of a Responses request among those that mean the same, as the request reader's docstring defines it.

Written independently of the codec: plain functions on JSON.
"""

from typing import Any, Final

from tests.laws.canonical import TRUE_TYPES, without_nulls

Object = dict[str, Any]

_KNOWN: Final = (
    *("instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens", "temperature", "top_p"),
    *(
        "reasoning",
        "text",
        "stream",
        "store",
        "include",
        "prompt_cache_key",
        "service_tier",
        "safety_identifier",
        "user",
    ),
    *("metadata", "truncation", "top_logprobs", "client_metadata", "x_new", "x_newer", "zz"),
)
_ENCRYPTED: Final = "reasoning.encrypted_content"


def responses(body: Object) -> Object:
    """The canonical form of a Responses request."""
    said = without_nulls(body, *_KNOWN)
    if not said.get("instructions", "x"):
        del said["instructions"]
    given = body["input"]
    given = [{"role": "user", "content": given}] if isinstance(given, str) else given
    said["input"] = [_item(item) for item in given]
    if tools := _tools(said.pop("tools", [])):
        said["tools"] = tools
    else:
        said.pop("tool_choice", None)
        said.pop("parallel_tool_calls", None)
    if not said.get("stream"):
        said.pop("stream", None)
    include = said.get("include", [])
    return {**said, "store": False, "include": include if _ENCRYPTED in include else [*include, _ENCRYPTED]}


def _item(item: Object) -> Object:
    match item.get("type", "message"):
        case "message":
            return _message(item)
        case "function_call" | "custom_tool_call":
            return without_nulls(item, "namespace")
        case "local_shell_call":
            return {**item, "action": {"type": "exec", **item["action"]}}
        case "shell_call_output":
            return {**item, "output": item["output"] or ""}
        case "function_call_output" | "custom_tool_call_output" | "apply_patch_call_output":
            return {**item, "output": _output(item["output"])}
    return item


def _message(item: Object) -> Object:
    content, kind = item["content"], "output_text" if item["role"] == "assistant" else "input_text"
    if item["role"] == "assistant" and (
        not content
        or any(
            part["type"] == "input_audio" or part["type"] == "input_hologram"
            for part in content
            if isinstance(part, dict)
        )
    ):
        return item  # of nothing that is known: as it is
    parts = [{"type": kind, "text": content}] if isinstance(content, str) and content else content or []
    return {**item, "type": "message", "content": [_part(part) for part in parts]}


def _part(part: Object) -> Object:
    match part["type"]:
        case "output_text":
            return {"annotations": [], **part}
        case "input_image":
            return {**part, "detail": part.get("detail") or "auto"}
        case "input_file":
            said = without_nulls(part, "filename")
            if "file_data" not in part:
                return said
            head, _, data = part["file_data"].partition(";base64,")
            kind = TRUE_TYPES.get(data[:5], head)
            return {
                **said,
                "filename": part.get("filename") or "document.pdf",
                "file_data": f"data:{kind};base64,{data}",
            }
    return part


def _output(output: Any) -> Any:
    pieces = [_part(piece) for piece in output] if isinstance(output, list) else output or ""
    if isinstance(pieces, list) and len(pieces) == 1 and pieces[0].keys() == {"type", "text"}:
        return pieces[0]["text"]
    return pieces or ""


def _tools(tools: list[Object]) -> list[Object]:
    done: list[Object] = []
    namespaces: dict[str, Object] = {}
    for tool in tools:
        if tool["type"] != "namespace" or not tool["tools"]:
            done.append(_tool(tool))
            continue
        inner = [_tool(one) for one in tool["tools"]]
        if tool["name"] in namespaces:
            namespaces[tool["name"]]["tools"] += inner
        else:
            namespaces[tool["name"]] = {**tool, "tools": inner}
            done.append(namespaces[tool["name"]])
    return done


def _tool(tool: Object) -> Object:
    match tool["type"]:
        case "function":
            said = without_nulls(tool, "description", "parameters", "strict", "defer_loading")
            return said if said.get("defer_loading") else {k: v for k, v in said.items() if k != "defer_loading"}
        case "custom":
            return {**without_nulls(tool, "description"), "format": tool.get("format") or {"type": "text"}}
    return tool
