"""What stands in a Messages request's prompt, messages and results; and where it may not stand."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Cache,
    Document,
    FunctionTool,
    HostedTool,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    Part,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Written,
)
from tests.asking import M, read

Object = dict[str, Any]


def parts(*blocks: Object, role: str = "user") -> tuple[Part, ...]:
    request = read(
        M, {"model": "m", "messages": [{"role": "user", "content": "x"}, {"role": role, "content": list(blocks)}]}
    )
    return request.turns[1].parts


def complaint(body: Object) -> str:
    with pytest.raises(Problem) as refused:
        read(M, {"model": "m", "messages": [{"role": "user", "content": "x"}], **body})
    assert refused.value.kind == "bad_request"
    return refused.value.public


PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h", "x": 1}, "citations": []},
            Text("a", Cache("1h"), extra={"citations": [], "cache_control": {"x": 1}}),
        ),
        ({"type": "image", "source": PNG}, Image(Inline("image/png", "aGk="))),
        ({"type": "image", "source": {"type": "url", "url": "u"}}, Image(Link("u"))),
        (
            {"type": "image", "source": {"type": "file", "file_id": "f", "x": 1}},
            Image(Stored("f"), extra={"source": {"x": 1}}),
        ),
        ({"type": "document", "source": {"type": "text", "data": "a"}, "title": "t"}, Document(Written("a"), "t")),
        (
            {"type": "document", "source": {"type": "content", "content": "a"}, "context": "c"},
            Document(Nested((Text("a"),)), context="c"),
        ),
        ({"type": "document", "source": {"type": "content", "content": []}}, Document(Nested(()))),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": "b", "is_error": True, "toolset_name": "t"},
            ToolResult("a", (Text("b"),), is_error=True, extra={"toolset_name": "t"}),
        ),
        ({"type": "tool_result", "tool_use_id": "a", "content": ""}, ToolResult("a")),
        ({"type": "tool_result", "tool_use_id": "a"}, ToolResult("a")),
        ({"type": "hologram", "x": 1}, Opaque(M, "hologram", {"type": "hologram", "x": 1})),
    ],
)
def test_blocks_of_the_user(block: Object, part: Part) -> None:
    assert parts(block) == (part,)


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "thinking", "thinking": "a", "signature": "s"}, Thinking("a", Seal(M, "anthropic", "s"))),
        ({"type": "thinking", "thinking": "a", "signature": ""}, Thinking("a")),
        ({"type": "thinking", "x": 1}, Thinking("", extra={"x": 1})),
        ({"type": "redacted_thinking", "data": "d"}, Thinking("", Seal(M, "anthropic", "d", "redacted"))),
        ({"type": "tool_use", "id": "a", "name": "f", "input": {"b": "é"}}, ToolCall("a", "f", '{"b":"é"}')),
        ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, ToolCall("a", "f")),
        ({"type": "tool_use", "id": "a", "name": "f", "caller": {}}, ToolCall("a", "f", extra={"caller": {}})),
        ({"type": "server_tool_use", "id": "a", "name": "web_search"}, ToolCall("a", "web_search", by="backend")),
    ],
)
def test_blocks_of_the_assistant(block: Object, part: Part) -> None:
    assert parts(block, role="assistant") == (part,)


def test_tools_that_come_in_mid_conversation() -> None:
    def added(tool: Object) -> Opaque:
        (part,) = parts({"type": "tool_addition", "tool": tool}, role="system")
        assert isinstance(part, Opaque)
        return part

    assert added({"type": "tool_definition", "definition": {"name": "f"}}).tools == (FunctionTool("f"),)
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert added({"type": "tool_definition", "definition": search}).tools == (HostedTool(M, "web_search", search),)
    assert added({"type": "tool_reference", "name": "f"}).tools == ()


@pytest.mark.parametrize(
    ("system", "turns"),
    [
        (None, 1),
        ("", 1),
        ([], 1),
        ("a", 2),
        ([{"type": "text", "text": "a"}], 2),
    ],
)
def test_no_prompt_is_no_turn(system: object, turns: int) -> None:
    request = read(M, {"model": "m", "system": system, "messages": [{"role": "user", "content": "x"}]})
    assert len(request.turns) == turns
    assert request.turns[-1].path == "messages[0]"


@pytest.mark.parametrize(
    ("text", "gist"),
    [
        ("x-anthropic-billing-header: cch=1;", ""),
        ("x-anthropic-billing-header: cch=1;\nBe brief.\nVery.", "Be brief.\nVery."),
    ],
)
def test_the_line_of_accounting_is_seen_by_anthropic_only(text: str, gist: str) -> None:
    block = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}, "x": 1}
    request = read(M, {"model": "m", "system": [block], "messages": [{"role": "user", "content": "x"}]})
    assert request.turns[0].parts == (Opaque(M, "billing_header", block, gist),)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"system": 7}, "system: must be a list, not an integer"),
        ({"system": [{"type": "text"}]}, "system[0].text: is required"),
        ({"system": [{"type": "image", "source": PNG}]}, "system[0].type: a block of type image may not stand here"),
        ({"messages": [{"content": "x"}]}, "messages[0].role: is required"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages[0].role: must be user, assistant or system, not 'tool'",
        ),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role: must be a string, not a list"),
        ({"messages": [{"role": "user"}]}, "messages[0].content: is required"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content: is required"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content: must be a list"),
    ],
)
def test_what_cannot_be_a_message_is_named(body: Object, said: str) -> None:
    assert complaint(body).startswith(said)


@pytest.mark.parametrize(
    ("role", "block", "said"),
    [
        ("user", {}, ".type: is required"),
        ("user", {"type": 7}, ".type: must be a string"),
        ("user", {"type": "text", "text": 7}, ".text: must be a string"),
        ("user", {"type": "text", "text": "a", "cache_control": 7}, ".cache_control: must be an object"),
        ("user", {"type": "text", "text": "a", "cache_control": {"ttl": 7}}, ".cache_control.ttl: must be a string"),
        ("user", {"type": "tool_use", "id": "a", "name": "b"}, ".type: a block of type tool_use may not stand here"),
        ("user", {"type": "thinking", "thinking": "a"}, ".type: a block of type thinking may not stand here"),
        (
            "assistant",
            {"type": "tool_result", "tool_use_id": "a"},
            ".type: a block of type tool_result may not stand here",
        ),
        ("assistant", {"type": "tool_use", "id": "a", "name": "b", "input": "x"}, ".input: must be an object"),
        ("assistant", {"type": "redacted_thinking"}, ".data: is required"),
        ("system", {"type": "image", "source": PNG}, ".type: a block of type image may not stand here"),
        ("user", {"type": "image"}, ".source: is required"),
        (
            "user",
            {"type": "image", "source": {"type": "content", "content": []}},
            ".source.type: must be base64, url or file",
        ),
        (
            "user",
            {"type": "image", "source": {"type": "ftp"}},
            ".source.type: must be base64, url, file, text or content",
        ),
        ("user", {"type": "image", "source": {"type": "base64", "data": "x"}}, ".source.media_type: is required"),
        (
            "user",
            {"type": "document", "source": {"type": "content", "content": [{"type": "document", "source": {}}]}},
            ".source.content[0].type: a block of type document may not stand here",
        ),
        (
            "user",
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_result", "tool_use_id": "b"}]},
            ".content[0].type: a block of type tool_result may not stand here",
        ),
    ],
)
def test_what_cannot_be_a_block_is_named(role: str, block: Object, said: str) -> None:
    assert complaint({"messages": [{"role": role, "content": [block]}]}).startswith(f"messages[0].content[0]{said}")
