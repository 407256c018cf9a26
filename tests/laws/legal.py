"""What the two APIs enforce on a history, as checks that name every breach."""

import re
from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def chat_breaches(body: Object) -> list[str]:
    """Each tool message at once behind its call, one for each id, no other; neighbours differ in their role."""
    return list(_chat_breaches(body["messages"]))


def _chat_breaches(messages: list[Object]) -> Iterator[str]:
    expected: list[str] = []
    before = ""
    for place, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            if not expected or message["tool_call_id"] != expected[0]:
                yield f"messages[{place}]: the result of {message['tool_call_id']!r} where {expected[:1]} was expected"
            expected = expected[1:]
            if not isinstance(message["content"], str) or not message["content"]:
                yield f"messages[{place}]: no text"
        elif expected:
            yield f"messages[{place}]: {expected} have no results"
            expected = []
        if role == before and role in ("user", "assistant"):
            yield f"messages[{place}]: a second message of the {role} in a row"
        if role == "system" and place > 0:
            yield f"messages[{place}]: a system message behind the start"
        calls = message.get("tool_calls", [])
        expected += [call["id"] for call in calls]
        if len(set(expected)) != len(expected):
            yield f"messages[{place}]: an id twice"
        if any(not _NAME.fullmatch(call["function"]["name"]) for call in calls):
            yield f"messages[{place}]: a name no backend takes"
        before = role
    if expected:
        yield f"{expected} have no results"


def messages_breaches(body: Object) -> list[str]:
    """PROTOCOLS A1.4."""
    return [*_messages_breaches(body["messages"], body["messages"][-1]["role"] == "assistant"), *_mark_breaches(body)]


def _messages_breaches(messages: list[Object], prefilled: bool) -> Iterator[str]:
    if messages[0]["role"] != "user":
        yield "the first message is not the user's"
    expected: list[str] = []
    seen: set[str] = set()
    before = ""
    for place, message in enumerate(messages):
        role, content = message["role"], message["content"]
        at = f"messages[{place}]"
        if not content:
            yield f"{at}: no content"
            continue
        yield from (f"{at}: an empty text" for b in content if b["type"] == "text" and not b["text"].strip())
        results = [block["tool_use_id"] for block in content if block["type"] == "tool_result"]
        if sorted(results) != sorted(expected):
            yield f"{at}: results {results} for calls {expected}"
        if any(block["type"] != "tool_result" for block in content[: len(results)]):
            yield f"{at}: other content before a result"
        calls = [block for block in content if block["type"] == "tool_use"]
        expected = [call["id"] for call in calls]
        for call in calls:
            if call["id"] in seen or not _ID.fullmatch(call["id"]) or not _NAME.fullmatch(call["name"]):
                yield f"{at}: id {call['id']!r} or name {call['name']!r}"
            if not isinstance(call["input"], dict):
                yield f"{at}: an input that is no object"
            seen.add(call["id"])
        if role == before:
            yield f"{at}: a second message of the {role} in a row"
        yield from _role_breaches(at, messages, place)
        before = role
    if expected:
        yield f"{expected} have no results"
    if (
        prefilled
        and messages[-1]["content"][-1].get("text", "x") != messages[-1]["content"][-1].get("text", "x").rstrip()
    ):
        yield "white space at the end of the answer's beginning"


def _role_breaches(at: str, messages: list[Object], place: int) -> Iterator[str]:
    message = messages[place]
    kinds = {block["type"] for block in message["content"]}
    match message["role"]:
        case "user":
            if kinds & {"tool_use", "thinking", "redacted_thinking"}:
                yield f"{at}: {kinds}"
        case "assistant":
            if kinds & {"tool_result", "image", "document"}:
                yield f"{at}: {kinds}"
            if message["content"][-1]["type"] in ("thinking", "redacted_thinking"):
                yield f"{at}: ends with thinking"
        case "system":
            if kinds != {"text"} or messages[place - 1]["role"] != "user":
                yield f"{at}: a system message of {kinds} behind {messages[place - 1]['role']}"
            if place + 1 < len(messages) and messages[place + 1]["role"] != "assistant":
                yield f"{at}: a system message before {messages[place + 1]['role']}"


def _mark_breaches(body: Object) -> Iterator[str]:
    blocks = [*body.get("tools", []), *body.get("system", []), *(b for m in body["messages"] for b in m["content"])]
    marks = [block["cache_control"] for block in blocks if "cache_control" in block]
    if len(marks) > 4:
        yield f"{len(marks)} cache marks"
    lives = [mark.get("ttl", "5m") for mark in marks]
    if lives != sorted(lives):
        yield f"cache marks in the order {lives}"
    if any("cache_control" in block for block in blocks if block.get("type", "").endswith("thinking")):
        yield "a cache mark on thinking"
