"""Input items on the left, the turns of a conversation on the right."""

from typing import Any

import pytest

from dragoman.hub.request import (
    Cache,
    Document,
    FunctionTool,
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
from dragoman.protocols.fields import WrongFieldError
from dragoman.protocols.openai_responses.item_reader import read_items
from tests.laws.conversations import PDF, PNG

R: Any = "openai-responses"


def read(*items: dict[str, Any]) -> tuple[Turn, ...]:
    return read_items({"input": list(items)})


def user(*parts: dict[str, Any]) -> tuple[Part, ...]:
    (turn,) = read({"role": "user", "content": list(parts)})
    return turn.parts


def test_a_string_is_a_message_of_the_user() -> None:
    (turn,) = read_items({"input": "hi"})
    assert turn == Turn("user", (Text("hi"),), extra={"type": "message"}, path="input")


@pytest.mark.parametrize("role", ["user", "system", "developer"])
def test_a_message_is_a_turn_that_knows_its_own(role: Any) -> None:
    (turn,) = read({"role": role, "content": "hi", "id": "msg_1", "x": 1})
    assert turn == Turn(role, (Text("hi"),), extra={"id": "msg_1", "x": 1, "type": "message"}, path="input[0]")


@pytest.mark.parametrize("content", [None, "", []])
def test_content_may_be_absent(content: Any) -> None:
    assert read({"role": "user", "content": content})[0].parts == ()


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        ({"type": "input_text", "text": "a"}, Text("a")),
        (
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
            Text("a", Cache("1h"), extra={"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}),
        ),
        (
            {"type": "input_image", "image_url": f"data:image/jpeg;base64,{PNG}", "detail": "low"},
            Image(Inline("image/png", PNG), "low"),
        ),
        ({"type": "input_image", "image_url": "https://a.example/b"}, Image(Link("https://a.example/b"))),
        ({"type": "input_image", "file_id": "f", "x": 1}, Image(Stored("f"), extra={"x": 1})),
        (
            {"type": "input_image", "image_url": f"data:image/png;base64,{PDF}"},
            Document(Inline("application/pdf", PDF)),
        ),
        ({"type": "input_file", "file_id": "f", "filename": "a"}, Document(Stored("f"), "a")),
        ({"type": "input_file", "file_url": "https://a.example/b"}, Document(Link("https://a.example/b"))),
        (
            {"type": "input_file", "file_data": f"data:application/pdf;base64,{PDF}"},
            Document(Inline("application/pdf", PDF)),
        ),
        ({"type": "input_file", "file_data": PDF}, Document(Inline("application/pdf", PDF))),
        ({"type": "input_audio", "data": "x"}, Opaque(R, "input_audio", {"type": "input_audio", "data": "x"})),
    ],
)
def test_parts_of_a_message(part: dict[str, Any], read_as: Part) -> None:
    assert user(part) == (read_as,)


def test_what_the_assistant_says_in_a_row_is_one_turn() -> None:
    (turn, after) = read(
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "E",
        },
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a", "x": 1}, {"type": "refusal", "refusal": "b"}],
            "phase": "commentary",
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n", "id": "fc_1"},
        {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "raw"},
        {"role": "user", "content": "on"},
    )
    own = {"phase": "commentary", "type": "message"}
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "E",
    }
    assert turn == Turn(
        "assistant",
        (
            Thinking("hm", Seal(R, "openai", item, "encrypted")),
            Text("a", extra={"part": {"x": 1}, "item": own}),
            Refusal("b", {"part": {}}),
            ToolCall("c", "f", "{}", namespace="n", extra={"id": "fc_1"}),
            ToolCall("d", "p", "raw", kind="custom"),
        ),
        path="input[0]",
    )
    assert after.path == "input[4]"


@pytest.mark.parametrize(
    ("content", "gist"),
    [([], ""), ([{"type": "hologram"}], None), ([{"type": "output_text", "text": "a"}, {"type": "x"}], "a")],
)
def test_an_assistants_message_of_unknown_parts_is_kept_whole(content: Any, gist: str | None) -> None:
    item = {"role": "assistant", "content": content}
    assert read(item)[0].parts == (Opaque(R, "message", item, gist),)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"summary": [{"text": "a"}, {"text": "b"}], "content": None}, "a\n\nb"),
        ({"summary": [{"text": "a"}], "content": [{"text": "t"}]}, "t"),
        ({"summary": 7, "content": [7, {}]}, ""),
    ],
)
def test_reasoning_without_a_seal(item: dict[str, Any], text: str) -> None:
    whole = {"type": "reasoning", **item}
    assert read(whole)[0].parts == (Thinking(text, extra={"item": whole}),)


