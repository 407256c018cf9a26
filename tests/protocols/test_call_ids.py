"""Every call of a conversation has an id of its own."""

from dragoman.hub.request import FunctionTool, Request, Text, ToolCall, ToolResult, Turn
from dragoman.protocols import tool_names
from dragoman.protocols.call_ids import CallIds
from dragoman.protocols.codec import Stamp

STAMP = Stamp("0123456789abcdef01234567", 0)


def ids(*parts: ToolCall | ToolResult | Text) -> CallIds:
    return CallIds(Request(dialect="openai-chat", model="m", turns=(Turn("assistant", parts),)), STAMP)


def test_the_backends_own_id_is_kept() -> None:
    assert ids(Text("x")).fresh("call_a") == "call_a"


def test_a_missing_id_is_minted() -> None:
    given = ids()
    minted = [given.fresh(None), given.fresh(""), given.fresh("a")]
    assert minted == [f"call_{STAMP.id}1", f"call_{STAMP.id}2", "a"]


def test_an_id_is_given_once_in_an_answer_and_once_in_a_conversation() -> None:
    given = ids(ToolCall("f:0", "f"), ToolResult("f:0"), ToolResult("orphan"))
    fresh = [given.fresh("f:0"), given.fresh("orphan"), given.fresh("f:1"), given.fresh("f:1")]
    assert len(set(fresh)) == 4
    assert fresh[2] == "f:1"
    assert not {"f:0", "orphan"} & set(fresh)


def test_a_minted_id_that_is_taken_is_not_given() -> None:
    assert ids(ToolCall(f"call_{STAMP.id}1", "f")).fresh(None) == f"call_{STAMP.id}2"


def test_a_tool_is_called_by_the_name_its_client_knows() -> None:
    asked = Request(dialect="openai-chat", model="m", turns=(), tools=(FunctionTool("a.b"), FunctionTool("c")))
    names = [CallIds(asked, STAMP).name(said) for said in (tool_names.fit("a.b"), "c", "unknown")]
    assert names == ["a.b", "c", "unknown"]
