"""The tools of a Responses request, as they are read."""

from typing import Any

import pytest

from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice
from dragoman.protocols.fields import WrongFieldError
from dragoman.protocols.openai_responses.shells import SHELLS
from dragoman.protocols.openai_responses.tool_reader import read_tool_choice, read_tools

R: Any = "openai-responses"
SCHEMA = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("raw", "tools"),
    [
        (
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": SCHEMA,
                "strict": True,
                "defer_loading": True,
                "x": 1,
            },
            [FunctionTool("f", "d", SCHEMA, strict=True, deferred=True, extra={"x": 1})],
        ),
        ({"type": "function", "name": "f"}, [FunctionTool("f")]),
        (
            {
                "type": "custom",
                "name": "c",
                "format": {"type": "grammar", "syntax": "lark", "definition": "s: x", "y": 1},
            },
            [CustomTool("c", None, "lark", "s: x", extra={"format": {"y": 1}})],
        ),
        ({"type": "custom", "name": "c", "description": "d", "x": 1}, [CustomTool("c", "d", extra={"x": 1})]),
        (
            {
                "type": "namespace",
                "name": "n",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
            [FunctionTool("f", namespace="n"), CustomTool("c", namespace="n")],
        ),
        (
            {"type": "namespace", "name": "n", "tools": []},
            [HostedTool(R, "placeholder", {"type": "namespace", "name": "n", "tools": []})],
        ),
        (
            {"type": "shell", "environment": {"type": "local"}},
            [
                FunctionTool(
                    "shell", *SHELLS["shell"], builtin="shell", kind="shell", extra={"environment": {"type": "local"}}
                )
            ],
        ),
        (
            {"type": "tool_search", "execution": "client", "parameters": SCHEMA},
            [
                FunctionTool(
                    "tool_search",
                    None,
                    SCHEMA,
                    builtin="tool_search",
                    kind="tool_search",
                    extra={"raw": {"type": "tool_search", "execution": "client", "parameters": SCHEMA}},
                )
            ],
        ),
        (
            {"type": "tool_search", "execution": "server"},
            [HostedTool(R, "tool_search", {"type": "tool_search", "execution": "server"})],
        ),
        (
            {"type": "web_search_preview_2025_03_11"},
            [HostedTool(R, "web_search", {"type": "web_search_preview_2025_03_11"})],
        ),
        ({"type": "quantum"}, [HostedTool(R, "quantum", {"type": "quantum"})]),
    ],
)
def test_each_kind(raw: dict[str, Any], tools: list[Tool]) -> None:
    assert list(read_tools({"tools": [raw]})) == tools


@pytest.mark.parametrize("of", [{}, {"tools": None}, {"tools": []}])
def test_none(of: dict[str, Any]) -> None:
    assert read_tools(of) == ()


@pytest.mark.parametrize(
    ("choice", "read"),
    [
        (None, None),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ("none", ToolChoice("none")),
        ({"type": "function", "name": "f"}, ToolChoice("named", ("f",))),
        ({"type": "custom", "name": "c"}, ToolChoice("named", ("c",))),
        ({"type": "shell"}, ToolChoice("named", ("shell",))),
        ({"type": "mcp", "server_label": "x"}, ToolChoice("auto")),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "shell"}, 7, {}],
            },
            ToolChoice("allowed", ("f", "shell"), required=True),
        ),
    ],
)
def test_each_choice(choice: Any, read: ToolChoice | None) -> None:
    assert read_tool_choice(choice) == read


@pytest.mark.parametrize("choice", ["maybe", 7, [], {}, {"type": 7}])
def test_no_choice_at_all(choice: Any) -> None:
    with pytest.raises(WrongFieldError, match="tool_choice"):
        read_tool_choice(choice)
