"""Kinds of tools that a backend does not know: said as functions, and their calls said back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import fold
from dragoman.hub.events import Closed, Ended, Event, Failed, Grew, Opened, Reason
from dragoman.hub.request import (
    CallKind,
    CustomTool,
    Dialect,
    FunctionTool,
    HostedTool,
    Opaque,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.protocols.call_kinds import Original, Restored, lowered
from dragoman.wire import jsons
from tests.asking import C, M, R, read
from tests.crossing import crossed
from tests.laws import codex
from tests.laws.grammar import breaches
from tests.laws.making import cut, texts

PATCHER = CustomTool("apply_patch", "Patches.", "lark", "start: x")
ECHO = FunctionTool("echo", namespace="mcp__lab")


def request(*tools: Tool, turns: tuple[Turn, ...] = (), choice: ToolChoice | None = None) -> Request:
    return Request(dialect=R, model="m", turns=turns, tools=tools, tool_choice=choice)


def named(*tools: Tool) -> list[str]:
    return [
        tool.name for tool in lowered(request(*tools), custom_tools=False)[0].tools if isinstance(tool, FunctionTool)
    ]


def restored(originals: dict[str, Original], name: str, *pieces: str, kind: CallKind = "function") -> ToolCall:
    events: list[Event] = [Opened(3, ToolCall("c", name, kind=kind)), *(Grew(3, piece) for piece in pieces), Closed(3)]
    restore = Restored(originals)
    heard = [said for event in [*events, Ended("tool_calls")] for said in restore.feed(event)]
    assert breaches(heard) == []
    (call,) = fold(heard).parts
    assert isinstance(call, ToolCall)
    return call


# Tools.


def test_what_needs_nothing_is_left_alone() -> None:
    plain = request(
        FunctionTool("f"), HostedTool(R, "web_search", {}), turns=(Turn("assistant", (ToolCall("c", "f"),)),)
    )
    assert lowered(plain, custom_tools=False) == (plain, {})
    assert lowered(plain, custom_tools=False)[0] is plain


def test_free_text_becomes_a_function_that_explains_itself() -> None:
    done = lowered(request(PATCHER), custom_tools=False)
    (tool,) = done[0].tools
    assert isinstance(tool, FunctionTool)
    assert tool.schema == {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }
    assert tool.description == (
        "Patches.\nCall it with one argument, `input`: the complete raw text, as a JSON string.\n"
        "The text has to match this lark grammar:\n```\nstart: x\n```"
    )
    assert done[1] == {"apply_patch": Original("apply_patch", None, "custom")}


def test_free_text_stays_where_the_backend_knows_it() -> None:
    assert lowered(request(PATCHER), custom_tools=True)[0].tools == (PATCHER,)


def test_a_namespace_goes_into_the_name() -> None:
    assert named(ECHO, FunctionTool("echo")) == ["mcp__lab__echo", "echo"]


def test_long_and_odd_names_get_a_digest() -> None:
    names = named(
        FunctionTool("create_issue_" + "x" * 60, namespace="mcp__github"),
        FunctionTool("create_issue_" + "x" * 61, namespace="mcp__github"),
        FunctionTool("tool.name", namespace="ns/ä"),
    )
    assert len(set(names)) == 3
    assert all(len(name) <= 64 and name.replace("-", "_").isidentifier() and name.isascii() for name in names)


def test_names_that_collide_are_told_apart() -> None:
    tools = (FunctionTool("b__c", namespace="a"), FunctionTool("c", namespace="a__b"), FunctionTool("a__b__c"))
    names = named(*tools)
    assert names[2] == "a__b__c"
    assert len(set(names)) == 3


def test_each_tool_is_declared_once() -> None:
    found = Opaque(R, "tool_search_output", {}, "x", (ECHO, FunctionTool("f")))
    turns = (Turn("user", (ToolResult("c", (found,), kind="tool_search"),)),)
    said = lowered(request(FunctionTool("f"), ECHO, turns=turns), custom_tools=False)[0]
    assert [tool.name for tool in said.tools if isinstance(tool, FunctionTool)] == ["f", "mcp__lab__echo"]


def test_what_became_known_later_comes_last_and_in_order() -> None:
    def adding(*tools: Tool) -> Turn:
        return Turn("developer", (Opaque(R, "additional_tools", {}, "", tools),))

    turns = (adding(FunctionTool("b", namespace="n"), FunctionTool("a")), adding(PATCHER))
    said = lowered(request(FunctionTool("z"), turns=turns), custom_tools=False)[0]
    assert [tool.name for tool in said.tools if isinstance(tool, FunctionTool)] == ["z", "n__b", "a", "apply_patch"]
    assert all(part.tools == () for turn in said.turns for part in turn.parts if isinstance(part, Opaque))


def test_found_tools_are_told_by_the_names_they_are_called_by() -> None:
    body = codex.GPT_5_5
    said = lowered(read(R, body), custom_tools=False)[0]
    gists = [
        p.gist
        for t in said.turns
        for part in t.parts
        if isinstance(part, ToolResult)
        for p in part.parts
        if isinstance(p, Opaque)
    ]
    assert gists == ["These tools are now available: mcp__lab__echo."]


@pytest.mark.parametrize(
    ("name", "sent"), [("apply_patch", "apply_patch"), ("echo", "mcp__lab__echo"), ("f", "f"), ("gone", "gone")]
)
def test_a_choice_names_what_is_sent(name: str, sent: str) -> None:
    said = lowered(request(PATCHER, ECHO, FunctionTool("f"), choice=ToolChoice("named", (name,))), custom_tools=False)[
        0
    ]
    assert said.tool_choice == ToolChoice("named", (sent,))


# Past calls.


@pytest.mark.parametrize("tools", [(PATCHER, ECHO), ()], ids=["declared", "not any more"])
def test_past_calls_are_said_as_calls_of_functions(tools: tuple[Tool, ...]) -> None:
    said = (
        ToolCall("1", "apply_patch", codex.PATCH, kind="custom"),
        ToolCall("2", "echo", "{}", namespace="mcp__lab"),
        ToolCall("3", "shell", '{"commands":[]}', kind="shell"),
    )
    turns = lowered(request(*tools, turns=(Turn("assistant", said),)), custom_tools=False)[0].turns
    assert turns[0].parts == (
        ToolCall("1", "apply_patch", jsons.write_text({"input": codex.PATCH})),
        ToolCall("2", "mcp__lab__echo", "{}"),
        ToolCall("3", "shell", '{"commands":[]}'),
    )


def test_past_results_answer_functions() -> None:
    turn = Turn("user", (ToolResult("1", (Text("ok"),), kind="custom"),))
    said = lowered(request(PATCHER, turns=(turn,)), custom_tools=False)[0].turns
    assert said == (Turn("user", (ToolResult("1", (Text("ok"),)),)),)


# New calls.


@given(texts, st.data())
def test_free_text_comes_back_to_the_letter(text: str, data: st.DataObject) -> None:
    originals = lowered(request(PATCHER), custom_tools=False)[1]
    pieces = data.draw(cut(jsons.write_text({"input": text})))
    call = restored(originals, "apply_patch", *pieces)
    assert call == ToolCall("c", "apply_patch", text, kind="custom")


@pytest.mark.parametrize("reason", ["tool_calls", "stop", "refused"])
def test_half_a_text_is_an_error(reason: Reason) -> None:
    """No string is closed that the model has left open: half a patch would be run."""
    restore = Restored(lowered(request(PATCHER, ECHO), custom_tools=False)[1])
    events: list[Event] = [
        Opened(0, ToolCall("a", "apply_patch")),
        Grew(0, '{"input":"*** Begin'),
        Closed(0),
        Opened(1, ToolCall("b", "echo")),
        Closed(1),
        Ended(reason),
    ]
    heard = [said for event in events for said in restore.feed(event)]
    assert isinstance(heard[-1], Failed)
    assert breaches(heard) == []
    assert Closed(0) not in heard


@pytest.mark.parametrize("reason", ["length", "context_full", "filtered"])
def test_an_answer_that_is_cut_short_says_so_itself(reason: Reason) -> None:
    restore = Restored(lowered(request(PATCHER), custom_tools=False)[1])
    events: list[Event] = [
        Opened(0, ToolCall("a", "apply_patch")),
        Grew(0, '{"input":"*** Begin'),
        Closed(0),
        Ended(reason),
    ]
    heard = [said for event in events for said in restore.feed(event)]
    assert heard[1:] == [Grew(0, "*** Begin"), Closed(0), Ended(reason)]


def test_of_tools_of_one_name_the_first_is_meant() -> None:
    """It is the one that is declared."""
    hosted = FunctionTool("apply_patch", kind="apply_patch", builtin="apply_patch")
    plain = FunctionTool("apply_patch")
    pairs: list[tuple[Tool, Tool, CallKind]] = [
        (PATCHER, hosted, "custom"),
        (hosted, PATCHER, "apply_patch"),
        (plain, PATCHER, "function"),
    ]
    for first, second, kind in pairs:
        lower, originals = lowered(request(first, second), custom_tools=False)
        assert len(lower.tools) == 1
        assert restored(originals, "apply_patch", '{"input":"x"}').kind == kind


def test_free_text_that_the_backend_knows_is_not_touched() -> None:
    tool = CustomTool("exec", namespace="functions")
    originals = lowered(request(tool), custom_tools=True)[1]
    call = restored(originals, "functions__exec", '{"input":"x"}', kind="custom")
    assert call == ToolCall("c", "exec", '{"input":"x"}', kind="custom", namespace="functions")


@pytest.mark.parametrize("name", ["mcp__lab__echo", "echo", "mcp__lab.echo"])
def test_models_call_by_several_names(name: str) -> None:
    originals = lowered(request(ECHO), custom_tools=False)[1]
    assert restored(originals, name, "{}") == ToolCall("c", "echo", "{}", namespace="mcp__lab")


def test_a_bare_name_that_means_two_tools_means_none() -> None:
    originals = lowered(request(ECHO, FunctionTool("echo", namespace="other")), custom_tools=False)[1]
    assert restored(originals, "echo").namespace is None


def test_a_bare_name_that_is_a_tool_of_its_own_is_that() -> None:
    originals = lowered(request(ECHO, FunctionTool("echo")), custom_tools=False)[1]
    assert restored(originals, "echo").namespace is None
    assert restored(originals, "mcp__lab__echo").namespace == "mcp__lab"


@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch", "tool_search"])
def test_calls_that_are_objects_keep_their_kind(kind: CallKind) -> None:
    originals = lowered(request(FunctionTool(kind, kind=kind, builtin=kind)), custom_tools=False)[1]
    assert restored(originals, kind, '{"a":', "1}") == ToolCall("c", kind, '{"a":1}', kind=kind)


def test_calls_may_come_interleaved() -> None:
    restore = Restored(lowered(request(PATCHER, ECHO), custom_tools=False)[1])
    events: list[Event] = [
        Opened(0, ToolCall("a", "apply_patch")),
        Opened(1, ToolCall("b", "echo")),
        Grew(0, '{"input":"x'),
        Grew(1, "{}"),
        Opened(2, ToolCall("d", "apply_patch")),
        Grew(2, "raw"),
        Closed(1),
        Grew(0, 'y"}'),
        Closed(2),
        Closed(0),
        Ended("tool_calls"),
    ]
    heard = [said for event in events for said in restore.feed(event)]
    assert [(part.name, part.arguments) for part in fold(heard).parts if isinstance(part, ToolCall)] == [
        ("apply_patch", "xy"),
        ("echo", "{}"),
        ("apply_patch", "raw"),
    ]


# Codex's three manners.

TOOLS = {
    "unknown model": [
        "exec_command",
        "view_image",
        "multi_agent_v1__spawn_agent",
        "multi_agent_v1__wait_agent",
        "mcp__lab__echo",
        "mcp__lab__pic",
    ],
    "gpt-5.5": ["exec_command", "apply_patch", "tool_search", "mcp__lab__echo"],
    "lite": ["functions__exec", "functions__wait", "collaboration__spawn_agent", "collaboration__list_agents"],
}


def tools_in(backend: Dialect, body: dict[str, Any]) -> list[str]:
    return [(tool["function"] if backend == C else tool)["name"] for tool in body["tools"]]


@pytest.mark.parametrize("manner", TOOLS)
@pytest.mark.parametrize("backend", [M, C])
def test_codex_is_offered_by_its_names_and_answered_by_them(manner: str, backend: Dialect) -> None:
    way = crossed(R, codex.REQUESTS[manner], backend)
    assert tools_in(backend, way.sent.body) == TOOLS[manner]
    said = [i for i in codex.REQUESTS[manner]["input"] if i["type"] in ("function_call", "custom_tool_call")]
    sent = calls_in(backend, way.sent.body)
    assert len(sent) == len(said) + (manner == "gpt-5.5")  # the search for tools
    for item in said:
        name, arguments = sent[item["call_id"]]
        call = restored(dict(way.originals), name, *arguments)
        assert (call.name, call.namespace) == (item["name"], item.get("namespace"))
        if item["type"] == "custom_tool_call":
            assert (call.kind, call.arguments) == ("custom", item["input"])
        else:
            assert (call.kind, call.arguments) == ("function", item["arguments"])


def calls_in(backend: Dialect, body: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The past calls as the backend hears them: names and arguments by id."""
    if backend == C:
        calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
        return {call["id"]: (call["function"]["name"], call["function"]["arguments"]) for call in calls}
    blocks = [block for message in body["messages"] for block in message["content"] if block["type"] == "tool_use"]
    return {block["id"]: (block["name"], jsons.write_text(block["input"])) for block in blocks}


def test_codex_summary_request_says_its_history_as_before() -> None:
    """It is asked without tools, and the history is the one that is cached."""
    with_tools = crossed(R, codex.of_turns(8), C).sent.messages
    without = crossed(R, {**codex.of_turns(8), "tools": []}, C).sent.messages
    assert without == with_tools
