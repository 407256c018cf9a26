"""Anthropic Messages, as a backend hears and speaks it."""

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.heard import Heard
from tests.agents.script import Call, FreeCall, Said, Thought, Words
from tests.agents.wires.pieces import pieces, words

PATHS: Final = ("/v1/messages",)
DELTAS: Final[Mapping[str, tuple[str, str]]] = {
    "thinking": ("thinking_delta", "thinking"),
    "text": ("text_delta", "text"),
    "tool_use": ("input_json_delta", "partial_json"),
}
EMPTY: Final[Mapping[str, Mapping[str, Any]]] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}


def read(body: Mapping[str, Any]) -> Heard:
    messages = body.get("messages") or []
    blocks = [block for message in messages for block in _blocks(message)]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    return Heard(
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        tools=tuple(tool.get("name") or tool.get("type", "") for tool in body.get("tools") or []),
        calls=tuple(block["id"] for block in blocks if block.get("type") == "tool_use"),
        results={block.get("tool_use_id", ""): _text(block.get("content")) for block in results},
        images=tuple(_images(blocks)),
        asked=next((_text(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), ""),
    )


def _blocks(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or [] if block.get("type") == "text")


def _images(blocks: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    for block in blocks:
        if block.get("type") == "image" and block["source"].get("type") == "base64":
            yield base64.b64decode(block["source"]["data"])
        elif block.get("type") == "tool_result":
            yield from _images(_blocks(block))


def whole(body: Mapping[str, Any], said: Sequence[Said]) -> dict[str, Any]:
    blocks = [_block(item) for item in said]
    return {**_empty(body), "content": blocks, "stop_reason": _reason(blocks), "usage": _usage(42)}


def stream(body: Mapping[str, Any], said: Sequence[Said]) -> Iterator[bytes]:
    blocks = [_block(item) for item in said]
    yield _frame("message_start", message=_empty(body))
    yield _frame("ping")
    for index, block in enumerate(blocks):
        kind = block["type"]
        yield _frame("content_block_start", index=index, content_block={**block, **EMPTY[kind]})
        yield from (_frame("content_block_delta", index=index, delta=delta) for delta in _deltas(block))
        yield _frame("content_block_stop", index=index)
    stop = {"stop_reason": _reason(blocks), "stop_sequence": None}
    yield _frame("message_delta", delta=stop, usage={"output_tokens": 42})
    yield _frame("message_stop")


def _deltas(block: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    kind, field = DELTAS[block["type"]]
    texts = pieces(jsons.write_text(block["input"])) if "input" in block else words(block[field])
    yield from ({"type": kind, field: text} for text in texts)
    if "signature" in block:
        yield {"type": "signature_delta", "signature": block["signature"]}


def problem(status: int, message: str) -> dict[str, Any]:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error"}
    return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}


def _block(item: Said) -> dict[str, Any]:
    match item:
        case Thought(text):
            return {"type": "thinking", "thinking": text, "signature": "c2lnLWxhYg=="}
        case Words(text):
            return {"type": "text", "text": text}
        case Call(name, arguments):
            return {"type": "tool_use", "id": _name("toolu"), "name": name, "input": arguments}
        case FreeCall(name, text):
            return {"type": "tool_use", "id": _name("toolu"), "name": name, "input": {"input": text}}


def _reason(blocks: Sequence[Mapping[str, Any]]) -> str:
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _empty(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": _name("msg"),
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(1),
    }


def _usage(output: int) -> dict[str, int]:
    return {
        "input_tokens": 1200,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 300,
        "output_tokens": output,
    }


def _name(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:20]}"


def _frame(kind: str, **fields: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), jsons.write({"type": kind, **fields}))
