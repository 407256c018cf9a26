"""What a client is told is what was kept, and the official SDK of its dialect hears in it what the backend said."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from dragoman.hub.request import Dialect
from dragoman.wire import jsons
from tests.conformance import official
from tests.conformance.official import Heard
from tests.golden.matrix import CELLS, QUESTIONS, RUNS, Cell, Keeping, Ran
from tests.laws import wires

SDKS: Final[Mapping[Dialect, Callable[..., Heard]]] = {
    "anthropic-messages": official.messages,
    "openai-chat": official.chat,
    "openai-responses": official.responses,
}
# How an answer's end is told. A refusal without words of its own is a filter's.
ENDS: Final[Mapping[Dialect, Mapping[str, str]]] = {
    "anthropic-messages": {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "refused": "refusal",
        "filtered": "refusal",
    },
    "openai-chat": {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
        "refused": "stop",
        "filtered": "content_filter",
    },
    "openai-responses": {
        "stop": "completed",
        "length": "max_output_tokens",
        "tool_calls": "completed",
        "refused": "completed",
        "filtered": "content_filter",
    },
}
# What the SDK makes of a failure: in a stream that has begun, and instead of a whole answer.
FAILURES: Final[Mapping[Dialect, tuple[str, tuple[str, ...]]]] = {
    "anthropic-messages": ("APIStatusError", ("OverloadedError", "InternalServerError")),
    "openai-chat": ("APIError", ("InternalServerError",)),
    "openai-responses": ("response.failed", ("InternalServerError",)),
}
each_cell: Final = pytest.mark.parametrize("cell", CELLS, ids=str)


@each_cell
def test_streamed(cell: Cell, keeping: Keeping) -> None:
    wire = cell.streamed()
    keeping.keep(f"{cell}.sse", wire)
    assert wires.BREACHES[cell.client](wire) == []
    heard = SDKS[cell.client]([wire], stream=True)
    if error := cell.said.get("error"):
        assert (heard.error, error in heard.message) == (FAILURES[cell.client][0], True), heard
    else:
        assert _told(cell, heard) == _expected(cell)


@each_cell
def test_whole(cell: Cell, keeping: Keeping) -> None:
    status, body = cell.whole()
    keeping.keep(f"{cell}.json", body)
    heard = SDKS[cell.client]([body], stream=False, status=status)
    if error := cell.said.get("error"):
        assert heard.error in FAILURES[cell.client][1], heard
        assert error in heard.message
    else:
        assert _told(cell, heard) == _expected(cell)


@pytest.mark.parametrize("ran", RUNS, ids=str)
def test_what_the_proxy_ran(ran: Ran, keeping: Keeping) -> None:
    wire, body = ran.streamed(), ran.whole()
    keeping.keep(f"{ran}.sse", wire)
    keeping.keep(f"{ran}.json", body)
    assert wires.BREACHES[ran.client](wire) == []
    sdk = SDKS[ran.client]
    streamed, whole = sdk([wire], stream=True), sdk([body], stream=False)
    assert streamed.error == whole.error == ""
    assert streamed.blocks == whole.blocks
    assert "https://lab.example/ducks" in jsons.write_text(whole.blocks[-1])  # it is cited


def test_nothing_else_is_kept(keeping: Keeping) -> None:
    answers = {f"{told}{form}" for told in (*CELLS, *RUNS) for form in (".sse", ".json")}
    keeping.only(answers | {f"{question}.json" for question in QUESTIONS})


def _cut(cell: Cell) -> bool:
    """Whether a call broke off and the client cannot be given broken arguments: an object is all it knows."""
    calls = cell.said["calls"]
    return cell.client == "anthropic-messages" and any(isinstance(call["arguments"], str) for call in calls)


def _expected(cell: Cell) -> dict[str, Any]:
    said = cell.said
    expected = {"thinking": said.get("thinking", ""), "end": ENDS[cell.client][said["end"]]}
    if "input" in said:
        expected |= {key: said[key] for key in ("input", "cached", "output")}
    if not _cut(cell):
        calls = [(call["name"], call["arguments"]) for call in said["calls"]]
        expected |= {"words": said.get("text", "") + said.get("refusal", ""), "calls": calls}
    return expected


def _told(cell: Cell, heard: Heard) -> dict[str, Any]:
    assert heard.error == ""
    told: dict[str, Any] = {"thinking": _joined(heard, "thinking"), "end": heard.reason}
    if "input" in cell.said:
        assert heard.usage is not None
        told_input, cached, written, output, _ = (count or 0 for count in heard.usage)
        apart = cached + written if cell.client == "anthropic-messages" else 0
        told |= {"input": told_input + apart, "cached": cached, "output": output}
    if not _cut(cell):
        calls = [(name, _arguments(said)) for kind, *rest in heard.blocks if kind == "call" for _, name, said in [rest]]
        explained = (heard.explanation or "") if cell.client == "anthropic-messages" else ""
        words = _joined(heard, "text") + _joined(heard, "refusal")
        told |= {"words": words or explained, "calls": calls}
    return told


def _joined(heard: Heard, kind: str) -> str:
    return "".join(block[1] for block in heard.blocks if block[0] == kind)


def _arguments(said: Any) -> Any:
    """An object; a string where it is none."""
    if not isinstance(said, str):
        return said
    try:
        return jsons.read(said)
    except ValueError:
        return said
