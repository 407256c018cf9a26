"""Calls and results, put as backends want them. Turns are spelled shortly: `calls("a")`, `results("a")`, `says("x")`."""

import pytest

from dragoman.hub.losses import Losses
from dragoman.hub.request import Image, Link, Part, Text, ToolCall, ToolResult, Turn
from dragoman.protocols.tool_ids import Form
from dragoman.protocols.tool_results import paired


def calls(*ids: str, by: str = "client") -> Turn:
    return Turn("assistant", tuple(ToolCall(call_id, "f", by=by) for call_id in ids))  # type: ignore[arg-type]  # a literal


def result(call_id: str, said: str = "ok") -> ToolResult:
    return ToolResult(call_id, (Text(said),))


def results(*ids: str) -> Turn:
    return Turn("user", tuple(map(result, ids)), path="messages[2]")


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def says(text: str) -> Turn:
    return Turn("assistant", (Text(text),))


MISSING = (Text("(no result recorded)"),)


def missing(call_id: str) -> ToolResult:
    return ToolResult(call_id, MISSING, is_error=True)


def put(*turns: Turn, form: Form = "any", unique: bool = True, losses: Losses | None = None) -> list[Turn]:
    return [*paired(turns, form, losses or Losses(), unique=unique)]


def parts(turns: list[Turn]) -> list[tuple[str, tuple[Part, ...]]]:
    return [(turn.role, turn.parts) for turn in turns]


def test_what_is_in_order_stays() -> None:
    said = [user(Text("go")), calls("a", "b"), results("a", "b"), says("done"), user(Text("thanks"))]
    assert parts(put(*said)) == parts(said)


def test_results_come_in_the_order_of_the_calls_and_before_other_words() -> None:
    answer = user(Text("first"), result("b"), result("a"), Text("last"))
    assert parts(put(calls("a", "b"), answer))[1:] == [
        ("user", (result("a"), result("b"))),
        ("user", (Text("first"), Text("last"))),
    ]


def test_results_that_come_late_are_found() -> None:
    reminder = Turn("system", (Text("hurry"),))
    late = [calls("a", "b"), user(result("b")), reminder, user(Text("?")), user(result("a"))]
    assert parts(put(*late))[1:] == [
        ("user", (result("a"), result("b"))),
        ("system", reminder.parts),
        ("user", (Text("?"),)),
    ]


def test_a_missing_result_is_an_error() -> None:
    assert parts(put(calls("a", "b"), user(result("b"))))[1] == ("user", (missing("a"), result("b")))
    said = put(calls("a"), user(Text("wait")), says("never mind"))
    assert parts(said)[1:] == [
        ("user", (missing("a"),)),
        ("user", (Text("wait"),)),
        ("assistant", says("never mind").parts),
    ]
    assert parts(put(user(Text("go")), calls("a")))[1:] == [("assistant", calls("a").parts), ("user", (missing("a"),))]


def test_of_several_results_the_last_counts() -> None:
    assert parts(put(calls("a"), user(result("a", "old"), result("a", "new"))))[1] == ("user", (result("a", "new"),))


def test_a_result_without_a_call_becomes_text_and_is_warned_of() -> None:
    losses, picture = Losses(), Image(Link("https://a.example/b.png"))
    orphan = ToolResult("gone", (Text("one"), picture, Text("two")))
    turn = Turn("user", (Text("x"), orphan), path="messages[3]")
    assert parts(put(turn, losses=losses)) == [
        ("user", (Text("x"), Text("[tool result for unknown call gone] one\ntwo"), picture))
    ]
    assert [(loss.path, loss.warned) for loss in losses.noted] == [("messages[3]", True)]


def test_neighbouring_turns_of_the_assistant_are_one() -> None:
    said = put(says("one"), calls("a"), says("two"), results("a"))
    assert parts(said) == [
        ("assistant", (Text("one"), *calls("a").parts, Text("\n\n"), Text("two"))),
        ("user", results("a").parts),
    ]


def test_calls_of_the_backend_itself_need_no_result() -> None:
    assert parts(put(calls("a", by="backend"), user(Text("x")))) == [
        ("assistant", calls("a", by="backend").parts),
        ("user", (Text("x"),)),
    ]


def test_calls_of_the_proxy_do() -> None:
    assert parts(put(calls("a", by="proxy"), results("a")))[1] == ("user", results("a").parts)


@pytest.mark.parametrize("form", ["openai", "anthropic", "mistral"])
def test_call_and_result_are_fitted_alike(form: Form) -> None:
    said = put(calls("functions.Bash:0"), results("functions.Bash:0"), form=form)
    call, answer = said[0].parts[0], said[1].parts[0]
    assert isinstance(call, ToolCall)
    assert isinstance(answer, ToolResult)
    assert call.id == answer.call_id != "functions.Bash:0"
    assert answer.parts == result("x").parts


def sent_ids(turns: list[Turn]) -> list[list[str]]:
    return [
        [part.id if isinstance(part, ToolCall) else part.call_id for part in turn.parts if not isinstance(part, Text)]  # type: ignore[union-attr]  # calls and results only
        for turn in turns
    ]


def test_ids_that_come_again_are_told_apart() -> None:
    twice = [calls("a"), results("a"), calls("a"), results("a")]
    assert sent_ids(put(*twice, form="openai", unique=False)) == [["a"], ["a"], ["a"], ["a"]]
    first, first_result, second, second_result = sent_ids(put(*twice, form="openai"))
    assert first == first_result == ["a"]
    assert second == second_result != ["a"]


def test_ids_that_are_the_same_in_one_turn_take_results_in_order() -> None:
    said = put(
        calls("a", "a"), user(result("a", "one"), result("a", "two"), result("a", "three")), form="openai", unique=False
    )
    ids, answered = sent_ids(said)
    assert ids == answered
    assert len(set(ids)) == 2
    assert [part.parts for part in said[1].parts if isinstance(part, ToolResult)] == [(Text("one"),), (Text("three"),)]


def test_the_place_of_a_result_is_the_clients() -> None:
    assert put(calls("a"), results("a"))[1].path == "messages[2]"
    assert put(Turn("assistant", calls("a").parts, path="messages[1]"))[1].path == "messages[1]"
