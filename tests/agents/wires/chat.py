"""OpenAI Chat Completions, as a strict backend hears and speaks it."""

import base64
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.heard import Heard
from tests.agents.script import Call, FreeCall, Said, Thought, Words
from tests.agents.wires.pieces import pieces, words

PATHS: Final = ("/v1/chat/completions",)
ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
PARTS: Final = frozenset({"text", "image_url", "file", "input_audio", "refusal"})

# Fields of other dialects: a backend that checks its input refuses them.
FOREIGN: Final = frozenset({
    "system", "thinking", "output_config", "context_management", "stop_sequences", "input",
    "instructions", "include", "max_output_tokens", "anthropic_version", "anthropic_beta",
})  # fmt: skip


def read(body: Mapping[str, Any]) -> Heard:
    messages = body.get("messages") or []
    return Heard(
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        tools=tuple((tool.get("function") or {}).get("name", "") for tool in body.get("tools") or []),
        calls=tuple(call["id"] for message in messages for call in message.get("tool_calls") or []),
        results={
            message.get("tool_call_id", ""): _text(message.get("content"))
            for message in messages
            if message.get("role") == "tool"
        },
        images=tuple(_images(messages)),
        asked=next((_text(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), ""),
        complaints=tuple(_complaints(body, messages)),
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [] if part.get("type") == "text")


def _parts(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def _images(messages: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for message in messages:
        for part in _parts(message):
            if part.get("type") == "image_url":
                yield base64.b64decode(part["image_url"]["url"].partition("base64,")[2])


def _complaints(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what a strict backend would refuse with status 400."""
    yield from (f"{name}: not a field of Chat Completions" for name in sorted(FOREIGN & body.keys()))
    waiting: list[str] = []
    for number, message in enumerate(messages):
        role, where = message.get("role"), f"messages[{number}]"
        if role not in ROLES:
            yield f"{where}.role: {role!r} is unknown"
        yield from (
            f"{where}.content: a part of type {part.get('type')!r}"
            for part in _parts(message)
            if part.get("type") not in PARTS
        )
        if role == "tool" and any(part.get("type") != "text" for part in _parts(message)):
            yield f"{where}.content: a tool message may hold text only"
        if role == "tool" and message.get("tool_call_id") in waiting:
            waiting.remove(message["tool_call_id"])
        elif role == "tool":
            yield f"{where}: answers no call of the assistant message before it"
        elif waiting:
            yield f"{where}: comes before the results of {len(waiting)} tool calls"
            waiting = []
        waiting += [call["id"] for call in message.get("tool_calls") or []]


def whole(body: Mapping[str, Any], said: Sequence[Said]) -> dict[str, Any]:
    calls = _calls(said)
    message: dict[str, Any] = {"role": "assistant", "content": _joined(said, Words) or None}
    if thought := _joined(said, Thought):
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": _reason(calls), "logprobs": None}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _usage()}


def stream(body: Mapping[str, Any], said: Sequence[Said]) -> Iterator[bytes]:
    head, calls = _head(body, "chat.completion.chunk"), _calls(said)

    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return _frame({**head, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    yield from (chunk({"reasoning_content": word}) for word in words(_joined(said, Thought)))
    yield from (chunk({"content": word}) for word in words(_joined(said, Words)))
    for index, call in enumerate(calls):
        named = {**call, "function": {**call["function"], "arguments": ""}}
        yield chunk({"tool_calls": [{"index": index, **named}]})
        for piece in pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _reason(calls))
    if (body.get("stream_options") or {}).get("include_usage"):  # real backends count only for those who ask
        yield _frame({**head, "choices": [], "usage": _usage()})
    yield b"data: [DONE]\n\n"


def problem(status: int, message: str) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    name = f"chatcmpl-{uuid.uuid4().hex[:16]}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": body.get("model")}


def _joined(said: Sequence[Said], kind: type[Thought | Words]) -> str:
    return "".join(item.text for item in said if isinstance(item, Thought | Words) and type(item) is kind)


def _calls(said: Sequence[Said]) -> list[dict[str, Any]]:
    return [
        {"id": f"call_{uuid.uuid4().hex[:12]}", "type": "function", "function": _function(item)}
        for item in said
        if isinstance(item, Call | FreeCall)
    ]


def _function(call: Call | FreeCall) -> dict[str, str]:
    arguments = {"input": call.text} if isinstance(call, FreeCall) else call.arguments
    return {"name": call.name, "arguments": jsons.write_text(arguments)}


def _reason(calls: Sequence[object]) -> str:
    return "tool_calls" if calls else "stop"


def _usage() -> dict[str, Any]:
    return {
        "prompt_tokens": 1500,
        "completion_tokens": 42,
        "total_tokens": 1542,
        "prompt_tokens_details": {"cached_tokens": 300},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }


def _frame(value: object) -> bytes:
    return b"data: %b\n\n" % jsons.write(value)
