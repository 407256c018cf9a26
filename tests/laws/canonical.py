"""The one form of a request among those that mean the same, as the request readers' docstrings define it.

Written independently of the codecs: plain functions on JSON.
"""

from typing import Any

Object = dict[str, Any]


def in_order(value: Any) -> Any:
    """The value, such that the order of an object's members counts when it is compared."""
    if isinstance(value, dict):
        return [(key, in_order(item)) for key, item in value.items()]
    return [in_order(item) for item in value] if isinstance(value, list) else value


def without_nulls(of: Object, *keys: str) -> Object:
    return {key: value for key, value in of.items() if key not in keys or value is not None}


# Messages


def messages(body: Object) -> Object:
    """The canonical form of a Messages request."""
    said = without_nulls(
        body,
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
    )
    turns = [turn for turn in map(_turn, body["messages"]) if turn is not None]
    system = _blocks(said.pop("system", ""))
    while turns and turns[0]["role"] == "system":
        system += turns.pop(0)["content"]
    said["messages"] = turns
    if system:
        said["system"] = system
    if tools := [_tool(tool) for tool in said.pop("tools", [])]:
        said["tools"] = tools
    if "tool_choice" in said:
        choice = without_nulls(said.pop("tool_choice"), "disable_parallel_tool_use")
        if choice["type"] == "none":
            choice.pop("disable_parallel_tool_use", None)
        if tools:
            said["tool_choice"] = choice
    stop = said.pop("stop_sequences", [])
    if stop := [s for s in ([stop] if isinstance(stop, str) else stop) if s.strip()]:
        said["stop_sequences"] = stop
    if not said.get("stream"):
        said.pop("stream", None)
    if "metadata" in said:
        said["metadata"] = without_nulls(said["metadata"], "user_id")
    if "output_config" in said:
        said["output_config"] = without_nulls(said["output_config"], "effort", "format")
    if "thinking" in said:
        said["thinking"] = without_nulls(said["thinking"], "display")
    return {key: value for key, value in said.items() if value != {} or key not in ("metadata", "output_config")}


def _turn(turn: Object) -> Object | None:
    content = _blocks(turn["content"])
    return {**turn, "content": content} if content or turn["content"] in ([], "") else None


def _blocks(content: Any) -> list[Object]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if content == "":
        blocks = []
    return [block for block in map(_block, blocks) if block]


def _block(block: Object) -> Object:
    said = without_nulls(block, "cache_control")
    match block["type"]:
        case "tool_use" | "server_tool_use":
            said["input"] = block.get("input") or {}
        case "tool_result":
            content = _blocks(said.pop("content", None) or "")
            if content:
                said["content"] = content
            if not said.get("is_error"):
                said.pop("is_error", None)
        case "thinking":
            said = {"signature": "", "thinking": "", **without_nulls(said, "signature", "thinking")}
            if not said["signature"] and not said["thinking"]:
                return {}
        case "image":
            said["source"] = _source(block["source"])
        case "document":
            said = without_nulls(said, "title")
            said["source"] = _source(block["source"])
    return said


TRUE_TYPES = {
    "iVBOR": "image/png",
    "/9j/4": "image/jpeg",
    "R0lGO": "image/gif",
    "UklGR": "image/webp",
    "JVBER": "application/pdf",
}


def _source(source: Object) -> Object:
    if source["type"] == "base64":
        return {**source, "media_type": TRUE_TYPES.get(source["data"][:5], source["media_type"])}
    if source["type"] == "text":
        return {**source, "media_type": "text/plain"}
    return {**source, "content": _blocks(source["content"])} if source["type"] == "content" else source


def _tool(tool: Object) -> Object:
    said = without_nulls(tool, "type", "description", "input_schema", "strict", "defer_loading", "cache_control")
    if said.get("type") == "custom":
        del said["type"]
    if not said.get("defer_loading"):
        said.pop("defer_loading", None)
    if not said.get("input_examples", True):
        del said["input_examples"]
    return said


# Chat Completions


