"""The rules of the clients' wires: what is wrong with these bytes?

Reads with the standard library and without Dragoman's own readers, so that a mistake cannot agree with itself.
"""

import json  # noqa: TID251 - our own door must not vouch for itself
from collections.abc import Callable
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
        self._arguments = ""

    def hear(self, name: str, said: dict[str, Any]) -> None:
        match name:
            case "content_block_start":
                self._started(said)
            case "content_block_delta":
                self._grew(said["index"], said["delta"]["type"])
                self._arguments += said["delta"].get("partial_json", "")
                if self._arguments and not self._arguments.startswith("{"):
                    self.wrong.append(
                        f"the arguments of block {said['index']} begin as no object, which SDKs parse at once"
                    )
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
        self._arguments = ""
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


def responses_breaches(wire: bytes) -> list[str]:
    """PROTOCOLS A3.5 and the minimum field set of E1.3. Empty if the stream is well formed."""
    wrong: list[str] = []
    if not wire.endswith(b"data: [DONE]\n\n"):
        wrong.append("does not end in [DONE]")
    events = _named_events(wire.removesuffix(b"data: [DONE]\n\n"), wrong)
    events = [(kind, said) for kind, said in events if kind != "keepalive"]
    if not events:
        return [*wrong, "nothing was said"]
    if [said.get("sequence_number") for _, said in events] != list(range(len(events))):
        wrong.append("sequence numbers are not 0, 1, 2, ...")
    kinds = [kind for kind, _ in events]
    if kinds[:2] != ["response.created", "response.in_progress"] or kinds.count("response.created") > 1:
        wrong.append(f"begins with {kinds[:2]}")
    ends = [n for n, kind in enumerate(kinds) if kind in _ENDS]
    if ends != [len(kinds) - 1]:
        wrong.append(f"does not end exactly once: {ends} of {len(kinds)}")
    items = _Items()
    for kind, said in events:
        items.hear(kind, said)
    if len({said["response"]["id"] for _, said in events if "response" in said}) > 1:
        wrong.append("the response changes its id")
    return wrong + items.wrong


_ENDS: Final = ("response.completed", "response.incomplete", "response.failed")
_RESPONSE: Final = {
    *(
        "id",
        "object",
        "created_at",
        "status",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "model",
        "output",
    ),
    *(
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "tool_choice",
        "tools",
        "max_output_tokens",
        "previous_response_id",
    ),
    *("reasoning", "store", "text", "truncation", "usage", "user"),
}
# How an item grows: the event of its growth, and where the whole of it stands in the item.
_OF_ITEM: Final = {
    "response.output_text.delta": ("message", "text"),
    "response.refusal.delta": ("message", "refusal"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary"),
    "response.reasoning_text.delta": ("reasoning", "content"),
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
}


class _Items:
    """The output items of one response: identities never change, and what grew is what there is in the end."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self._added: dict[int, dict[str, Any]] = {}
        self._parts: set[int] = set()
        self._grown: dict[int, str] = {}
        self._done: dict[int, dict[str, Any]] = {}

    def hear(self, kind: str, said: dict[str, Any]) -> None:
        if "response" in said:
            self._lifecycle(kind, said["response"])
        elif kind == "response.output_item.added":
            self._opened(said["output_index"], said["item"])
        elif kind == "response.output_item.done":
            self._finished(said["output_index"], said["item"])
        else:
            self._on_item(kind, said)

    def _lifecycle(self, kind: str, response: dict[str, Any]) -> None:
        if missing := _RESPONSE - response.keys():
            self.wrong.append(f"{kind} without {sorted(missing)}")
        if response["status"] != {"response.created": "in_progress"}.get(kind, kind.removeprefix("response.")):
            self.wrong.append(f"{kind} with status {response['status']}")
        if response["output"] != [self._done[index] for index in sorted(self._done)]:
            self.wrong.append(f"the output of {kind} is not what its items were")
        if kind in ("response.completed", "response.incomplete"):
            if self._done.keys() != self._added.keys():
                self.wrong.append(f"{kind} with unfinished items")
            if not response["usage"]["input_tokens_details"] or not response["usage"]["output_tokens_details"]:
                self.wrong.append(f"{kind} without all counts")

    def _opened(self, index: int, item: dict[str, Any]) -> None:
        if index != len(self._added):
            self.wrong.append(f"item {index} where {len(self._added)} was due")
        if any(item["id"] == other["id"] for other in self._added.values()):
            self.wrong.append(f"two items are {item['id']}")
        ours = item["type"] in ("function_call", "custom_tool_call")
        if ours and any(item["call_id"] == other.get("call_id") for other in self._added.values()):
            self.wrong.append(f"two calls are {item['call_id']}")
        empty = {"message": ("content", []), "function_call": ("arguments", ""), "custom_tool_call": ("input", "")}
        if item["type"] in empty:
            key, value = empty[item["type"]]
            if item[key] != value or item["status"] != "in_progress":
                self.wrong.append(f"an item does not begin empty: {item}")
        self._added[index], self._grown[index] = item, ""

    def _on_item(self, kind: str, said: dict[str, Any]) -> None:
        index = said["output_index"]
        item = self._added.get(index)
        if item is None or index in self._done or said["item_id"] != item["id"]:
            self.wrong.append(f"{kind} on an item that is not open: {said}")
            return
        if kind.endswith("part.added"):
            self._parts.add(index)
        if kind in _OF_ITEM:
            if item["type"] != _OF_ITEM[kind][0] or (
                item["type"] in ("message", "reasoning") and index not in self._parts
            ):
                self.wrong.append(f"{kind} out of place: {said}")
            self._grown[index] += said["delta"]
        whole = said.get("text", said.get("arguments", said.get("input", said.get("refusal", self._grown[index]))))
        if whole != (self._grown[index] or ("{}" if "arguments" in said else "")):
            self.wrong.append(f"{kind} is not what grew: {said}")

    def _finished(self, index: int, item: dict[str, Any]) -> None:
        added = self._added[index]
        fixed = (
            ("type", "id")
            if item["type"] in ("reasoning", "message")
            else ("type", "id", "call_id", "name", "namespace")
        )
        if any(item.get(key) != added.get(key) for key in fixed):
            self.wrong.append(f"an item changed: {added} became {item}")
        if item["type"] in ("message", "function_call", "custom_tool_call"):
            if item["status"] not in ("completed", "incomplete"):
                self.wrong.append(f"done, but {item['status']}")
            part = item["content"][0] if item["type"] == "message" else item
            whole = next(part[key] for key in ("text", "refusal", "arguments", "input") if key in part)
            if whole != self._grown[index] and (self._grown[index] or whole != "{}"):
                self.wrong.append(f"an item is not what grew: {item}")
        self._done[index] = item


BREACHES: Final[dict[str, Callable[[bytes], list[str]]]] = {
    "anthropic-messages": messages_breaches,
    "openai-chat": chat_breaches,
    "openai-responses": responses_breaches,
}


def responses_items(wire: bytes) -> list[dict[str, Any]]:
    """The items as Codex gathers them."""
    events = _named_events(wire.removesuffix(b"data: [DONE]\n\n"), [])
    return [said["item"] for kind, said in events if kind == "response.output_item.done"]


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
