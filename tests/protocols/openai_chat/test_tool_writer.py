"""Tools of a Chat Completions request, written. Most of it is in the laws and the tables of tests/conformance."""

from typing import Any

import msgspec
import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import CustomTool, FunctionTool, Opaque, Request, Text, ToolChoice, Turn
from dragoman.hub.route import Profile
from dragoman.routing.profiles import profile_for
from tests.asking import PLAIN, C, M, Sent, asked, route_to, write

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}
R: Any = "openai-responses"
OPENAI, GENERIC = profile_for("openai", "gpt-6"), profile_for("generic", "m")


def asks(profile: Profile, *tools: FunctionTool | CustomTool, choice: ToolChoice | None = None) -> Sent:
    """What a client of a dialect that has all of these asks."""
    request = Request(dialect=M, model="m", turns=(Turn("user", (Text("go"),)),), tools=tools, tool_choice=choice)
    return write(request, route_to(C, profile))


def test_tools_that_take_free_text() -> None:
    sent = asks(
        OPENAI, CustomTool("c", "d", "lark", "start: x"), CustomTool("e"), choice=ToolChoice("named", ("c",))
    ).body
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}
    assert sent["tools"] == [
        {"type": "custom", "custom": {"name": "c", "description": "d", "format": grammar}},
        {"type": "custom", "custom": {"name": "e"}},
    ]
    assert sent["tool_choice"] == {"type": "custom", "custom": {"name": "c"}}


def test_tools_that_take_free_text_are_refused_elsewhere() -> None:
    """They are lowered to functions before (protocols/call_kinds.py); none gets as far as this."""
    with pytest.raises(Problem, match="function tools only"):
        asks(GENERIC, CustomTool("c"))


@pytest.mark.parametrize("kind", ["file_search", "code_interpreter", "image_generation", "computer_use_preview"])
def test_what_an_agent_can_do_without_is_left_out(kind: str) -> None:
    tools = [{"type": kind}, {"type": "function", "name": "f"}]
    sent = asked(R, {"input": "go", "tools": tools}, C)
    assert [tool["function"]["name"] for tool in sent.body["tools"]] == ["f"]
    assert sent.losses == {f"tools.{'computer' if 'computer' in kind else kind}": True}


@pytest.mark.parametrize("backend", [C, M])
def test_servers_that_the_vendor_would_call_are_refused(backend: Any) -> None:
    with pytest.raises(Problem, match=r"tools\.mcp"):
        asked(R, {"input": "go", "tools": [{"type": "mcp", "server_label": "s"}]}, backend)


@pytest.mark.parametrize("required", [True, False])
def test_some_of_the_tools(required: bool) -> None:
    choice = ToolChoice("allowed", ("f", "a.b"), required=required)
    tools = (FunctionTool("f"), FunctionTool("a.b"), FunctionTool("g"))
    mode = "required" if required else "auto"
    theirs = asks(OPENAI, *tools, choice=choice).body
    assert len(theirs["tools"]) == 3
    assert theirs["tool_choice"]["allowed_tools"]["mode"] == mode
    assert [t["function"]["name"][:3] for t in theirs["tool_choice"]["allowed_tools"]["tools"]] == ["f", "a_b"]
    others = asks(GENERIC, *tools, choice=choice).body
    assert [t["function"]["name"][:3] for t in others["tools"]] == ["f", "a_b"]
    assert others["tool_choice"] == mode


def test_a_choice_without_tools() -> None:
    assert "tool_choice" not in asks(GENERIC, choice=ToolChoice("auto")).body
    for mode in ("required", "named"):
        with pytest.raises(Problem, match="has none of the tools it demands"):
            asks(GENERIC, choice=ToolChoice(mode, ("f",)))


FUNCTION = {"name": "f", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("kind", "others", "backend"),
    [
        ("web_search", [], C),
        ("web_search", [FUNCTION], C),
        ("web_fetch", [], C),
        ("web_fetch", [FUNCTION], C),
        ("web_fetch", [FUNCTION], R),
    ],
)
def test_who_demands_a_tool_that_the_proxy_could_run_hears_how(kind: str, others: list[Object], backend: Any) -> None:
    tools = [*others, {"type": f"{kind}_20250305", "name": kind}]
    body = {"max_tokens": 9, "messages": [USER], "tools": tools, "tool_choice": {"type": "tool", "name": kind}}
    with pytest.raises(Problem, match=f"the proxy runs {kind} for it once `processors.{kind}` is configured"):
        asked(M, body, backend)


