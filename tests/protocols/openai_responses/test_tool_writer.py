"""The tools of a Responses request: its own client's as they were said, others' as this dialect says them."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import CustomTool, FunctionTool, HostedTool, Request, ToolChoice
from tests.asking import PLAIN, C, M, R, Sent, asked, route_to, write
from tests.laws import codex

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
WEB = HostedTool(M, "web_search", {"type": "web_search_20250305", "name": "web_search"})


def written(*tools: Any, choice: ToolChoice | None = None, **more: Any) -> Sent:
    request = Request(dialect=M, model="m", turns=(), tools=tools, tool_choice=choice, **more)
    return write(request, route_to(R, PLAIN[R]))


def test_functions_are_flat_and_never_strict_by_themselves() -> None:
    tools = written(FunctionTool("f", "about", SCHEMA), FunctionTool("g", strict=True)).body["tools"]
    assert tools == [
        {"type": "function", "name": "f", "description": "about", "parameters": SCHEMA, "strict": False},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": True},
    ]


def test_names_that_do_not_fit_are_shortened_everywhere() -> None:
    sent = written(FunctionTool("a.b/" + "x" * 80), choice=ToolChoice("named", ("a.b/" + "x" * 80,))).body
    assert len(sent["tools"][0]["name"]) == 64
    assert sent["tool_choice"] == {"type": "function", "name": sent["tools"][0]["name"]}


def test_examples_go_into_the_description() -> None:
    tool = FunctionTool("f", "about", SCHEMA, examples=({"a": "x"},))
    assert written(tool).body["tools"][0]["description"] == 'about\n\nExamples of arguments:\n{"a":"x"}'


def test_free_text_and_its_grammar() -> None:
    tools = written(CustomTool("a", "about"), CustomTool("b", None, "lark", "start: x")).body["tools"]
    assert tools == [
        {"type": "custom", "name": "a", "description": "about", "format": {"type": "text"}},
        {"type": "custom", "name": "b", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
    ]


def test_a_web_search_is_this_dialects_own() -> None:
    place = {"type": "approximate", "city": "Köln"}
    raw = {**WEB.raw, "allowed_domains": ["a.example"], "user_location": place, "max_uses": 8}
    sent = written(HostedTool(M, "web_search", raw), choice=ToolChoice("named", ("web_search",))).body
    assert sent["tools"] == [
        {"type": "web_search", "filters": {"allowed_domains": ["a.example"]}, "user_location": place}
    ]
    assert sent["tool_choice"] == {"type": "web_search"}
    assert "web_search_call.action.sources" in sent["include"]


@pytest.mark.parametrize(("kind", "warned"), [("web_fetch", True), ("tool_search", True), ("placeholder", False)])
def test_hosted_tools_that_are_left_out(kind: str, warned: bool) -> None:
    sent = written(HostedTool(M, kind, {}))
    assert "tools" not in sent.body
    assert sent.losses.get(f"tools.{kind}", False) is warned


def test_hosted_tools_that_cannot_be_left_out() -> None:
    with pytest.raises(Problem, match=r"tools\.code_execution: this backend has no such tool"):
        written(HostedTool(M, "code_execution", {}))


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("required"), "required"),
        (ToolChoice("none"), "none"),
        (ToolChoice("named", ("f",)), {"type": "function", "name": "f"}),
        (ToolChoice("named", ("c",)), {"type": "custom", "name": "c"}),
        (
            ToolChoice("allowed", ("f", "c"), required=True),
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
            },
        ),
    ],
)
def test_every_form_of_choice(choice: ToolChoice, said: Any) -> None:
    assert written(FunctionTool("f"), CustomTool("c"), choice=choice).body["tool_choice"] == said


def test_a_choice_of_a_tool_that_is_not_there_is_refused() -> None:
    with pytest.raises(Problem, match="tool_choice: names the tool 'g'"):
        written(FunctionTool("f"), choice=ToolChoice("named", ("g",)))


def test_no_choice_without_tools() -> None:
    assert "tool_choice" not in written(choice=ToolChoice("auto"), parallel_tools=False).body


@pytest.mark.parametrize(
    "choice",
    ["auto", {"type": "web_search"}, {"type": "mcp", "server_label": "x", "name": "y"}, {"type": "apply_patch"}],
)
def test_its_own_clients_choice_is_as_it_was_said(choice: Any) -> None:
    body = codex.body(codex.message("user", "hi"), tools=[codex.EXEC], tool_choice=choice)
    assert asked(R, body, R).body["tool_choice"] == choice


def test_tools_that_became_known_on_the_way_come_last() -> None:
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    addition = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "late"}}}
    body = {
        "max_tokens": 99,
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}]},
            {"role": "system", "content": [addition]},
        ],
        "tools": [{"name": "f"}],
    }
    assert [tool["name"] for tool in asked(M, body, R).body["tools"]] == ["f", "late"]


def test_free_text_tools_of_chat_stay_what_they_are() -> None:
    grammar = {"syntax": "lark", "definition": "start: x"}
    tool = {"type": "custom", "custom": {"name": "p", "format": {"type": "grammar", "grammar": grammar}}}
    body = {"messages": [{"role": "user", "content": "hi"}], "tools": [tool]}
    assert asked(C, body, R).body["tools"] == [
        {"type": "custom", "name": "p", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}}
    ]
