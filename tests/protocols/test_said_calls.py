"""Calls said as text: what becomes a call, and above all what does not."""

import itertools
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.answer import Answer, fold
from dragoman.hub.events import Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    CustomTool,
    FunctionTool,
    OutputFormat,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.hub.usage import Usage
from dragoman.protocols.call_kinds import lowered
from dragoman.protocols.codec import Stamp
from dragoman.protocols.said_calls import SaidCalls, callable_tools, may_hold_calls
from dragoman.wire import jsons
from tests.laws.grammar import breaches
from tests.protocols.test_call_forms import CALLS, NO_CALLS, READ, RUN

STRING: Final = {"type": "string"}
TOOLS: Final = (
    FunctionTool(
        "read_file",
        schema={
            "type": "object",
            "properties": {"path": STRING, "limit": {"type": "integer"}},
            "required": ["path"],
        },
    ),
    FunctionTool("run", schema={"type": "object", "properties": {"command": STRING}, "required": ["command"]}),
)
ASKED: Final = Request(dialect="anthropic-messages", model="m", turns=(), tools=TOOLS)
STAMP: Final = Stamp("0123456789abcdef01234567", 1)
CALL: Final = f"<tool_call>\n{RUN}\n</tool_call>"


def listening(request: Request = ASKED, told: list[tuple[int, str]] | None = None) -> SaidCalls:
    heard = [] if told is None else told
    return SaidCalls(callable_tools(request, {}), request, STAMP, lambda calls, form: heard.append((calls, form)))


def answer(*pieces: str, reason: Reason = "stop") -> list[Event]:
    return [Opened(0, Text("")), *(Grew(0, piece) for piece in pieces if piece), Closed(0), Ended(reason, reason)]


def through(calls: SaidCalls, events: Sequence[Event]) -> list[Event]:
    return [said for event in events for said in calls.feed(event)]


def heard(*pieces: str, request: Request = ASKED, reason: Reason = "stop") -> Answer:
    return fold(through(listening(request), answer(*pieces, reason=reason)))


def text_of(said: Answer) -> str:
    return "".join(part.text for part in said.parts if isinstance(part, Text))


def calls_in(said: Answer) -> list[tuple[str, str]]:
    return [(part.name, part.arguments) for part in said.parts if isinstance(part, ToolCall)]


@pytest.mark.parametrize(("text", "calls"), [(text, calls) for text, calls in CALLS if calls and calls[0].arguments])
def test_calls_in_every_form_become_calls(text: str, calls: list[Any]) -> None:
    said = heard(text)
    assert [name for name, _ in calls_in(said)] == [call.name for call in calls]
    assert text_of(said) == ""
    assert (said.reason, said.raw) == ("tool_calls", "stop")
    if calls[0].name == "read_file":
        assert calls_in(said)[0][1] == '{"path":"/a","limit":5}'
    assert heard(*text) == said


@pytest.mark.parametrize("text", NO_CALLS)
def test_what_is_no_call_stays_as_it_is(text: str) -> None:
    assert heard(text) == heard(*text) == fold(answer(text))


# What models say about calls, in answers of agents that offer the very tools.
ABOUT_CALLS: Final = {
    "in a fence": f"Qwen says calls like this:\n\n```xml\n{CALL}\n```\n",
    "in a fence, at the end": f"Qwen says calls like this:\n\n```\n{CALL}",
    "in a fence of tildes": f"~~~\n{CALL}\n~~~",
    "in a longer fence": f"````md\n```\nx\n```\n{CALL}\n````",
    "in a code span": "Its opening is `<tool_call>`, then JSON.",
    "a token in a code span": f"Mistral begins with `[TOOL_CALLS][{RUN}]",
    "within a line": f"For example {CALL}",
    "in a quotation": f"> {CALL}",
    "in a list": f"- {CALL}",
    "indented as code": f"So:\n\n    {CALL}",
    "with words behind it": f"{CALL}\n\nThat is the form.",
    "with a made-up result behind it": f"{CALL}\n<tool_response>\nfile.txt\n</tool_response>",
    "in JSON behind words": f"You would call it like this:\n\n```json\n{RUN}\n```",
    "in bare JSON behind words": f"You would call it like this:\n{RUN}",
    "JSON before words": f"```json\n{RUN}\n```\nruns a command.",
    "a definition": '{"name": "run", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}',
    "a definition in full": '{"type": "function", "function": {"name": "run", "description": "", "parameters": {}}}',
    "another tool": CALL.replace('"run"', '"rm"'),
    "a longer name": CALL.replace('"run"', '"runner"'),
    "arguments that miss one": CALL.replace('"command"', '"cmd"'),
    "arguments of another shape": CALL.replace('"ls"', '["ls"]'),
    "no object": CALL.replace('{"command": "ls"}', '"ls"'),
    "one of two does not fit": f"{CALL}\n{CALL.replace('command', 'cmd')}",
    "a record that looks like one": '{"name": "run", "arguments": {"command": "ls"}, "at": "2026-11-27"}',
    "a list with something else": f'[{RUN}, {{"x": 1}}]',
    "it has talked about calls before": f"<tool_call> is the tag.\n\n{CALL}",
    "it breaks off": CALL[:-20],
    "the second breaks off": f"{CALL}\n{CALL[:-20]}",
    "a file that holds one": f'// demo\nconst x = "{CALL}"',
    "XML": "<function=run>\n<parameter=cmd>ls</parameter>\n</function>",
}


