"""Tools of a Messages request."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import Cache, FunctionTool, HostedTool, Tool, ToolChoice
from dragoman.protocols.anthropic_messages.builtin_tools import builtin
from tests.asking import M, read

Object = dict[str, Any]


def tools(*tools: Object, **more: object) -> tuple[Tool, ...]:
    return read(M, {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": list(tools), **more}).tools


BASH = builtin("bash_20250124") or ("", {})


@pytest.mark.parametrize(
    ("tool", "known"),
    [
        ({"name": "f"}, FunctionTool("f")),
        ({"name": "f", "type": "custom"}, FunctionTool("f")),
        (
            {
                "name": "f",
                "type": None,
                "description": "d",
                "input_schema": {"a": 1},
                "strict": True,
                "defer_loading": True,
                "input_examples": [{"a": 1}],
                "cache_control": {"type": "ephemeral", "x": 1},
                "allowed_callers": ["direct"],
            },
            FunctionTool(
                "f",
                "d",
                {"a": 1},
                strict=True,
                deferred=True,
                examples=({"a": 1},),
                cache=Cache(),
                extra={"allowed_callers": ["direct"], "cache_control": {"x": 1}},
            ),
        ),
        (
            {"type": "bash_20250124", "name": "bash", "x": 1},
            FunctionTool("bash", *BASH, builtin="bash_20250124", extra={"x": 1}),
        ),
        ({"name": "DeferredToolPlaceholder", "defer_loading": True}, "placeholder"),
        ({"name": "DeferredToolPlaceholder"}, FunctionTool("DeferredToolPlaceholder")),
        ({"type": "web_search_20991231", "name": "web_search"}, "web_search"),
        ({"type": "tool_search_tool_bm25", "name": "t"}, "tool_search"),
        ({"type": "mcp_toolset"}, "mcp_toolset"),
        ({"type": "hologram"}, "hologram"),
    ],
)
def test_tools(tool: Object, known: FunctionTool | str) -> None:
    assert tools(tool) == (known if isinstance(known, FunctionTool) else HostedTool(M, known, tool),)


@pytest.mark.parametrize(
    ("choice", "known", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice("required"), False),
        ({"type": "none"}, ToolChoice("none"), None),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": False}, ToolChoice("named", ("f",)), True),
        (None, None, None),
    ],
)
def test_choices(choice: Object | None, known: ToolChoice | None, parallel: bool | None) -> None:
    request = read(M, {"model": "m", "messages": [{"role": "user", "content": "x"}], "tool_choice": choice})
    assert (request.tool_choice, request.parallel_tools) == (known, parallel)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"tools": {}}, "tools: must be a list"),
        ({"tools": [7]}, "tools[0]: must be an object"),
        ({"tools": [{}]}, "tools[0].name: is required"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema: must be an object"),
        ({"tools": [{"name": "f", "input_examples": [7]}]}, "tools[0].input_examples[0]: must be an object"),
        ({"tools": [{"type": "bash_20250124"}]}, "tools[0].name: is required"),
        ({"tool_choice": "auto"}, "tool_choice: must be an object"),
        ({"tool_choice": {"type": "one"}}, "tool_choice.type: must be auto, any, tool or none, not 'one'"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name: is required"),
    ],
)
def test_what_is_no_tool_is_named(body: Object, said: str) -> None:
    with pytest.raises(Problem) as refused:
        read(M, {"model": "m", "messages": [{"role": "user", "content": "x"}], **body})
    assert refused.value.public.startswith(said)
