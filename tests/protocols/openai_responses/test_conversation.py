"""Turns on the left, input items on the right. (Whole cases: tests/conformance; what is repeated: tests/laws.)"""

from typing import Any, Final

import pytest

from dragoman.hub.losses import Losses, Policy
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Cache,
    Dialect,
    Document,
    FunctionTool,
    Image,
    Inline,
    Link,
    Nested,
    Opaque,
    Part,
    Refusal,
    Request,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile
from dragoman.protocols.openai_responses.conversation import Conversation
from tests.asking import PLAIN, C, M, R, route_to
from tests.laws.conversations import PDF, PNG

GO: Final = Turn("user", (Text("go"),), path="messages[0]")
GO_ITEM: Final = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]}
OPENAI: Final = Profile(family="openai", reasoning_field=None, reasoning_history="none", openai_fields=True)


def said(
    *turns: Turn, dialect: Dialect = M, profile: Profile | None = None, policy: Policy = "honest"
) -> tuple[Conversation, dict[str, bool]]:
    losses = Losses(policy)
    profile = profile or PLAIN[R]
    request = Request(dialect=dialect, model="m", turns=turns)
    written = Conversation(request, route_to(R, profile), profile, losses)
    return written, {loss.path: loss.warned for loss in losses.noted}


def items(*turns: Turn, **more: Any) -> list[Any]:
    return said(*turns, **more)[0].items


def assistant(*parts: Part) -> Turn:
    return Turn("assistant", parts, path="messages[1]")


def user(*parts: Part) -> Turn:
    return Turn("user", parts, path="messages[2]")


def test_the_system_prompt_is_the_instructions() -> None:
    hidden = Opaque(M, "billing_header", {}, gist="")
    written, _ = said(Turn("system", (hidden, Text("a"))), Turn("developer", (Text("b"),)), GO)
    assert (written.instructions, written.items) == ("a\n\nb", [GO_ITEM])


def test_every_part_of_the_assistant_is_an_item() -> None:
    parts = (Text("a"), Text(" "), Refusal("b"), ToolCall("c", "f", ""))
    assert items(GO, assistant(*parts), user(ToolResult("c")))[1:] == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "b"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": ""},
    ]


def test_what_the_backend_ran_itself_is_told_in_words() -> None:
    call, found = (
        ToolCall("s", "web_search", '{"query":"q"}', by="backend"),
        Opaque(M, "web_search_tool_result", {}, "found"),
    )
    said_items = items(GO, assistant(call, found), GO)
    assert [item["content"][0]["text"] for item in said_items[1:3]] == ['[web_search: {"query":"q"}]', "found"]


def test_what_the_assistant_showed_has_no_place() -> None:
    image = Image(Inline("image/png", PNG))
    written, losses = said(GO, assistant(Text("a"), image), GO)
    assert len(written.items) == 3
    assert losses == {"messages[1]": True}


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("custom", {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": '{"a":1}'}),
        ("local_shell", {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "a": 1}}),
        ("shell", {"type": "shell_call", "call_id": "c", "action": {"a": 1}}),
        ("apply_patch", {"type": "apply_patch_call", "call_id": "c", "operation": {"a": 1}}),
        ("tool_search", {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"a": 1}}),
    ],
)
def test_calls_of_every_kind(kind: Any, item: Any) -> None:
    call, result = ToolCall("c", "f", '{"a":1}', kind=kind), ToolResult("c", (Text("ok"),), kind=kind)
    written = items(GO, assistant(call), user(result))
    assert written[1] == item
    name = "tool_search_output" if kind == "tool_search" else f"{item['type']}_output"
    assert written[2] == {"type": name, "call_id": "c", "output": "ok"}


def test_arguments_that_are_no_object_are_repaired() -> None:
    written, losses = said(GO, assistant(ToolCall("c", "f", "oops")), user(ToolResult("c")))
    assert written.items[1]["arguments"] == '{"_raw":"oops"}'
    assert losses == {"messages[1]": True}


SEALED: Final = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "E"}


@pytest.mark.parametrize(
    ("thought", "profile", "item", "warned"),
    [
        (Thinking("hm", Seal(R, "openai", SEALED, "encrypted")), OPENAI, SEALED, None),
        (Thinking("hm", Seal(R, "another", SEALED, "encrypted")), OPENAI, None, False),
        (Thinking("hm"), OPENAI, None, False),
        (
            Thinking("hm"),
            PLAIN[R],
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            None,
        ),
        (
            Thinking("hm", Seal(M, "anthropic", "sig")),
            PLAIN[R],
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
            True,
        ),
        (Thinking("", Seal(M, "anthropic", "x", "redacted")), PLAIN[R], None, True),
    ],
)
def test_reasoning_goes_back_to_who_can_read_it(
    thought: Thinking, profile: Profile, item: Any, warned: bool | None
) -> None:
    written, losses = said(GO, assistant(thought, Text("a")), GO, profile=profile)
    assert [i for i in written.items if i["type"] == "reasoning"] == ([item] if item else [])
    assert losses.get("messages[1]") is warned


