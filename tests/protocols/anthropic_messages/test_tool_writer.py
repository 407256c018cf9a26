"""Tools of a Messages request, written. Most of it is in the laws and the tables of tests/conformance."""

from typing import Any

import msgspec
import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Opaque, Turn
from tests.asking import PLAIN, C, M, asked, read, route_to, write

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}


def test_names_that_the_api_refuses_are_fitted() -> None:
    tools = [{"type": "function", "function": {"name": "a.b"}}]
    choice = {"type": "function", "function": {"name": "a.b"}}
    sent = asked(C, {"messages": [USER], "tools": tools, "tool_choice": choice}, M).body
    assert sent["tools"][0]["name"] == sent["tool_choice"]["name"] != "a.b"


def test_a_client_of_the_same_dialect_keeps_its_names() -> None:
    sent = asked(
        M, {"messages": [USER], "tools": [{"name": "a.b"}], "tool_choice": {"type": "tool", "name": "a.b"}}, M
    ).body
    assert sent["tools"] == [{"name": "a.b"}]
    assert sent["tool_choice"] == {"type": "tool", "name": "a.b"}


def test_a_client_of_the_same_dialect_keeps_all_it_said() -> None:
    tools: list[Object] = [
        {
            "name": "f",
            "description": "d",
            "input_schema": {"x": 1},
            "strict": False,
            "input_examples": [{}],
            "defer_loading": True,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
            "allowed_callers": ["direct"],
        },
        {"type": "bash_20250124", "name": "bash"},
    ]
    assert asked(M, {"messages": [USER], "tools": tools}, M).body["tools"] == tools


def test_tools_that_come_in_mid_conversation_come_last() -> None:
    request = read(C, {"model": "m", "messages": [USER], "tools": [{"type": "function", "function": {"name": "f"}}]})
    known = Opaque("openai-responses", "additional_tools", {}, "", (FunctionTool("g"),))
    request = msgspec.structs.replace(request, turns=(*request.turns, Turn("user", (known,))))
    assert [tool["name"] for tool in write(request, route_to(M, PLAIN[M])).body["tools"]] == ["f", "g"]


def test_what_another_dialects_vendor_runs_is_left_out() -> None:
    request = read(C, {"model": "m", "messages": [USER]})
    request = msgspec.structs.replace(request, tools=(HostedTool("openai-responses", "web_search", {}),))
    sent = write(request, route_to(M, PLAIN[M]))
    assert "tools" not in sent.body
    assert sent.losses == {"tools.web_search": True}


def test_tools_that_take_free_text_are_refused() -> None:
    """They are lowered to functions before (protocols/call_kinds.py); none gets as far as this."""
    request = msgspec.structs.replace(read(C, {"model": "m", "messages": [USER]}), tools=(CustomTool("c"),))
    with pytest.raises(Problem, match="function tools only"):
        write(request, route_to(M, PLAIN[M]))


def test_hosted_tools_of_the_same_dialect_stay_as_they_are() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}
    assert asked(M, {"messages": [USER], "tools": [search]}, M).body["tools"] == [search]