@pytest.mark.parametrize(
    ("item", "call"),
    [
        (
            {"type": "local_shell_call", "id": "l", "call_id": "c", "action": {"type": "exec", "command": ["ls"]}},
            ToolCall("c", "local_shell", '{"command":["ls"]}', kind="local_shell", extra={"id": "l", "call_id": "c"}),
        ),
        (
            {"type": "shell_call", "id": "s", "action": None},
            ToolCall("s", "shell", "{}", kind="shell", extra={"id": "s"}),
        ),
        (
            {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
            ToolCall(
                "c", "apply_patch", '{"type":"delete_file","path":"a"}', kind="apply_patch", extra={"call_id": "c"}
            ),
        ),
        (
            {"type": "tool_search_call", "call_id": "c", "arguments": {"query": "q"}},
            ToolCall("c", "tool_search", '{"query":"q"}', kind="tool_search", extra={"call_id": "c"}),
        ),
    ],
)
def test_calls_that_are_objects(item: dict[str, Any], call: ToolCall) -> None:
    assert read(item)[0].parts == (call,)


@pytest.mark.parametrize(
    ("item", "result"),
    [
        (
            {"type": "function_call_output", "call_id": "c", "output": "ok", "id": "o"},
            ToolResult("c", (Text("ok"),), extra={"id": "o"}),
        ),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": None}, ToolResult("c", kind="custom")),
        (
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "a"}]},
            ToolResult("c", (Text("a"),)),
        ),
        (
            {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no"},
            ToolResult("c", (Text("no"),), is_error=True, kind="apply_patch", extra={"status": "failed"}),
        ),
        (
            {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "a"}]},
            ToolResult("c", (Opaque(R, "shell_output", [{"stdout": "a"}], '[{"stdout":"a"}]'),), kind="shell"),
        ),
        (
            {"type": "local_shell_call_output", "id": "l", "output": "a"},
            ToolResult("l", (Text("a"),), kind="local_shell", extra={"id": "l"}),
        ),
    ],
)
def test_results(item: dict[str, Any], result: ToolResult) -> None:
    (turn,) = read(item)
    assert (turn.role, turn.parts) == ("user", (result,))


def test_results_are_turns_of_their_own() -> None:
    output = {"type": "function_call_output", "output": "ok"}
    assert [turn.path for turn in read({**output, "call_id": "a"}, {**output, "call_id": "b"})] == [
        "input[0]",
        "input[1]",
    ]


def test_tools_that_become_known() -> None:
    tools = [{"type": "function", "name": "f"}]
    added, found = (
        {"type": "additional_tools", "tools": tools},
        {"type": "tool_search_output", "call_id": "c", "tools": tools},
    )
    first, second = read(added, found)
    assert first == Turn(
        "developer", (Opaque(R, "additional_tools", added, "", (FunctionTool("f"),)),), path="input[0]"
    )
    inside = Opaque(R, "tool_search_output", found, "These tools are now available: f.", (FunctionTool("f"),))
    assert second.parts == (ToolResult("c", (inside,), kind="tool_search"),)
    (nothing,) = read({"type": "tool_search_output", "tools": []})
    assert nothing.parts == (
        ToolResult(
            "",
            (Opaque(R, "tool_search_output", {"type": "tool_search_output", "tools": []}, "No tools were found."),),
            kind="tool_search",
        ),
    )


@pytest.mark.parametrize(("kind", "role"), [("quantum_call", "assistant"), ("quantum", "user"), ("compaction", "user")])
def test_other_items_are_kept_whole(kind: str, role: str) -> None:
    (turn,) = read({"type": kind, "x": 1})
    assert (turn.role, turn.parts) == (role, (Opaque(R, kind, {"type": kind, "x": 1}),))


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"x": 1}, "input[0].type"),
        ({"type": 7}, "input[0].type"),
        ({"role": "robot"}, "input[0].role"),
        ({"type": "message"}, "input[0].role"),
        ({"role": "user", "content": [{}]}, "input[0].content[0].type"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
        ({"type": "shell_call", "call_id": "c", "action": 7}, "input[0].action"),
        ({"type": "function_call_output"}, "input[0].id"),
    ],
)
def test_what_is_wrong_is_named(item: dict[str, Any], path: str) -> None:
    with pytest.raises(WrongFieldError) as wrong:
        read(item)
    assert wrong.value.path == path
