"""The rules of both clients' wires: what is wrong with these bytes?

Reads with the standard library and without Dragoman's own readers, so that a mistake cannot agree with itself.
"""

import json  # noqa: TID251 - our own door must not vouch for itself
from typing import Any, Final

_GROWS: Final = {
    "text_delta": ("text",),
    "citations_delta": ("text",),
    "thinking_delta": ("thinking",),
    "signature_delta": ("thinking",),
    "input_json_delta": ("tool_use", "server_tool_use"),
}


def messages_breaches(wire: bytes) -> list[str]:
    """PROTOCOLS A1.8 and the minimum field set of E1.1. Empty if the stream is well formed."""
    wrong: list[str] = []
    events = _named_events(wire, wrong)
    kinds = [kind for kind, _ in events if kind != "ping"]
    if not kinds:
        return [*wrong, "nothing was said"]
    if kinds[0] not in ("message_start", "error"):
        wrong.append(f"begins with {kinds[0]}")
    if kinds.count("message_start") > 1:
        wrong.append("two message_start")
    if kinds[-1] not in ("message_stop", "error"):
        wrong.append(f"ends with {kinds[-1]}")
    if kinds.count("message_stop") + kinds.count("error") != 1:
        wrong.append("does not end exactly once")
    if kinds[-1] == "message_stop" and kinds[-2] != "message_delta":
        wrong.append("message_stop without message_delta")
    blocks = _Blocks()
    for kind, said in events:
        blocks.hear(kind, said)
        holder = said["message"] if kind == "message_start" else said
        if kind in ("message_start", "message_delta") and not isinstance(holder["usage"]["output_tokens"], int):
            wrong.append(f"{kind} without counts")
    return wrong + blocks.wrong