@pytest.mark.parametrize("text", ABOUT_CALLS.values(), ids=ABOUT_CALLS)
def test_text_about_calls_stays_text(text: str) -> None:
    assert heard(text) == heard(*text) == fold(answer(text))


@pytest.mark.parametrize("before", ["Let me look.", "# Plan\n\n```sh\nls\n```\n\nNow:", "Use `run`:"])
@pytest.mark.parametrize("between", ["\n", "\n\n", "\n \n  "])
def test_the_text_before_a_call_is_kept(before: str, between: str) -> None:
    said = heard(*f"{before}{between}{CALL}\n")
    assert (text_of(said), calls_in(said)) == (before, [("run", '{"command":"ls"}')])


def test_white_space_alone_is_no_text() -> None:
    assert [type(part) for part in heard("\n\n", CALL).parts] == [ToolCall]


def test_a_value_may_hold_anything() -> None:
    inner = f"# Tools\n{CALL}\n```\nx\n```\n"
    text = f"<tool_call>\n<function=run>\n<parameter=command>\n{inner}\n</parameter>\n</function>\n</tool_call>"
    assert calls_in(heard(*text)) == [("run", jsons.write_text({"command": inner}))]


PIECES: Final = st.sampled_from(
    [
        *(CALL, READ, RUN, "[TOOL_CALLS]", "<|python_tag|>", "<function=run>", "<tool_call>", "</tool_call>"),
        *("<tool", "_call>", "<|", "{", "}", '"', "[", "`", "```", "```json", "~~~", "\n", " ", "a", "word ", "    "),
    ]
)


@given(st.lists(PIECES, max_size=8), st.integers(1, 30))
def test_cut_anywhere_it_is_the_same(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    assert heard(text) == heard(*cut) == heard(*pieces)
    assert not breaches(through(listening(), answer(*cut)))


@given(st.lists(PIECES, max_size=8))
def test_what_holds_no_call_is_not_changed(pieces: list[str]) -> None:
    said, unchanged = heard(*pieces), fold(answer(*pieces))
    assert said == unchanged or (calls_in(said) and unchanged.parts[0].text.startswith(text_of(said)))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, in one line.",
        "if a < b and c[0] > 1:",
        "<div>\n<p>x</p>\n[x](y)",
        '{"key": 1, "b": {}}',
        "```py\nx",
    ],
)
def test_what_cannot_begin_a_call_flows_on_at_once(text: str) -> None:
    calls, said = listening(), ""
    calls.feed(Opened(0, Text("")))
    for number, character in enumerate(text, start=1):
        said += "".join(event.text for event in calls.feed(Grew(0, character)) if isinstance(event, Grew))
        held = text[len(said) : number]
        assert text.startswith(said)
        assert len(held) < 8


def test_no_call_is_longer_than_can_be_held() -> None:
    long = "x" * 2**20
    said = heard(f'{{"name": "run", "arguments": {{"command": "{long}', '"}}')
    assert calls_in(said) == []
    assert len(text_of(said)) > 2**20


@pytest.mark.parametrize("reason", ["length", "context_full", "tool_calls", "stop_sequence"])
def test_calls_that_are_whole_are_calls_however_the_answer_ended(reason: Reason) -> None:
    """Models that are made to call go on with empty fences, up to their limit."""
    assert heard(f"```json\n{RUN}\n```\n```\n```", reason=reason).reason == "tool_calls"


@pytest.mark.parametrize("reason", ["filtered", "refused", "paused"])
def test_an_answer_that_was_stopped_holds_no_calls(reason: Reason) -> None:
    assert heard(CALL, reason=reason) == fold(answer(CALL, reason=reason))


def test_an_answer_with_real_calls_needs_no_rescue() -> None:
    real: list[Event] = [Opened(1, ToolCall("x", "run")), Grew(1, "{}"), Closed(1)]
    text = answer(CALL)
    for events in ([*text[:-1], *real, text[-1]], [*real, *text]):
        assert fold(through(listening(), events)) == fold(events)


@pytest.mark.parametrize("part", [Text(""), Thinking("")])
def test_something_behind_a_call_makes_it_text(part: Text | Thinking) -> None:
    behind: list[Event] = [Opened(1, part), Grew(1, "Done."), Closed(1)]
    events = [*answer(CALL)[:-1], *behind, Ended("stop")]
    assert fold(through(listening(), events)) == fold(events)


def test_json_behind_other_text_is_no_call() -> None:
    events: list[Event] = [*answer("Like this:")[:-1], Opened(1, Text("")), Grew(1, RUN), Closed(1), Ended("stop")]
    assert fold(through(listening(), events)) == fold(events)


