"""Turns as Messages, for both sorts of clients. Laws, cases and tables are in tests/laws and tests/conformance."""

from typing import Any

import msgspec
import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Document,
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
)
from dragoman.hub.route import Profile
from tests.asking import PLAIN, C, M, Sent, asked, route_to, write
from tests.laws.conversations import text
from tests.laws.legal import messages_breaches

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}
CHECKING = msgspec.structs.replace(PLAIN[M], checks_seals=True)
OLDER = msgspec.structs.replace(PLAIN[M], system_anywhere=False)


def turns(*said: Turn, profile: Profile = PLAIN[M]) -> Sent:
    """What a client of another dialect said."""
    sent = write(Request(dialect=C, model="m", turns=said), route_to(M, profile))
    assert messages_breaches(sent.body) == []
    return sent


def user(*parts: Part) -> Turn:
    return Turn("user", parts, path="messages[0]")


def assistant(*parts: Part) -> Turn:
    return Turn("assistant", parts, path="messages[1]")


def system(said: str) -> Turn:
    return Turn("system", (Text(said),), path="messages[2]")


GO = user(Text("go"))


def reminder(said: str) -> Object:
    return text(f"<system-reminder>\n{said}\n</system-reminder>")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], [("user", ["(start)"])]),
        ([assistant(Text("a")), GO], [("user", ["(start)"]), ("assistant", ["a"]), ("user", ["go"])]),
        (
            [GO, system("s"), assistant(Text("a")), GO],
            [("user", ["go"]), ("system", ["s"]), ("assistant", ["a"]), ("user", ["go"])],
        ),
        ([GO, system("s")], [("user", ["go"]), ("system", ["s"])]),
        ([GO, system("s"), system("t")], [("user", ["go"]), ("system", ["s", "t"])]),
        ([GO, system("s"), GO], [("user", ["go", reminder("s")["text"], "go"])]),
        ([GO, system("s"), assistant(), GO], [("user", ["go", reminder("s")["text"], "go"])]),
        ([GO, system(" ")], [("user", ["go"])]),
        (
            [GO, assistant(Text("a")), system("s")],
            [("user", ["go"]), ("assistant", ["a"]), ("user", [reminder("s")["text"]])],
        ),
        ([GO, assistant(Refusal("no"), Refusal(" ")), GO], [("user", ["go"]), ("assistant", ["no"]), ("user", ["go"])]),
    ],
)
def test_histories(said: list[Turn], expected: object) -> None:
    assert [(m["role"], [b["text"] for b in m["content"]]) for m in turns(*said).messages] == expected


def test_late_system_messages_for_models_that_do_not_know_them() -> None:
    sent = turns(GO, system("s"), profile=OLDER)
    assert sent.messages == [{"role": "user", "content": [text("go"), reminder("s")]}]
    assert sent.losses == {"messages[2]": False}
    late = [
        USER,
        {"role": "system", "content": "s"},
        {"role": "system", "content": []},
        {"role": "assistant", "content": "a"},
    ]
    native = asked(M, {"messages": late}, M, OLDER)
    assert native.messages[0]["content"] == [text("go"), reminder("s")]
    assert [m["role"] for m in native.messages] == ["user", "assistant"]


SEALED = Thinking("hm", Seal(M, "anthropic", "s"))


@pytest.mark.parametrize(
    ("thought", "sent"),
    [
        (SEALED, [{"type": "thinking", "thinking": "hm", "signature": "s"}]),
        (Thinking("", Seal(M, "anthropic", "d", "redacted")), [{"type": "redacted_thinking", "data": "d"}]),
        (Thinking("hm", Seal(M, "other", "s")), []),
        (Thinking("hm", Seal("openai-responses", "openai", "s", "encrypted")), []),
        (Thinking("hm"), []),
    ],
)
def test_only_what_this_family_has_sealed_is_sent(thought: Thinking, sent: list[Object]) -> None:
    assert turns(GO, assistant(thought, Text("a")), GO).messages[1]["content"] == [*sent, text("a")]


def test_the_order_of_reasoning_and_calls_stays() -> None:
    said = assistant(SEALED, ToolCall("a", "f"), SEALED, ToolCall("b", "f"), SEALED)
    kinds = [b["type"] for b in turns(GO, said, user(ToolResult("a"), ToolResult("b"))).messages[1]["content"]]
    assert kinds == ["thinking", "tool_use", "thinking", "tool_use"]  # it may not end with thinking


def test_reasoning_alone_is_no_message() -> None:
    assert [m["role"] for m in turns(GO, assistant(SEALED), GO).messages] == ["user"]


@pytest.mark.parametrize(
    ("block", "profile", "kept"),
    [
        ({"type": "thinking", "thinking": "hm", "signature": ""}, PLAIN[M], True),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, CHECKING, False),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, CHECKING, True),
        ({"type": "thinking", "thinking": "", "signature": ""}, PLAIN[M], False),
    ],
)
def test_unsigned_reasoning_of_a_messages_client(block: Object, profile: Profile, kept: bool) -> None:
    sent = asked(M, {"messages": [USER, {"role": "assistant", "content": [block]}, USER]}, M, profile)
    assert [m["content"] for m in sent.messages] == [[text("go")], *([[block]] if kept else []), [text("go")]]
    assert sent.losses == ({} if kept or not block["thinking"] else {"messages[1]": True})


