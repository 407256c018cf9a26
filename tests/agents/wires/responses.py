"""OpenAI Responses, as a backend hears and speaks it: what Codex needs, and its order of events."""

import base64
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.heard import Heard
from tests.agents.script import Call, FreeCall, Said, Thought, Words
from tests.agents.wires.pieces import pieces, words

PATHS: Final = ("/v1/responses",)


def read(body: Mapping[str, Any]) -> Heard:
    items = body.get("input") or []
    items = [{"type": "message", "role": "user", "content": items}] if isinstance(items, str) else items
    outputs = [item for item in items if str(item.get("type", "")).endswith("_output")]
    return Heard(
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        tools=tuple(_tools(body, items)),
        calls=tuple(item["call_id"] for item in items if item.get("type") in {"function_call", "custom_tool_call"}),
        results={item.get("call_id", ""): _text(item.get("output")) for item in outputs},
        images=tuple(_images(items)),
        asked=next((_text(i.get("content")) for i in reversed(items) if i.get("role") == "user"), ""),
    )


def _tools(body: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Name the tools, those of a namespace as `namespace.tool`. Codex sends some of them within the input."""
    offered = list(body.get("tools") or [])
    offered += [tool for item in items if item.get("type") == "additional_tools" for tool in item.get("tools") or []]
    for tool in offered:
        if tool.get("type") == "namespace":
            prefix = "" if tool["name"] == "functions" else f"{tool['name']}."
            yield from (prefix + inner["name"] for inner in tool.get("tools") or [])
        else:
            yield tool.get("name") or tool.get("type", "")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [])


def _images(items: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    for item in items:
        content = item.get("content") or item.get("output")
        for part in content if isinstance(content, list) else ():
            if part.get("type") == "input_image":
                yield base64.b64decode(part["image_url"].partition("base64,")[2])


def whole(body: Mapping[str, Any], said: Sequence[Said]) -> dict[str, Any]:
    return _response(body, "completed", [_item(thing) for thing in said])


def stream(body: Mapping[str, Any], said: Sequence[Said]) -> Iterator[bytes]:
    for number, (kind, fields) in enumerate(_events(body, said)):
        event = {"type": kind, "sequence_number": number, **fields}
        yield b"event: %b\ndata: %b\n\n" % (kind.encode(), jsons.write(event))


def _events(body: Mapping[str, Any], said: Sequence[Said]) -> Iterator[tuple[str, dict[str, Any]]]:
    items = [_item(thing) for thing in said]
    begun = _response(body, "in_progress", [])
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(items):
        yield "response.output_item.added", {"output_index": index, "item": _begun(item)}
        place = {"item_id": item["id"], "output_index": index}
        yield from ((kind, {**place, **fields}) for kind, fields in _growth(item))
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield "response.completed", {"response": {**_response(body, "completed", items), "id": begun["id"]}}


def _begun(item: Mapping[str, Any]) -> dict[str, Any]:
    empty = {"content": [], "arguments": "", "input": "", "summary": [], "status": "in_progress"}
    return {name: empty.get(name, value) for name, value in item.items()}


def _growth(item: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    match item["type"]:
        case "message":
            part, place = item["content"][0], {"content_index": 0}
            yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
            for word in words(part["text"]):
                yield "response.output_text.delta", {**place, "delta": word, "logprobs": []}
            yield "response.output_text.done", {**place, "text": part["text"], "logprobs": []}
            yield "response.content_part.done", {**place, "part": part}
        case "reasoning":
            part, place = item["summary"][0], {"summary_index": 0}
            yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
            for word in words(part["text"]):
                yield "response.reasoning_summary_text.delta", {**place, "delta": word}
            yield "response.reasoning_summary_text.done", {**place, "text": part["text"]}
            yield "response.reasoning_summary_part.done", {**place, "part": part}
        case "function_call":
            for piece in pieces(item["arguments"]):
                yield "response.function_call_arguments.delta", {"delta": piece}
            yield "response.function_call_arguments.done", {"arguments": item["arguments"]}
        case "custom_tool_call":
            for piece in pieces(item["input"]):
                yield "response.custom_tool_call_input.delta", {"delta": piece}
            yield "response.custom_tool_call_input.done", {"input": item["input"]}


def problem(status: int, message: str) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _item(thing: Said) -> dict[str, Any]:
    match thing:
        case Thought(text):
            summary = [{"type": "summary_text", "text": text}]
            return {"type": "reasoning", "id": _name("rs"), "summary": summary, "encrypted_content": "ZW5jLWxhYg=="}
        case Words(text):
            part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
            return {**_started("message", "msg"), "role": "assistant", "content": [part]}
        case Call(name, arguments, namespace):
            call = {"name": name, "arguments": jsons.write_text(arguments), "call_id": _name("call")}
            placed = {"namespace": namespace} if namespace else {}
            return {**_started("function_call", "fc"), **call, **placed}
        case FreeCall(name, text):
            return {**_started("custom_tool_call", "ctc"), "name": name, "input": text, "call_id": _name("call")}


def _started(kind: str, prefix: str) -> dict[str, Any]:
    return {"type": kind, "id": _name(prefix), "status": "completed"}


def _response(body: Mapping[str, Any], status: str, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "id": _name("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": body.get("model"),
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "temperature": 1.0,
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": [],
        "top_p": 1.0,
        "usage": _usage() if status == "completed" else None,
    }


def _usage() -> dict[str, Any]:
    return {
        "input_tokens": 1500,
        "input_tokens_details": {"cached_tokens": 300},
        "output_tokens": 42,
        "output_tokens_details": {"reasoning_tokens": 7},
        "total_tokens": 1542,
    }


def _name(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:20]}"
