"""Messages of a Chat Completions request, part by part."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Cache,
    Document,
    Image,
    Inline,
    Link,
    Opaque,
    Part,
    Refusal,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from tests.asking import C, read

Object = dict[str, Any]


def turn(**message: object) -> Turn:
    return read(C, {"model": "m", "messages": [message]}).turns[0]


@pytest.mark.parametrize(
    ("message", "known"),
    [
        ({"role": "system", "content": "a"}, Turn("system", (Text("a"),))),
        ({"role": "developer", "content": "a", "name": "n"}, Turn("developer", (Text("a"),), "n")),
        ({"role": "user", "content": ""}, Turn("user", ())),
        ({"role": "user"}, Turn("user", ())),
        ({"role": "user", "content": None, "x": 1}, Turn("user", (), extra={"x": 1})),
        ({"role": "tool", "tool_call_id": "a", "content": "b"}, Turn("user", (ToolResult("a", (Text("b"),)),))),
        (
            {"role": "tool", "tool_call_id": "a", "name": "f", "content": [{"type": "text", "text": "b"}]},
            Turn("user", (ToolResult("a", (Text("b"),), extra={"name": "f"}),)),
        ),
        ({"role": "function", "name": "f", "content": "b"}, Turn("user", (ToolResult("call_legacy_f", (Text("b"),)),))),
        ({"role": "assistant"}, Turn("assistant", ())),
    ],
)
def test_roles(message: Object, known: Turn) -> None:
    said = turn(**message)
    assert (said.role, said.parts, said.name, said.extra) == (known.role, known.parts, known.name, known.extra)
    assert said.path == "messages[0]"


CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "refusal": "b"}, (Text("a"), Refusal("b"))),
        ({"content": [{"type": "refusal", "refusal": "b"}]}, (Refusal("b"),)),
        ({"reasoning_content": "r", "reasoning": "s", "content": "a"}, (Thinking("r"), Text("a"))),
        ({"reasoning": "s"}, (Thinking("s"),)),
        ({"reasoning_content": "", "reasoning": None}, ()),
        ({"reasoning_details": [{"x": 1}]}, (Thinking("", Seal(C, "", [{"x": 1}], "details")),)),
        ({"tool_calls": [CALL]}, (ToolCall("a", "f", "{}"),)),
        ({"tool_calls": [{"id": "a", "function": {"name": "f"}}]}, (ToolCall("a", "f"),)),
        (
            {"tool_calls": [{**CALL, "index": 0, "x": 1, "function": {"name": "f", "arguments": None, "y": 2}}]},
            (ToolCall("a", "f", extra={"x": 1, "function": {"y": 2}}),),
        ),
        (
            {"tool_calls": [{"id": "a", "type": "custom", "custom": {"name": "f", "input": "x", "y": 2}}]},
            (ToolCall("a", "f", "x", kind="custom", extra={"custom": {"y": 2}}),),
        ),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("call_legacy_f", "f", "{}"),)),
    ],
)
def test_what_the_assistant_says(message: Object, parts: tuple[Part, ...]) -> None:
    assert turn(role="assistant", **message).parts == parts


PDF = "data:application/pdf;base64,JVBERi0="


@pytest.mark.parametrize(
    ("part", "known"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        ({"type": "text", "text": "a", "x": 1}, Text("a", extra={"x": 1})),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            Text("a", Cache("5m"), extra={"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}),
        ),
        (
            {"type": "text", "text": "a", "cache_control": {"ttl": "1h"}},
            Text("a", Cache("1h"), extra={"cache_control": {"ttl": "1h"}}),
        ),
        ({"type": "text", "text": "a", "cache_control": {}}, Text("a", Cache(), extra={"cache_control": {}})),
        ({"type": "image_url", "image_url": {"url": "u", "detail": "low"}}, Image(Link("u"), "low")),
        ({"type": "image_url", "image_url": "u"}, Image(Link("u"))),
        ({"type": "image_url", "image_url": {"url": "u", "x": 1}}, Image(Link("u"), extra={"image_url": {"x": 1}})),
        ({"type": "image_url", "image_url": {"url": PDF}}, Document(Inline("application/pdf", "JVBERi0="))),
        ({"type": "file", "file": {"file_id": "f", "filename": "n"}}, Document(Stored("f"), "n")),
        (
            {"type": "file", "file": {"file_data": PDF, "x": 1}},
            Document(Inline("application/pdf", "JVBERi0="), extra={"file": {"x": 1}}),
        ),
        ({"type": "file", "file": {"file_data": "JVBERi0="}}, Document(Inline("application/pdf", "JVBERi0="))),
        ({"type": "file", "file": {"file_data": "https://a.example"}}, Document(Link("https://a.example"))),
        ({"type": "input_audio", "x": 1}, Opaque(C, "input_audio", {"type": "input_audio", "x": 1})),
    ],
)
def test_parts(part: Object, known: Part) -> None:
    assert turn(role="user", content=[part]).parts == (known,)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({}, ".role: is required"),
        ({"role": 7}, ".role: must be a string"),
        ({"role": "robot"}, ".role: must be system, developer, user, assistant or tool, not 'robot'"),
        ({"role": "tool"}, ".tool_call_id: is required"),
        ({"role": "function"}, ".name: is required"),
        ({"role": "user", "name": 7}, ".name: must be a string"),
        ({"role": "user", "content": 7}, ".content: must be a list"),
        ({"role": "user", "content": [{"type": "text"}]}, ".content[0].text: is required"),
        ({"role": "user", "content": [{"type": "image_url"}]}, ".content[0].image_url: is required"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            ".content[0].image_url.url: is required",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, ".content[0].file.file_data: is required"),
        ({"role": "assistant", "reasoning_content": []}, ".reasoning_content: must be a string"),
        ({"role": "assistant", "tool_calls": [{}]}, ".tool_calls[0].id: is required"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, ".tool_calls[0].function: is required"),
        ({"role": "assistant", "tool_calls": [{"id": "a", "type": "custom"}]}, ".tool_calls[0].custom: is required"),
        (
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]},
            ".tool_calls[0].function.arguments: must be a string holding JSON, not an object",
        ),
        ({"role": "assistant", "function_call": {"name": 7}}, ".function_call.name: must be a string"),
    ],
)
def test_what_cannot_be_a_message_is_named(message: Object, said: str) -> None:
    with pytest.raises(Problem) as refused:
        turn(**message)
    assert refused.value.public.startswith(f"messages[0]{said}")