def test_calls_of_other_kinds() -> None:
    custom = ToolCall("a", "apply_patch", "*** Begin", kind="custom")
    theirs = ToolCall("b", "web_search", '{"q":1}', by="backend")
    proxys = ToolCall("c", "web_search", '{"q":1}', by="proxy")
    sent = turns(GO, assistant(theirs, custom, proxys), user(ToolResult("c"), ToolResult("a"))).messages
    assert [b.get("text") or b["input"] for b in sent[1]["content"]] == [
        '[web_search: {"q":1}]',
        {"input": "*** Begin"},
        {"q": 1},
    ]
    assert [b["tool_use_id"] for b in sent[2]["content"]] == ["a", "c"]


def test_a_call_the_proxy_answers_is_a_call_for_a_backend_of_the_same_dialect_too() -> None:
    said = (GO, assistant(ToolCall("c", "f", by="proxy"), ToolCall("d", "f", by="backend")))
    sent = write(Request(dialect=M, model="m", turns=said), route_to(M, PLAIN[M])).messages
    assert [b["type"] for b in sent[1]["content"]] == ["tool_use", "server_tool_use"]


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (
            Document(Nested((Text("a"), Text(" "), Image(Link("u"))))),
            {"type": "content", "content": [text("a"), {"type": "image", "source": {"type": "url", "url": "u"}}]},
        ),
        (Document(Link("u")), {"type": "url", "url": "u"}),
    ],
)
def test_documents(document: Document, source: Object) -> None:
    assert turns(user(document)).messages[0]["content"] == [{"type": "document", "source": source}]


def test_a_messages_clients_own_blocks_stay() -> None:
    blocks: list[Object] = [
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}, "title": "t", "context": "c"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}},
        {"type": "document", "source": {"type": "base64", "media_type": "text/csv", "data": "aGk="}},
        {"type": "tool_result", "tool_use_id": "a", "is_error": True, "content": [text("[tool error] x")]},
    ]
    assert asked(M, {"messages": [{"role": "user", "content": blocks}]}, M).messages[0]["content"] == blocks


def test_what_stands_for_a_block_nobody_knows_if_it_may() -> None:
    sent = asked(C, {"messages": [{"role": "user", "content": [{"type": "video_url"}]}]}, M, policy="lenient")
    assert sent.messages[0]["content"] == [text("[video_url]")]


def test_a_beginning_that_ends_with_no_text_is_left_alone() -> None:
    sent = turns(GO, assistant(Text("a "), Opaque(M, "hologram", {"type": "hologram"}))).messages
    assert sent[1]["content"] == [text("a "), {"type": "hologram"}]


def test_a_picture_sent_as_a_file_is_a_picture() -> None:
    (block,) = turns(user(Document(Inline("image/png", "aGk="), "a.png"))).messages[0]["content"]
    assert block == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


def test_what_stands_for_a_foreign_block() -> None:
    found = [Opaque("openai-responses", "x", {}, gist) for gist in ("said", "", " ")]
    assert turns(user(*found)).messages[0]["content"] == [text("said")]


def test_marks_where_the_backend_has_none() -> None:
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    sent = asked(C, {"messages": [{"role": "user", "content": [part]}]}, M, Profile())
    assert sent.messages[0]["content"] == [text("a")]


def test_an_error_said_in_words_becomes_one_again() -> None:
    def content(said: str) -> Object:
        sent = turns(GO, assistant(ToolCall("a", "f")), user(ToolResult("a", (Text(said), Text("more"))))).messages
        block: Object = sent[2]["content"][0]
        return block

    assert content("[tool error] bad") == {
        "type": "tool_result",
        "tool_use_id": "a",
        "content": [text("bad"), text("more")],
        "is_error": True,
    }
    assert content("[tool error] ")["content"] == [text("more")]
    assert "is_error" not in content("fine")


def test_what_the_assistant_said_last_is_past_where_the_model_goes_on_with_nothing() -> None:
    """Qwen Code (0.24) leaves its own words at the end when it has compacted in the middle of a turn."""
    sent = turns(GO, assistant(Text("Got it. ")), profile=Profile())
    assert [m["role"] for m in sent.messages] == ["user", "assistant", "user"]
    assert sent.messages[1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": "Got it. "}]},
        {"role": "user", "content": [{"type": "text", "text": "(continue)"}]},
    ]


def test_a_beginning_of_the_answer_that_is_no_text() -> None:
    said = asked(M, {"messages": [USER, {"role": "assistant", "content": [{"type": "hologram"}]}]}, M, Profile())
    assert said.messages[-1]["content"] == [{"type": "hologram"}]


def test_a_message_without_content_stays_one() -> None:
    sent = asked(M, {"messages": [USER, {"role": "assistant", "content": []}]}, M)
    assert sent.messages[1] == {"role": "assistant", "content": []}


def test_a_message_is_complained_of_from_its_beginning() -> None:
    said = Turn("user", (Image(Link("https://x/y")),), name="ann", path="messages[0]")
    blind = route_to(M, msgspec.structs.replace(PLAIN[M], vision=False), policy="strict")
    with pytest.raises(Problem, match="the speaker's name"):
        write(Request(dialect=C, model="m", turns=(said,)), blind)
