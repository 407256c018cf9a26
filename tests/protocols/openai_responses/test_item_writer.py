"""Output items, whole: what a client is to act on."""

from typing import Any

import pytest

from dragoman.hub.request import CallKind, Citation, Hit, Seal, Searched, ToolCall
from dragoman.protocols.openai_responses.item_writer import (
    runnable,
    write_annotation,
    write_call,
    write_message,
    write_reasoning,
    write_search,
    write_text,
)

HEAD = {"id": "i", "status": "completed", "call_id": "c"}


@pytest.mark.parametrize(
    ("kind", "namespace", "said", "item"),
    [
        ("function", None, '{"a":1}', {"type": "function_call", "name": "f", "arguments": '{"a":1}'}),
        ("function", "mcp__x", "{", {"type": "function_call", "name": "f", "namespace": "mcp__x", "arguments": "{"}),
        ("custom", None, "raw", {"type": "custom_tool_call", "name": "f", "input": "raw"}),
        ("custom", "functions", "", {"type": "custom_tool_call", "name": "f", "namespace": "functions", "input": ""}),
        (
            "tool_search",
            None,
            '{"query":"q"}',
            {"type": "tool_search_call", "execution": "client", "arguments": {"query": "q"}},
        ),
        (
            "local_shell",
            None,
            '{"command":["ls"],"env":{"A":"1"}}',
            {"type": "local_shell_call", "action": {"type": "exec", "env": {"A": "1"}, "command": ["ls"]}},
        ),
        (
            "shell",
            None,
            '{"commands":["ls"],"timeout_ms":5}',
            {
                "type": "shell_call",
                "action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None},
                "environment": {"type": "local"},
            },
        ),
        (
            "apply_patch",
            None,
            '{"type":"delete_file","path":"a"}',
            {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
        ),
    ],
)
def test_calls_are_said_as_their_kind(kind: CallKind, namespace: str | None, said: str, item: dict[str, Any]) -> None:
    call = ToolCall("c", "f", kind=kind, namespace=namespace)
    assert write_call("i", call, said, "completed") == {**HEAD, **item}


@pytest.mark.parametrize(
    ("kind", "said", "can"),
    [
        ("local_shell", '{"command":["ls"]}', True),
        ("local_shell", '```json\n{"command":["ls"]}\n```', True),
        ("local_shell", '{"command":"ls"}', False),
        ("local_shell", '{"cmd":["ls"]}', False),
        ("local_shell", '{"command":["ls"', False),
        ("local_shell", "", False),
        ("shell", '{"commands":[]}', True),
        ("shell", "[]", False),
        ("apply_patch", '{"type":"create_file","path":"a","diff":"+x"}', True),
        ("apply_patch", '{"type":"create_file"}', False),
        ("tool_search", "{}", True),
        ("tool_search", "", True),
        ("tool_search", "oops", False),
    ],
)
def test_only_what_a_client_can_run_is_a_call(kind: CallKind, said: str, can: bool) -> None:
    assert runnable(kind, said) is can


@pytest.mark.parametrize(
    ("citation", "place"),
    [
        (Citation("u"), (0, 5)),
        (Citation("u", start=12, end=14), (2, 4)),
        (Citation("u", start=0, end=99), (0, 5)),
    ],
    ids=["the whole part", "from the answer's text", "never outside of its part"],
)
def test_annotations_count_within_their_part(citation: Citation, place: tuple[int, int]) -> None:
    said = write_annotation(citation, 10, 0, 5)
    assert (said["start_index"], said["end_index"]) == place
    assert said["type"] == "url_citation"


def test_a_message_keeps_its_phase() -> None:
    part = write_text("hi", [])
    assert "phase" not in write_message("i", part, "completed", {})
    assert write_message("i", part, "completed", {"phase": "commentary"})["phase"] == "commentary"


OWN = {"id": "rs_9", "type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}], "encrypted_content": "E"}


@pytest.mark.parametrize(
    ("seal", "item"),
    [
        (None, {"summary": [{"type": "summary_text", "text": "t"}], "content": [], "encrypted_content": None}),
        (
            Seal("openai-responses", "dragoman", "dgm1.x", "encrypted"),
            {"summary": [{"type": "summary_text", "text": "t"}], "content": [], "encrypted_content": "dgm1.x"},
        ),
        (Seal("openai-responses", "openai", OWN, "encrypted"), OWN),
        (
            Seal("anthropic-messages", "anthropic", "sig"),
            {"summary": [{"type": "summary_text", "text": "t"}], "content": [], "encrypted_content": None},
        ),
    ],
    ids=["shown as a summary", "an envelope", "a backend's own", "another dialect's"],
)
def test_reasoning_is_shown_and_sealed(seal: Seal | None, item: dict[str, Any]) -> None:
    said = write_reasoning("rs_9", "t", seal)
    assert said == {"id": "rs_9", "type": "reasoning", **item}


def test_sources_are_told_only_to_those_who_ask() -> None:
    searched = Searched("openai-responses", ("a", "b"), (Hit("https://x.example"),))
    plain = {"type": "search", "query": "a", "queries": ["a", "b"]}
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed"}
    assert write_search("ws_1", searched, with_sources=False) == {**item, "action": plain}
    sources = [{"type": "url", "url": "https://x.example"}]
    assert write_search("ws_1", searched, with_sources=True) == {**item, "action": {**plain, "sources": sources}}