def test_reasoning_of_earlier_questions_is_not_wanted_back_by_all() -> None:
    turns = (
        GO,
        assistant(Thinking("old"), Text("a")),
        GO,
        assistant(Thinking("new"), ToolCall("c", "f")),
        user(ToolResult("c")),
    )
    written = items(*turns, profile=Profile(reasoning_history="tool_turns"))
    assert [i["content"][0]["text"] for i in written if i["type"] == "reasoning"] == ["new"]


def test_an_error_is_said_in_its_text_once() -> None:
    def output(*parts: Part) -> Any:
        return items(GO, assistant(ToolCall("c", "f")), user(ToolResult("c", parts, is_error=True)))[2]["output"]

    assert output(Text("oops")) == output(Text("[tool error] oops")) == "[tool error] oops"
    assert output() == "[tool error] "
    image = Image(Link("https://a.example/b"))
    assert output(image)[0] == {"type": "input_text", "text": "[tool error] "}


def test_a_picture_in_a_result_that_nobody_can_see() -> None:
    result = ToolResult("c", (Image(Link("https://a.example/b")),))
    written, losses = said(GO, assistant(ToolCall("c", "f")), user(result), profile=Profile(vision=False))
    assert written.items[2]["output"] == "[image: asked-model cannot see images]"
    assert losses == {"messages[2]": True}


def test_a_picture_of_the_users_that_nobody_can_see() -> None:
    image = Image(Link("https://a.example/b"))
    with pytest.raises(Problem, match="image input is not supported"):
        said(user(image), profile=Profile(vision=False))
    lenient = items(user(image), profile=Profile(vision=False), policy="lenient")
    assert lenient[0]["content"] == [{"type": "input_text", "text": "[image: asked-model cannot see images]"}]


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (
            Image(Link("https://a.example/b"), "low"),
            [{"type": "input_image", "image_url": "https://a.example/b", "detail": "low"}],
        ),
        (
            Document(Inline("application/pdf", PDF)),
            [{"type": "input_file", "filename": "document.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}],
        ),
        (Document(Written("x")), [{"type": "input_text", "text": "x"}]),
        (
            Document(Nested((Text("x"),)), "t", context="from the archive"),
            [{"type": "input_text", "text": words} for words in ("[from the archive]", "[t]", "x")],
        ),
        (Refusal("no"), [{"type": "input_text", "text": "no"}]),
        (
            Opaque(M, "tool_reference", {}, "tool f is now available"),
            [{"type": "input_text", "text": "tool f is now available"}],
        ),
    ],
)
def test_parts_of_a_message(part: Part, content: Any) -> None:
    assert items(user(part))[0]["content"] == content


def test_what_cannot_be_said_is_refused() -> None:
    unknown = Opaque(C, "input_audio", {})
    with pytest.raises(Problem, match="content of type 'input_audio'") as refused:
        said(user(unknown))
    assert refused.value.param == "messages[2]"
    assert items(user(unknown), policy="lenient")[0]["content"] == [{"type": "input_text", "text": "[input_audio]"}]


def test_a_file_that_stays_behind_is_warned_of() -> None:
    page = Opaque(M, "web_fetch_tool_result", {}, "[page u]", holds=(Text("all of it"),))
    written, losses = said(user(page))
    assert written.items[0]["content"] == [{"type": "input_text", "text": "[page u]"}]
    assert losses == {"messages[2]": True}


def test_tools_that_became_known_are_brought() -> None:
    tool = FunctionTool("late")
    assert said(user(Opaque(M, "tool_addition", {}, "", (tool,))))[0].brought == [tool]


def test_a_speakers_name_is_lost() -> None:
    assert said(Turn("user", (Text("hi"),), "bob", path="messages[0]"), dialect=C)[1] == {"messages[0]": True}


def test_at_most_four_marks() -> None:
    profile = Profile(cache_marks="openai")
    written = items(*(user(Text(str(n), Cache("5m"))) for n in range(6)), profile=profile)
    marks = [item["content"][0].get("prompt_cache_breakpoint") for item in written]
    assert marks == [{"mode": "explicit", "ttl": "30m"}] * 4 + [None] * 2
    assert "prompt_cache_breakpoint" not in items(user(Text("a", Cache())))[0]["content"][0]


def test_what_the_assistant_said_has_no_place_for_a_mark() -> None:
    """The API's types have one for input parts only, and a member it does not know is a 400."""
    written = items(
        user(Text("a")), assistant(Text("b", Cache())), user(Text("c")), profile=Profile(cache_marks="openai")
    )
    assert written[1]["content"] == [{"type": "output_text", "text": "b", "annotations": []}]


# Of this dialect's own clients: turns that the proxy has made, or changed.


def test_turns_of_ours_are_said_among_the_clients_own() -> None:
    turns = (
        Turn("user", (Text("summary"),)),
        assistant(Thinking("hm"), Text("a"), ToolCall("c", "f", "{}")),
        user(ToolResult("c", (Text("ok"),), is_error=True), Opaque(R, "quantum", {"type": "quantum"}, "")),
    )
    assert items(*turns, dialect=R) == [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "summary"}]},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "ok"},
        {"type": "quantum"},
    ]