def test_thinking_before_a_call_is_kept() -> None:
    thought: list[Event] = [Opened(-1, Thinking("")), Grew(-1, "Hm."), Closed(-1)]
    said = fold(through(listening(), [*thought, *answer(RUN)]))
    assert [type(part) for part in said.parts] == [Thinking, ToolCall]


def test_other_events_pass_and_what_is_held_is_said_before_the_end() -> None:
    calls = listening()
    assert calls.feed(Noted(Usage(output=1))) == [Noted(Usage(output=1))]
    assert calls.feed(Opened(0, Text(""))) == calls.feed(Grew(0, CALL)) == []
    failed = Failed(Problem("truncated", "cut"))
    assert calls.feed(failed) == [Opened(0, Text("")), Grew(0, CALL), failed]
    calls = listening()
    calls.feed(Opened(0, Text("")))
    calls.feed(Grew(0, "<tool"))
    cited = Cited(0, Citation("https://lab.example"))
    assert calls.feed(cited) == [Opened(0, Text("")), Grew(0, "<tool"), cited]
    assert calls.off


def test_ids_are_ours_and_unlike_all_others() -> None:
    taken = Request(
        dialect="openai-chat",
        model="m",
        turns=(),
        tools=TOOLS,
    )
    first = [part.id for part in heard(f"{CALL}\n{CALL}", request=taken).parts if isinstance(part, ToolCall)]
    assert first == [f"call_{STAMP.id}1", f"call_{STAMP.id}2"]


def test_one_call_where_the_client_takes_one_at_a_time() -> None:
    request = msgspec.structs.replace(ASKED, parallel_tools=False)
    assert calls_in(heard(f"{CALL}\n{CALL}", request=request)) == [("run", '{"command":"ls"}')]


def test_json_is_no_call_where_json_was_asked_for() -> None:
    request = msgspec.structs.replace(ASKED, output_format=OutputFormat())
    assert heard(RUN, request=request) == fold(answer(RUN))
    assert calls_in(heard(f"[TOOL_CALLS][{RUN}]", request=request))


@pytest.mark.parametrize("text", [RUN, CALL, f"```json\n{RUN}\n```", f"\n{RUN}\n"])
@pytest.mark.parametrize("result", [False, True])
def test_what_the_model_was_told_it_may_repeat(text: str, *, result: bool) -> None:
    """A file that it was asked to show."""
    told: Text | ToolResult = Text(f"# notes\n{CALL}\n")
    told = ToolResult("1", (told,)) if result else told
    request = msgspec.structs.replace(ASKED, turns=(Turn("user", (told,)),))
    assert heard(text, request=request) == fold(answer(text))
    own = msgspec.structs.replace(ASKED, turns=(Turn("assistant", (Text(CALL),)),))
    assert calls_in(heard(text, request=own)) == [("run", '{"command":"ls"}')]


def test_it_is_told_what_was_found() -> None:
    told: list[tuple[int, str]] = []
    through(listening(told=told), answer(f"{CALL}\n{CALL}"))
    assert told == [(2, "Hermes, Qwen, GLM")]
    told.clear()
    through(listening(told=told), answer("words"))
    assert told == []


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, {"read_file", "run"}),
        (ToolChoice("required"), {"read_file", "run"}),
        (ToolChoice("none"), set()),
        (ToolChoice("named", ("run",)), {"run"}),
        (ToolChoice("allowed", ("read_file",)), {"read_file"}),
    ],
)
def test_only_tools_that_may_be_called(choice: ToolChoice | None, names: set[str]) -> None:
    request = msgspec.structs.replace(ASKED, tool_choice=choice)
    assert set(callable_tools(request, {})) == names
    assert bool(calls_in(heard(CALL, request=request))) == ("run" in names)


def test_a_request_without_tools_is_not_listened_to() -> None:
    calls = listening(msgspec.structs.replace(ASKED, tools=()))
    assert calls.off
    assert through(calls, answer(CALL)) == answer(CALL)


def test_names_as_the_backend_was_told_them() -> None:
    tools = (
        FunctionTool("a.very long name"),
        FunctionTool("create_issue", namespace="mcp__github"),
        CustomTool("apply_patch"),
    )
    request, originals = lowered(msgspec.structs.replace(ASKED, tools=tools), custom_tools=False)
    names = callable_tools(request, originals)
    assert {name: tool.name for name, tool in names.items() if name != "a.very long name"} == {
        next(name for name in names if name.startswith("a_very_long")): "a.very long name",
        "mcp__github__create_issue": "mcp__github__create_issue",
        "create_issue": "mcp__github__create_issue",
        "mcp__github.create_issue": "mcp__github__create_issue",
        "apply_patch": "apply_patch",
    }


@pytest.mark.parametrize(("text", "may"), [("words", False), (f" {RUN}", True), (f"x\n{CALL}", True), ("```py", True)])
def test_a_quick_look(text: str, *, may: bool) -> None:
    assert may_hold_calls(text) is may


def test_all_calls_of_the_forms_pass_the_quick_look() -> None:
    assert all(map(may_hold_calls, itertools.chain(text for text, _ in CALLS)))
