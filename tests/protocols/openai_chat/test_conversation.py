"""Turns as Chat messages, for both sorts of clients. Laws, cases and tables are in tests/laws and tests/conformance."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Document,
    Image,
    Inline,
    Link,
    Opaque,
    Part,
    Refusal,
    Request,
    Seal,
    Stored,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
    Written,
)
from dragoman.hub.route import Profile
from dragoman.routing.profiles import profile_for
from tests.asking import PLAIN, C, M, Sent, asked, route_to, write
from tests.laws.conversations import call, text
from tests.laws.legal import chat_breaches

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}


def turns(*said: Turn, profile: Profile = PLAIN[C], dialect: Any = M) -> Sent:
    """What a client of another dialect said."""
    return write(Request(dialect=dialect, model="m", turns=said), route_to(C, profile))


def user(*parts: Part) -> Turn:
    return Turn("user", parts, path="messages[0]")


def assistant(*parts: Part) -> Turn:
    return Turn("assistant", parts, path="messages[1]")


GO = user(Text("go"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], [("user", "")]),
        ([GO, assistant()], [("user", "go")]),
        ([GO, assistant(Text(" \n"))], [("user", "go")]),
        ([GO, user(Text("")), GO], [("user", "go\n\ngo")]),
        (
            [GO, assistant(Text("a")), user(Text("")), assistant(Text("a")), GO],
            [("user", "go"), ("assistant", "a\n\na"), ("user", "go")],
        ),
        ([GO, assistant(Text("a"), Refusal("no")), GO], [("user", "go"), ("assistant", "a"), ("user", "go")]),
        (
            [GO, Turn("system", (Text(""),)), assistant(Text("a")), GO],
            [("user", "go"), ("assistant", "a"), ("user", "go")],
        ),
    ],
)
def test_histories(said: list[Turn], expected: object) -> None:
    sent = turns(*said)
    assert [(m["role"], m["content"]) for m in sent.messages] == expected
    assert chat_breaches(sent.body) == []


def test_refusals_have_a_field() -> None:
    assert turns(GO, assistant(Refusal("no")), GO).messages[1] == {"role": "assistant", "content": "", "refusal": "no"}
    assert turns(user(Refusal("no"))).messages == [{"role": "user", "content": "no"}]


def test_neighbours_with_pictures_are_joined_too() -> None:
    picture = Image(Link("u"), "low")
    sent = turns(GO, user(picture), user(Text("b"))).messages
    assert sent == [
        {
            "role": "user",
            "content": [text("go"), {"type": "image_url", "image_url": {"url": "u", "detail": "low"}}, text("b")],
        }
    ]


def test_assistants_with_nothing_in_between_are_one_message() -> None:
    one = assistant(Thinking("r"), Text("a"))
    other = assistant(Thinking("s"), ToolCall("c", "f"))
    sent = turns(GO, one, user(Text("")), other, profile=PLAIN[C]).messages
    assert [m["role"] for m in sent] == ["user", "assistant", "tool"]
    assert (sent[1]["content"], sent[1]["reasoning_content"]) == ("a", "r\n\ns")
    assert sent[1]["tool_calls"] == [call("c", "f", "{}")]


def test_calls_of_other_kinds() -> None:
    custom = ToolCall("a", "apply_patch", "*** Begin", kind="custom")
    theirs = ToolCall("b", "web_search", '{"q":1}', by="backend")
    said = (GO, assistant(theirs, custom), user(ToolResult("a")))
    sent = turns(*said).messages[1]
    assert sent["content"] == '[web_search: {"q":1}]'
    assert sent["tool_calls"] == [call("a", "apply_patch", '{"input":"*** Begin"}')]
    native = turns(*said, profile=profile_for("openai", "gpt-6")).messages[1]
    assert native["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}}
    ]


@pytest.mark.parametrize(
    ("said", "sent"), [("oops", '{"_raw":"oops"}'), ('{"a":1,}', '{"a":1}'), (" ", "{}"), ('{"a": 1}', '{"a": 1}')]
)
@pytest.mark.parametrize("dialect", [M, C])
def test_arguments_that_are_no_object_do_not_poison_the_history(dialect: Any, said: str, sent: str) -> None:
    got = turns(GO, assistant(ToolCall("a", "f", said)), user(ToolResult("a")), dialect=dialect)
    assert got.messages[1]["tool_calls"][0]["function"]["arguments"] == sent
    assert got.losses.get("messages[1]", False) is (bool(said.strip()) and sent != said)


def test_seals_go_back_to_who_made_them() -> None:
    details = [{"type": "reasoning.encrypted", "data": "x"}]
    thought = Thinking("hm", Seal(C, "openrouter", details, "details"))
    own = turns(GO, assistant(thought, Text("a")), GO, profile=profile_for("openrouter", "google/gemini-3"))
    assert (own.messages[1]["reasoning_details"], own.messages[1]["reasoning"]) == (details, "hm")
    assert own.losses == {}
    other = turns(GO, assistant(thought, Text("a")), GO)
    assert "reasoning_details" not in other.messages[1]
    assert other.losses == {"messages[1]": True}


def test_seals_of_several_thoughts_go_back_together() -> None:
    thoughts = [Thinking("hm", Seal(C, "openrouter", [{"data": data}], "details")) for data in ("x", "y")]
    said = turns(GO, assistant(*thoughts, Text("a")), GO, profile=profile_for("openrouter", "google/gemini-3"))
    assert said.messages[1]["reasoning_details"] == [{"data": "x"}, {"data": "y"}]


def test_tags_before_parts() -> None:
    part: Object = {"type": "text", "text": "a", "x": 1}
    said = {"role": "assistant", "content": [part], "reasoning_content": "hm"}
    sent = asked(C, {"messages": [USER, said, USER]}, C, Profile(reasoning_field="think_tags")).messages[1]
    assert sent["content"] == [text("<think>\nhm\n</think>\n\n"), part]


def test_a_chat_clients_late_system_messages() -> None:
    late = [USER, {"role": "developer", "content": [text("a"), text("b")]}, USER]
    kept = asked(C, {"messages": late}, C).messages
    assert [m["role"] for m in kept] == ["user", "developer", "user"]
    wrapped = asked(C, {"messages": late}, C, Profile()).messages
    assert wrapped[0]["content"] == "go\n\n<system-reminder>\na\n\nb\n</system-reminder>"


def test_a_chat_clients_null_content() -> None:
    said = [USER, {"role": "assistant", "content": "", "tool_calls": [call("a", "f", "{}")]}]
    assert asked(C, {"messages": said}, C, profile_for("openai", "gpt-4o")).messages[1]["content"] is None
    assert asked(C, {"messages": said}, C).messages[1]["content"] == ""


def test_an_assistant_holds_text_only() -> None:
    assert turns(GO, assistant(Document(Written("a"), "t")), GO).messages[1]["content"] == "[t]\na"
    for part in (Image(Link("u")), Document(Inline("application/pdf", "x"))):
        with pytest.raises(Problem, match="holds text only") as refused:
            turns(GO, assistant(part), GO)
        assert refused.value.param == "messages[1]"


def test_what_stands_for_an_assistants_block_does_not_run_into_its_text() -> None:
    block = Opaque(M, "x", {}, "[found: https://a.example]")
    searched = ToolCall("s", "web_search", '{"query":"q"}', by="backend")
    told = assistant(
        Text("Let me "), Text("look."), searched, block, Opaque(M, "y", {}, ""), Text("So"), Text(".\n"), block
    )
    assert turns(GO, told, GO).messages[1]["content"] == (
        'Let me look.\n[web_search: {"query":"q"}]\n[found: https://a.example]\nSo.\n[found: https://a.example]'
    )


def test_a_turn_of_nothing_but_reasoning_that_stays_behind_is_left_out() -> None:
    thought = assistant(Thinking("hm"))
    behind, along = Profile(reasoning_history="none"), Profile(reasoning_history="all")
    assert turns(GO, thought, GO, profile=behind).messages == [{"role": "user", "content": "go\n\ngo"}]
    kept = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert turns(GO, thought, GO, profile=along).messages[1] == kept


def test_who_speaks_is_lost_to_who_has_no_names() -> None:
    sent = turns(Turn("user", (Text("go"),), "bob", path="messages[0]"))
    assert sent.messages == [USER]
    assert sent.losses == {"messages[0]": True}


def test_what_has_no_place_where_it_stands_is_left_out() -> None:
    assert turns(user(Text("go"), Thinking("hm"), ToolCall("a", "f"))).messages == [USER]


def test_no_tags_without_a_thought() -> None:
    sent = turns(GO, assistant(Text("a")), GO, profile=Profile(reasoning_field="think_tags", reasoning_history="all"))
    assert sent.messages[1]["content"] == "a"


def test_an_error_with_pictures_begins_with_its_words() -> None:
    failed = ToolResult("a", (Text("bad"), Image(Link("u"))), is_error=True)
    sent = turns(GO, assistant(ToolCall("a", "f")), user(failed), profile=Profile(tool_images=True)).messages
    assert sent[2]["content"][0] == text("[tool error] bad")


def test_a_chat_clients_own_parts_stay() -> None:
    parts: list[Object] = [{"type": "input_audio", "x": 1}, {"type": "file", "file": {"file_id": "f", "filename": "n"}}]
    assert asked(C, {"messages": [{"role": "user", "content": parts}]}, C).messages[0]["content"] == parts


def test_files_by_their_id() -> None:
    assert turns(user(Document(Stored("f")))).messages[0][
        "content"
    ] == "[document: m cannot read this kind of file]".replace("m ", "asked-model ", 1)
    with pytest.raises(Problem, match="image by file id"):
        turns(user(Image(Stored("f"))))


def test_what_a_document_was_turned_into_for_a_chat_client_is_text() -> None:
    assert turns(user(Document(Written("a"), "t")), dialect=C).messages == [{"role": "user", "content": "[t]\na"}]


def test_what_is_said_about_a_document_stands_before_it() -> None:
    told = Document(Written("a"), "t", context="from the archive")
    assert turns(user(told)).messages[0]["content"] == "[from the archive]\n\n[t]\na"
    (about, file) = turns(
        user(Document(Inline("application/pdf", "JVBERi0="), context="b")), profile=Profile(files=True)
    ).messages[0]["content"]
    assert (about, file["type"]) == (text("[b]"), "file")


def test_results_with_more_than_text_for_a_chat_client() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    tool = {"role": "tool", "tool_call_id": "a", "content": [text("x"), picture], "name": "f"}
    assert asked(C, {"messages": [USER, tool]}, C).messages[1] == tool


def test_what_stands_for_a_foreign_block() -> None:
    found = [Opaque("openai-responses", "x", {}, gist) for gist in ("said", "")]
    assert turns(user(*found)).messages == [{"role": "user", "content": "said"}]


def test_a_file_that_stays_behind_is_warned_of() -> None:
    page = Opaque(M, "web_fetch_tool_result", {}, "[page u]", holds=(Text("all of it"),))
    sent = turns(GO, assistant(page), GO)
    assert sent.messages[1] == {"role": "assistant", "content": "[page u]"}
    assert sent.losses == {"messages[1]": True}
