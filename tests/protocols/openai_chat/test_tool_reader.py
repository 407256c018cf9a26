"""Tools of a Chat Completions request."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import Cache, CustomTool, FunctionTool, Tool, ToolChoice
from tests.asking import C, read

Object = dict[str, Any]


@pytest.mark.parametrize(
    ("tool", "known"),
    [
        ({"function": {"name": "f"}}, FunctionTool("f")),
        (
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"a": 1}, "strict": False},
            },
            FunctionTool("f", "d", {"a": 1}, strict=False),
        ),
        (
            {"type": "function", "x": 1, "cache_control": {}, "function": {"name": "f", "y": 2}},
            FunctionTool("f", cache=Cache(), extra={"x": 1, "cache_control": {}, "function": {"y": 2}}),
        ),
        ({"type": "custom", "custom": {"name": "c"}}, CustomTool("c")),
        (
            {"type": "custom", "x": 1, "custom": {"name": "c", "description": "d", "format": {"type": "text"}}},
            CustomTool("c", "d", extra={"x": 1, "custom": {"format": {"type": "text"}}}),
        ),
        (
            {
                "type": "custom",
                "custom": {
                    "name": "c",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}},
                },
            },
            CustomTool(
                "c",
                None,
                "lark",
                "d",
                extra={"custom": {"format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "d"}}}},
            ),
        ),
    ],
)
def test_tools(tool: Object, known: Tool) -> None:
    assert read(C, {"model": "m", "messages": [{"role": "user"}], "tools": [tool]}).tools == (known,)


def test_legacy_functions_are_tools() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user"}],
        "functions": [{"name": "f", "x": 1}],
        "function_call": {"name": "f"},
    }
    request = read(C, body)
    assert request.tools == (FunctionTool("f", extra={"function": {"x": 1}}),)
    assert request.tool_choice == ToolChoice("named", ("f",))


F, G = {"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}


@pytest.mark.parametrize(
    ("choice", "known"),
    [
        (None, None),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ("none", ToolChoice("none")),
        (F, ToolChoice("named", ("f",))),
        (G, ToolChoice("named", ("g",))),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [F, G]}},
            ToolChoice("allowed", ("f", "g")),
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [F]}},
            ToolChoice("allowed", ("f",), required=True),
        ),
    ],
)
def test_choices(choice: object, known: ToolChoice | None) -> None:
    assert read(C, {"model": "m", "messages": [{"role": "user"}], "tool_choice": choice}).tool_choice == known


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tools": [{}]}, "tools[0].function: is required"),
        ({"tools": [{"type": None, "function": {"name": "f"}}]}, "tools[0].type: must be function or custom, not None"),
        ({"tools": [{"function": {}}]}, "tools[0].function.name: is required"),
        ({"tools": [{"function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters: must be an object"),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name: is required"),
        (
            {"tools": [{"type": "custom", "custom": {"name": "c", "format": {"grammar": 7}}}]},
            "tools[0].custom.format.grammar: must be an object",
        ),
        ({"functions": [{}]}, "functions[0].name: is required"),
        ({"tool_choice": "any"}, "tool_choice: must be"),
        ({"tool_choice": []}, "tool_choice: must be"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": []}]}}},
            "tool_choice.allowed_tools.tools: must name",
        ),
    ],
)
def test_what_is_no_tool_is_named(body: Object, said: str) -> None:
    with pytest.raises(Problem) as refused:
        read(C, {"model": "m", "messages": [{"role": "user"}], **body})
    assert refused.value.public.startswith(said)