class _Blocks:
    """The blocks of one message: strictly one after another, numbered from 0, each growing as what it is."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._current: int | None = None
        self._kind = ""
        self._count = 0
        self._signed = False

    def hear(self, name: str, said: dict[str, Any]) -> None:
        match name:
            case "content_block_start":
                self._started(said)
            case "content_block_delta":
                self._grew(said["index"], said["delta"]["type"])
            case "content_block_stop":
                if said["index"] != self._current:
                    self.wrong.append(f"end of block {said['index']} inside {self._current}")
                self._current = None
            case "message_delta" | "message_stop" if self._current is not None:
                self.wrong.append(f"{name} inside block {self._current}")

    def _started(self, said: dict[str, Any]) -> None:
        if self._current is not None:
            self.wrong.append(f"block {said['index']} opens inside block {self._current}")
        if said["index"] != self._count:
            self.wrong.append(f"block {said['index']} where {self._count} was due")
        self._current, self._kind, self._signed = said["index"], said["content_block"]["type"], False
        self._count += 1

    def _grew(self, index: int, delta: str) -> None:
        if index != self._current:
            self.wrong.append(f"growth of block {index} inside {self._current}")
        if self._kind not in _GROWS[delta]:
            self.wrong.append(f"{delta} in a block of type {self._kind}")
        if self._signed:
            self.wrong.append("something after the signature")
        self._signed = delta == "signature_delta"


def chat_breaches(wire: bytes) -> list[str]:
    """PROTOCOLS A2.5 and the minimum field set of E1.2. Empty if the stream is well formed."""
    wrong: list[str] = []
    frames = _data_lines(wire, wrong)
    done = [n for n, data in enumerate(frames) if data == "[DONE]"]
    chunks = [json.loads(data) for data in frames if data != "[DONE]"]
    failed = bool(chunks) and "error" in chunks[-1]
    if failed == bool(done) or len(done) > 1 or (done and done[0] != len(frames) - 1):
        wrong.append("ends neither in [DONE] nor in an error, or not exactly once")
    chunks = chunks[:-1] if failed else chunks
    roles, finishes, calls = 0, 0, dict[int, dict[str, Any]]()
    for chunk in chunks:
        missing = {"id", "object", "created", "model", "choices"} - chunk.keys()
        if missing or chunk["object"] != "chat.completion.chunk":
            wrong.append(f"a chunk without {missing}")
        for choice in chunk["choices"]:
            finishes += choice["finish_reason"] is not None
            roles += "role" in choice["delta"]
            _check_calls(choice["delta"].get("tool_calls", ()), calls, wrong)
            if any("index" not in citation for citation in choice["delta"].get("annotations", ())):
                wrong.append("an annotation without index")
    if any("usage" in chunk for chunk in chunks[:-1]):
        wrong.append("usage before the last chunk")
    if chunks and (roles != 1 or "role" not in chunks[0]["choices"][0]["delta"]):
        wrong.append(f"{roles} roles, or not first")
    if not failed and finishes != 1:
        wrong.append(f"{finishes} finish reasons")
    return wrong


def _check_calls(entries: list[dict[str, Any]], calls: dict[int, dict[str, Any]], wrong: list[str]) -> None:
    for entry in entries:
        first = entry["index"] not in calls
        if first:
            if entry["index"] != len(calls):
                wrong.append(f"call {entry['index']} where {len(calls)} was due")
            if not entry.get("id") or entry.get("type") != "function" or not entry["function"].get("name"):
                wrong.append(f"a call begins without id, type or name: {entry}")
            if any(call["id"] == entry.get("id") for call in calls.values()):
                wrong.append("two calls with one id")
            calls[entry["index"]] = entry
        elif set(entry) - {"index", "function"} or set(entry["function"]) - {"arguments"}:
            wrong.append(f"a call's id, type or name is said twice: {entry}")


def messages_blocks(wire: bytes) -> list[dict[str, Any]]:
    """The content as a client would gather it; growth stays text, so that arguments can be compared byte by byte."""
    blocks: list[dict[str, Any]] = []
    for kind, said in _named_events(wire, []):
        if kind == "content_block_start":
            blocks.append({**said["content_block"], "grown": ""})
        elif kind == "content_block_delta":
            delta = said["delta"]
            field = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
            if delta["type"] in field:
                blocks[said["index"]]["grown"] += delta[field[delta["type"]]]
            elif delta["type"] == "signature_delta":
                blocks[said["index"]]["signature"] = delta["signature"]
    return blocks


def chat_calls(wire: bytes) -> list[dict[str, Any]]:
    """The tool calls as a client would gather them: id, name, arguments."""
    calls: dict[int, dict[str, Any]] = {}
    for data in _data_lines(wire, []):
        if data == "[DONE]":
            break
        for choice in json.loads(data)["choices"]:
            for entry in choice["delta"].get("tool_calls", ()):
                call = calls.setdefault(entry["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] += entry.get("id", "")
                call["name"] += entry["function"].get("name", "")
                call["arguments"] += entry["function"]["arguments"]
    return list(calls.values())


def _named_events(wire: bytes, wrong: list[str]) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in _blocks(wire, wrong):
        lines = block.split("\n")
        if len(lines) != 2 or not lines[0].startswith("event: ") or not lines[1].startswith("data: "):
            wrong.append(f"not an event line and a data line: {block[:100]!r}")
            continue
        said = json.loads(lines[1][6:])
        if said["type"] != lines[0][7:]:
            wrong.append(f"event {lines[0][7:]} says it is {said['type']}")
        events.append((said["type"], said))
    return events


def _data_lines(wire: bytes, wrong: list[str]) -> list[str]:
    frames = []
    for block in _blocks(wire, wrong):
        if not block.startswith("data: ") or "\n" in block:
            wrong.append(f"not one data line: {block[:100]!r}")
            continue
        frames.append(block[6:])
    return frames


def _blocks(wire: bytes, wrong: list[str]) -> list[str]:
    if wire and not wire.endswith(b"\n\n"):
        wrong.append("the last event has no blank line")
    if b"\r" in wire:
        wrong.append("a carriage return")
    return [block for block in wire.decode().split("\n\n") if block]