def test_names_that_backends_refuse_are_fitted_but_not_for_their_own_clients() -> None:
    tools = [{"type": "function", "function": {"name": "a.b"}}]
    choice = {"type": "function", "function": {"name": "a.b"}}
    own = asked(C, {"messages": [USER], "tools": tools, "tool_choice": choice}, C).body
    assert (own["tools"], own["tool_choice"]) == (tools, choice)
    assert asks(GENERIC, FunctionTool("a.b")).body["tools"][0]["function"]["name"].startswith("a_b_")


SCHEMA = {"$schema": "x", "type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": False}


@pytest.mark.parametrize("client", [M, C])
def test_schemas_for_backends_that_refuse_keywords(client: Any) -> None:
    tool: Object = (
        {"name": "f", "input_schema": SCHEMA} if client == M else {"function": {"name": "f", "parameters": SCHEMA}}
    )
    sent = asked(client, {"max_tokens": 9, "messages": [USER], "tools": [tool]}, C, profile_for("gemini", "gemini-3"))
    written = sent.body["tools"][0]["function"]["parameters"]
    assert written == {"type": "object", "properties": {"a": {"enum": [1]}}}
    assert sent.losses["tools.f"] is False


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: Object = {"type": "object"}
    for _ in range(1500):
        schema = {"properties": {"a": schema}}
    with pytest.raises(Problem, match="nested too deeply") as refused:
        asks(profile_for("gemini", "gemini-3"), FunctionTool("f", schema=schema))
    assert refused.value.param == "tools.f"


def test_a_tool_without_parameters_stays_one_for_its_own_client() -> None:
    sent = asked(C, {"messages": [USER], "tools": [{"function": {"name": "f"}}]}, C, profile_for("gemini", "gemini-3"))
    assert sent.body["tools"] == [{"type": "function", "function": {"name": "f"}}]


def test_tools_that_come_in_mid_conversation_come_last() -> None:
    known = Opaque(R, "additional_tools", {}, "", (FunctionTool("g"),))
    request = Request(dialect=M, model="m", turns=(Turn("user", (Text("go"), known)),), tools=(FunctionTool("f"),))
    assert [t["function"]["name"] for t in write(request, route_to(C, GENERIC)).body["tools"]] == ["f", "g"]


def test_tools_of_claude_codes_beta() -> None:
    definition = {"name": "g", "input_schema": {"type": "object"}}
    addition = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": definition}}
    removal = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "f"}}
    late = {"role": "system", "content": [addition, removal]}
    sent = asked(M, {"max_tokens": 9, "messages": [USER, late], "tools": [{"name": "f"}]}, C, GENERIC)
    assert [t["function"]["name"] for t in sent.body["tools"]] == ["f", "g"]
    told = "The tool g is now available.\n\nThe tool f is no longer available."
    assert sent.messages == [{**USER, "content": f"go\n\n<system-reminder>\n{told}\n</system-reminder>"}]


def test_forced_tools_where_nothing_forces_them() -> None:
    ollama = profile_for("ollama", "llama3")
    allowed = ToolChoice("allowed", ("f",), required=True)
    sent = asks(msgspec.structs.replace(ollama, openai_fields=True), FunctionTool("f"), choice=allowed)
    assert sent.body["tool_choice"] == "auto"
    assert sent.losses["tool_choice"] is True


def test_a_client_of_the_same_dialect_keeps_all_it_said() -> None:
    function: Object = {"name": "f", "description": "d", "parameters": {"x": 1}, "strict": False}
    tools: list[Object] = [
        {"type": "function", "function": function, "x": 1},
        {"type": "custom", "custom": {"name": "c", "description": "d"}},
    ]
    assert asked(C, {"messages": [USER], "tools": tools}, C).body["tools"] == tools


def test_parallel_calls_are_wished_only_where_there_are_tools() -> None:
    assert "parallel_tool_calls" not in asked(C, {"messages": [USER], "parallel_tool_calls": False}, C, PLAIN[C]).body