def chat(body: Object) -> Object:
    """The canonical form of a Chat Completions request, for a backend that reads `max_completion_tokens` and
    `reasoning_content` and no null content.
    """
    said = {key: value for key, value in body.items() if value is not None or key not in _CHAT}
    said["messages"] = [_message(message) for message in body["messages"]]
    limit = said.pop("max_tokens", None)
    if limit is not None:
        said.setdefault("max_completion_tokens", limit)
    stop = said.pop("stop", [])
    if stop := [s for s in ([stop] if isinstance(stop, str) else stop) if s]:
        said["stop"] = stop
    tools = [_chat_tool(tool) for tool in said.pop("tools", [])]
    tools += [_chat_tool({"type": "function", "function": function}) for function in said.pop("functions", [])]
    choice = said.pop("tool_choice", None) or said.pop("function_call", None)
    said.pop("function_call", None)
    parallel = said.pop("parallel_tool_calls", None)
    if tools:
        said["tools"] = tools
        if parallel is not None:
            said["parallel_tool_calls"] = parallel
        if choice is not None:
            said["tool_choice"] = {"type": "function", "function": choice} if "name" in choice else choice
    if said.get("response_format", {}).get("type") == "text":
        del said["response_format"]
    if said.get("response_format", {}).get("type") == "json_schema":
        schema = without_nulls(said["response_format"]["json_schema"], "strict", "description")
        said["response_format"] = {**said["response_format"], "json_schema": schema}
    options = said.pop("stream_options", None) or {}
    if not said.get("stream"):
        said.pop("stream", None)
    else:
        said["stream_options"] = {**options, "include_usage": True}
    return said


_CHAT = frozenset(
    [
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "max_tokens",
        "max_completion_tokens",
        "stop",
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "n",
        "reasoning_effort",
        "response_format",
        "stream",
        "stream_options",
        "prompt_cache_key",
        "service_tier",
    ]
)


def _message(message: Object) -> Object:
    said = without_nulls(message, "name", "refusal", "tool_calls", "reasoning_content", "reasoning", "function_call")
    said["content"], refused = _parts(message.get("content"))
    if message["role"] == "assistant":
        thought = said.pop("reasoning_content", None) or said.pop("reasoning", None)
        said.pop("reasoning", None)
        if thought:
            said["reasoning_content"] = thought
        if not said.get("reasoning_details", True):
            del said["reasoning_details"]
        if refusal := refused + said.pop("refusal", ""):
            said["refusal"] = refusal
        calls = [_call(call) for call in said.pop("tool_calls", [])]
        if (legacy := said.pop("function_call", None)) is not None:
            function = {"name": legacy["name"], "arguments": legacy.get("arguments") or "{}"}
            calls.append({"id": f"call_legacy_{legacy['name']}", "type": "function", "function": function})
        if calls:
            said["tool_calls"] = calls
    if message["role"] == "function":
        name = said.pop("name")
        return {**said, "role": "tool", "tool_call_id": f"call_legacy_{name}"}
    return said


def _call(call: Object) -> Object:
    said = {"type": "function", **{key: value for key, value in call.items() if key != "index"}}
    if said["type"] == "function":
        said["function"] = {**call["function"], "arguments": call["function"].get("arguments") or "{}"}
    else:
        said["custom"] = {**call["custom"], "input": call["custom"].get("input") or ""}
    return said


def _parts(content: Any) -> tuple[Any, str]:
    if content is None or content == [] or isinstance(content, str):
        return content or "", ""
    refused = "".join(part["refusal"] for part in content if part["type"] == "refusal")
    parts = [_part(part) for part in content if part["type"] != "refusal"]
    if len(parts) == 1 and parts[0].keys() == {"type", "text"}:
        return parts[0]["text"], refused
    return parts or "", refused


def _part(part: Object) -> Object:
    if part["type"] == "image_url":
        image = {"url": part["image_url"]} if isinstance(part["image_url"], str) else part["image_url"]
        image = without_nulls({**image, "url": _data_url(image["url"])}, "detail")
        if image["url"].startswith("data:application/pdf"):
            return {"type": "file", "file": {"filename": "document.pdf", "file_data": image["url"]}}
        return {**part, "image_url": image}
    if part["type"] == "file":
        file = without_nulls(part["file"], "filename", "file_id")
        if "file_id" not in file:
            file = {"filename": "document.pdf", **file, "file_data": _data_url(file["file_data"])}
        return {**part, "file": file}
    return part


def _data_url(url: str) -> str:
    if not url.startswith("data:"):
        return url
    head, _, data = url.partition(",")
    return f"data:{TRUE_TYPES.get(data[:5], head[5:].split(';')[0])};base64,{data}"


def _chat_tool(tool: Object) -> Object:
    said = {"type": "function", **tool}
    if said["type"] == "function":
        said["function"] = without_nulls(said["function"], "description", "parameters", "strict")
    else:
        said["custom"] = without_nulls(said["custom"], "description")
    return said
