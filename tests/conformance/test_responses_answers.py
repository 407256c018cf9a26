"""The conformance cases of the answer side for Responses clients, by their names.

Every stream is given to the official SDK in one piece and in single bytes, and its events and objects to the types of
the Open Responses specification.
"""

from typing import Any, Final

import pytest

from dragoman.hub.events import Event, Failed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect
from dragoman.protocols import CLIENTS
from dragoman.protocols.seals import PREFIX
from dragoman.wire import jsons
from tests.asking import C, M, R
from tests.conformance import official
from tests.conformance.backends import (
    DONE,
    block,
    call,
    chunk,
    completion,
    event,
    frame,
    start,
    stop,
    text,
    text_block,
    thinking_block,
    tool_block,
    usage,
)
from tests.conformance.responses_client import Spoken, events_of, streamed, whole
from tests.crossing import SEALER
from tests.laws import codex
from tests.laws.recorded import STAMP, VENDORS, request_of

Object = dict[str, Any]

SUMMARISED: Final[Object] = {"reasoning": {"summary": "auto"}}
CODEX: Final[Object] = {"client_metadata": {"session_id": "x"}}


def heard(backend: Dialect, *said: bytes, body: Object | None = None) -> Spoken:
    return streamed(events_of(backend, list(said), body), body)


def told_whole(backend: Dialect, said: bytes, body: Object | None = None) -> Spoken:
    return whole(events_of(backend, [said], body, stream=False), body)


def calls_in(spoken: Spoken) -> list[tuple[str, str, str]]:
    return [(i["call_id"], i["name"], i["arguments"]) for i in spoken.items if i["type"] == "function_call"]


def finish(reason: str = "tool_calls") -> bytes:
    return chunk(finish=reason) + DONE


# Text, finish, usage.


def test_usage_choices_null() -> None:
    said = heard(C, text("hi"), chunk(finish="stop"), usage(choices=None, prompt_tokens=3, completion_tokens=1), DONE)
    assert said.response["usage"]["input_tokens"] == 3
    assert said.response["usage"]["total_tokens"] == 4


def test_usage_missing() -> None:
    zeros = {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }
    assert heard(C, text("hi"), finish("stop")).response["usage"] == zeros


@pytest.mark.parametrize("content", [None, ""])
def test_null_content_no_tools(content: str | None) -> None:
    said = told_whole(C, completion({"content": content}))
    assert (said.response["output"], said.response["status"]) == ([], "completed")


@pytest.mark.parametrize("stream", [True, False])
def test_finish_length(stream: bool) -> None:
    if stream:
        said = heard(C, text("half a sen"), finish("length"))
        assert said.kinds[-1] == "response.incomplete"
    else:
        said = told_whole(C, completion({"content": "half a sen"}, "length"))
    assert [item["status"] for item in said.items] == ["incomplete"]
    assert said.response["status"] == "incomplete"
    assert said.response["incomplete_details"] == {"reason": "max_output_tokens"}


def test_finish_length_spares_what_was_whole() -> None:
    thought = block(1, {"type": "thinking", "thinking": ""})
    said = heard(M, start(), text_block(0, "whole"), thought, text_block(2, "half"), stop("max_tokens"))
    assert [item.get("status") for item in said.items] == ["completed", None, "incomplete"]


@pytest.mark.parametrize("backend", [C, M])
def test_finish_length_in_call(backend: Dialect) -> None:
    if backend == C:
        said = heard(C, call(id="a", name="f", arguments='{"path": "x'), finish("length"))
    else:
        said = heard(M, start(), tool_block(0, "a", "f", '{"path": "x'), stop("max_tokens"))
    assert calls_in(said) == [("a", "f", '{"path": "x')]
    assert said.items[0]["status"] == said.response["status"] == "incomplete"


def test_finish_length_in_a_structured_call() -> None:
    """Half of it is no object, and nothing that anyone could run."""
    body = {"tools": [{"type": "shell"}]}
    said = heard(C, call(id="a", name="shell", arguments='{"commands": ["rm'), finish("length"), body=body)
    assert said.items == []
    assert said.response["status"] == "incomplete"


@pytest.mark.parametrize("stream", [True, False])
def test_finish_content_filter(stream: bool) -> None:
    said = (
        heard(C, text("a"), finish("content_filter"))
        if stream
        else told_whole(C, completion({"content": "a"}, "content_filter"))
    )
    assert said.response["incomplete_details"] == {"reason": "content_filter"}


def test_refusal_messages_to_responses() -> None:
    details = {"type": "refusal", "category": None, "explanation": "No."}
    said = heard(M, start(), text_block(0, "I"), stop("refusal", stop_details=details))
    assert said.items[1]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert said.response["incomplete_details"] == {"reason": "content_filter"}


def test_refusal_field() -> None:
    said = heard(C, chunk({"refusal": "I will "}), chunk({"refusal": "not."}), finish("stop"))
    assert said.items[0]["content"] == [{"type": "refusal", "refusal": "I will not."}]
    assert said.response["status"] == "completed"


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (chunk({"refusal": "I will not."}) + finish("stop"), ["I will not."]),
        (text("half") + finish("content_filter"), ["half", "[a content filter ended this answer]"]),
    ],
)
def test_codex_is_told_in_words(said: bytes, texts: list[str]) -> None:
    """0.169 shows no refusals, and sends a request six times whose answer was filtered."""
    spoken = heard(C, said, body=CODEX)
    assert [item["content"][0]["text"] for item in spoken.items] == texts
    assert spoken.response["status"] == "completed"


# Tools.

TWO_CALLS: Final = [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


@pytest.mark.parametrize("backend", [C, M])
def test_tool_parallel_sequential(backend: Dialect) -> None:
    if backend == C:
        first = call(id="a", name="f", arguments="") + call(arguments='{"x"') + call(arguments=":1}")
        said = heard(C, first, call(index=1, id="b", name="g", arguments='{"y":2}'), finish())
    else:
        said = heard(
            M, start(), tool_block(0, "a", "f", '{"x"', ":1}"), tool_block(1, "b", "g", '{"y":2}'), stop("tool_use")
        )
    assert calls_in(said) == TWO_CALLS
    assert said.response["status"] == "completed"
    assert [said.growth(index) for index in (0, 1)] == ['{"x":1}', '{"y":2}']


def test_tool_parallel_interleaved_responses() -> None:
    said = heard(
        C,
        call(index=0, id="a", name="f", arguments='{"x"'),
        call(index=1, id="b", name="g", arguments='{"y"'),
        call(index=0, arguments=":1}"),
        call(index=1, arguments=":2}"),
        finish(),
    )
    assert calls_in(said) == TWO_CALLS


def test_tool_dup_index_new_id() -> None:
    said = heard(C, call(id="a", name="f", arguments='{"x":1}'), call(id="b", name="g", arguments='{"y":2}'), finish())
    assert calls_in(said) == TWO_CALLS


def test_tool_same_id_every_chunk() -> None:
    said = heard(C, *(call(id="a", name="f", arguments=piece) for piece in ('{"x"', ":", "1}")), finish())
    assert calls_in(said) == TWO_CALLS[:1]


def test_tool_name_late() -> None:
    said = heard(C, call(id="a"), call(arguments='{"x"'), call(name="f", arguments=":1}"), finish())
    assert calls_in(said) == TWO_CALLS[:1]


def test_tool_id_missing() -> None:
    said = heard(C, call(name="f", arguments="{}"), call(index=1, name="g", arguments="{}"), finish())
    ids = [call_id for call_id, _, _ in calls_in(said)]
    assert len(set(ids)) == 2
    assert all(call_id.startswith("call_") for call_id in ids)


def test_tool_index_missing() -> None:
    said = heard(
        C,
        call(index=None, id="a", name="f", arguments='{"x":1}'),
        call(index=None, id="b", name="g", arguments='{"y":2}'),
        finish(),
    )
    assert calls_in(said) == TWO_CALLS


def test_tool_index_starts_at_1() -> None:
    said = heard(
        C,
        call(index=1, id="a", name="f", arguments='{"x":1}'),
        call(index=2, id="b", name="g", arguments='{"y":2}'),
        finish(),
    )
    assert calls_in(said) == TWO_CALLS
    assert [e["output_index"] for e in said.events if e["type"] == "response.output_item.added"] == [0, 1]


def test_tool_whole_in_one_chunk() -> None:
    entry = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
    assert calls_in(heard(C, chunk({"tool_calls": [entry]}, "tool_calls"), DONE)) == TWO_CALLS[:1]


@pytest.mark.parametrize("arguments", ["", "{}", None])
@pytest.mark.parametrize("stream", [True, False])
def test_tool_empty_args(arguments: str | None, stream: bool) -> None:
    if stream:
        said = heard(C, call(id="a", name="f", arguments=arguments), finish())
    else:
        function = {"name": "f"} if arguments is None else {"name": "f", "arguments": arguments}
        said = told_whole(
            C, completion({"tool_calls": [{"id": "a", "type": "function", "function": function}]}, "tool_calls")
        )
    assert calls_in(said) == [("a", "f", "{}")]


def test_tool_empty_args_of_messages() -> None:
    assert calls_in(heard(M, start(), tool_block(0, "a", "f"), stop("tool_use"))) == [("a", "f", "{}")]


def test_tool_args_invalid_final() -> None:
    """The client tells the model so."""
    assert calls_in(heard(C, call(id="a", name="f", arguments='{"a": nope}'), finish())) == [("a", "f", '{"a": nope}')]


PATCHER: Final[Object] = {"tools": [codex.custom("apply_patch")]}


def pieces_of(arguments: str, name: str = "apply_patch") -> list[bytes]:
    return [call(id="call_1", name=name, arguments=""), *(call(arguments=piece) for piece in arguments), finish()]


def test_custom_apply_patch_stream() -> None:
    arguments = jsons.write_text({"input": codex.PATCH}).replace("😀", "\\ud83d\\ude00")
    said = heard(C, *pieces_of(arguments), body=PATCHER)
    (item,) = said.items
    assert (item["type"], item["name"], item["input"], item["call_id"]) == (
        "custom_tool_call",
        "apply_patch",
        codex.PATCH,
        "call_1",
    )
    assert said.growth(0) == codex.PATCH
    assert "response.function_call_arguments.delta" not in said.kinds


@pytest.mark.parametrize("stream", [True, False])
def test_custom_apply_patch_raw(stream: bool) -> None:
    if stream:
        said = heard(C, *pieces_of(codex.PATCH), body=PATCHER)
        assert said.growth(0) == codex.PATCH
    else:
        function = {"name": "apply_patch", "arguments": codex.PATCH}
        said = told_whole(
            C, completion({"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}), PATCHER
        )
    assert said.items[0]["input"] == codex.PATCH


def test_custom_from_messages() -> None:
    said = heard(
        M,
        start(),
        tool_block(0, "a", "apply_patch", *jsons.write_text({"input": codex.PATCH})),
        stop("tool_use"),
        body=PATCHER,
    )
    assert (said.items[0]["type"], said.items[0]["input"]) == ("custom_tool_call", codex.PATCH)


@pytest.mark.parametrize("name", ["mcp__github__create_issue", "create_issue", "mcp__github.create_issue"])
@pytest.mark.parametrize("stream", [True, False])
def test_namespace_roundtrip(name: str, stream: bool) -> None:
    body = {"tools": [codex.namespace("mcp__github", codex.function("create_issue", "title"))]}
    if stream:
        said = heard(C, *pieces_of("{}", name), body=body)
    else:
        said = told_whole(
            C,
            completion(
                {"tool_calls": [{"id": "a", "type": "function", "function": {"name": name, "arguments": "{}"}}]}
            ),
            body,
        )
    assert (said.items[0]["name"], said.items[0]["namespace"]) == ("create_issue", "mcp__github")


def test_tool_search_client_exec() -> None:
    body = {"tools": [codex.SEARCH]}
    said = heard(C, *pieces_of('{"query": "echo"}', "tool_search"), body=body)
    (item,) = said.items
    assert (item["type"], item["execution"], item["arguments"], item["call_id"]) == (
        "tool_search_call",
        "client",
        {"query": "echo"},
        "call_1",
    )


@pytest.mark.parametrize(
    ("kind", "arguments", "member", "value"),
    [
        ("local_shell", '{"command":["ls"]}', "action", {"type": "exec", "env": {}, "command": ["ls"]}),
        ("shell", '{"commands":["ls"]}', "action", {"timeout_ms": None, "max_output_length": None, "commands": ["ls"]}),
        ("apply_patch", '{"type":"delete_file","path":"a"}', "operation", {"type": "delete_file", "path": "a"}),
    ],
)
def test_shells_come_back_as_objects(kind: str, arguments: str, member: str, value: Object) -> None:
    said = heard(C, *pieces_of(arguments, kind), body={"tools": [{"type": kind}]})
    (item,) = said.items
    assert (item["type"], item["call_id"], item[member]) == (f"{kind}_call", "call_1", value)
    assert item["id"] == ("call_1" if kind == "local_shell" else item["id"])


def test_a_shell_call_that_cannot_be_run_is_no_call() -> None:
    said = heard(C, *pieces_of('{"cmd":"ls"}', "shell"), body={"tools": [{"type": "shell"}]})
    assert said.items == []
    assert said.kinds[-1] == "response.failed"
    assert said.response["error"]["message"] == "the model produced invalid arguments for the tool shell"
    function = {"name": "shell", "arguments": "oops"}
    with pytest.raises(Problem, match="invalid arguments for the tool shell"):
        told_whole(
            C,
            completion({"tool_calls": [{"id": "a", "type": "function", "function": function}]}),
            {"tools": [{"type": "shell"}]},
        )


# Reasoning.


@pytest.mark.parametrize(
    "form", [{"reasoning_content": "T"}, {"reasoning": "T"}, {"reasoning": "T", "reasoning_content": "T"}]
)
def test_reasoning_field_variants(form: Object) -> None:
    said = heard(C, chunk(form), text("a"), finish("stop"), body=SUMMARISED)
    assert [item["type"] for item in said.items] == ["reasoning", "message"]
    assert said.items[0]["summary"] == [{"type": "summary_text", "text": "T"}]
    assert "response.reasoning_summary_text.delta" in said.kinds


def test_reasoning_is_a_summary_though_none_was_asked_for() -> None:
    """OpenCode (1.18) shows nothing else."""
    said = heard(C, chunk({"reasoning": "T"}), text("a"), finish("stop"))
    assert (said.items[0]["summary"], said.items[0]["content"]) == ([{"type": "summary_text", "text": "T"}], [])


def test_reasoning_after_content() -> None:
    said = heard(C, text("a"), chunk({"reasoning": "hm"}), text("b"), finish("stop"))
    assert [item["type"] for item in said.items] == ["message", "reasoning", "message"]
    assert [said.growth(index) for index in (0, 1, 2)] == ["a", "hm", "b"]


def test_reasoning_between_tools() -> None:
    said = heard(
        M,
        start(),
        thinking_block(0, "one", "S1"),
        tool_block(1, "a", "f", "{}"),
        thinking_block(2, "two", "S2"),
        tool_block(3, "b", "g", "{}"),
        stop("tool_use"),
        body=SUMMARISED,
    )
    assert [item["type"] for item in said.items] == ["reasoning", "function_call", "reasoning", "function_call"]
    sealed = [item["encrypted_content"] for item in said.items if item["type"] == "reasoning"]
    assert all(envelope.startswith(PREFIX) for envelope in sealed)
    opened = [SEALER.unwrap(envelope) for envelope in sealed]
    assert [(t.text, t.seal.value) for t in opened if t is not None and t.seal is not None] == [
        ("one", "S1"),
        ("two", "S2"),
    ]


# Searches and citations.


def test_a_search_of_another_backend_is_an_item() -> None:
    result = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    said = heard(
        M,
        start(),
        block(
            0,
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"query":"q"}'},
        ),
        block(1, result),
        text_block(2, "found"),
        stop(),
    )
    assert [item["type"] for item in said.items] == ["web_search_call", "message"]
    assert said.items[0]["action"] == {"type": "search", "query": "q", "queries": ["q"]}
    assert [kind for kind in said.kinds if "web_search" in kind] == [
        f"response.web_search_call.{step}" for step in ("in_progress", "searching", "completed")
    ]


def test_citations_are_annotations_of_the_joined_text() -> None:
    cited = {
        "type": "citations_delta",
        "citation": {
            "type": "web_search_result_location",
            "url": "u",
            "title": "t",
            "cited_text": "c",
            "encrypted_index": "e",
        },
    }
    grown = {"type": "text_delta", "text": "claim"}
    said = heard(M, start(), text_block(0, "First. "), block(1, {"type": "text", "text": ""}, cited, grown), stop())
    annotation = {"type": "url_citation", "url": "u", "title": "t", "start_index": 7, "end_index": 12}
    (item,) = said.items
    assert (item["content"][0]["text"], item["content"][0]["annotations"]) == ("First. claim", [annotation])
    assert [e["annotation"] for e in said.events if e["type"].endswith("annotation.added")] == [annotation]


# Failures.


def test_trunc_clean_eof() -> None:
    said = heard(C, text("half"))
    assert said.kinds[-1] == "response.failed"
    assert said.response["error"] == {
        "code": "server_error",
        "message": "the backend's stream ended before the answer was complete",
    }
    assert said.items == []


def test_trunc_mid_tool_responses() -> None:
    said = heard(C, text("Let me."), call(id="a", name="f", arguments='{"pa'))
    assert said.kinds[-1] == "response.failed"
    assert [item["type"] for item in said.items] == ["message"]
    assert "response.function_call_arguments.done" not in said.kinds


def test_error_first_event() -> None:
    events: list[Event] = [Failed(Problem("unreachable", "the backend is gone"))]
    said = streamed(events)
    assert said.kinds == ["response.created", "response.in_progress", "response.failed"]
    assert said.response["error"] == {"code": "server_error", "message": "the backend is gone"}


def test_upstream_error_in_stream() -> None:
    said = heard(
        C,
        text("a"),
        frame({"error": {"message": "slow down", "type": "rate_limit_error", "code": 429, "retry_after": 7}}),
    )
    assert said.response["error"] == {"code": "rate_limit_exceeded", "message": "slow down Please try again in 7s."}


def test_pulses_are_events_and_begin_the_answer() -> None:
    writer = CLIENTS[R].stream_writer(request_of(R), STAMP)
    assert b"response.created" in writer.pulse()
    assert writer.pulse() == b'event: keepalive\ndata: {"type":"keepalive"}\n\n'
    assert writer.begin() == b""


# What this dialect's own backends say.


def item_events(index: int, item: Object, *grown: bytes) -> bytes:
    opened = {key: {"content": [], "arguments": "", "input": ""}.get(key, value) for key, value in item.items()}
    added = event("response.output_item.added", output_index=index, item={**opened, "status": "in_progress"})
    return added + b"".join(grown) + event("response.output_item.done", output_index=index, item=item)


def test_native_items_keep_their_identity() -> None:
    thought = {
        "id": "rs_9",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "E",
    }
    said_text = {"type": "output_text", "text": "hi", "annotations": [], "logprobs": []}
    words = {
        "id": "msg_9",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [said_text],
        "phase": "final_answer",
    }
    said = heard(
        R,
        event("response.created", response={"id": "resp_9", "model": "gpt"}),
        item_events(0, thought),
        item_events(1, words, event("response.output_text.delta", output_index=1, content_index=0, delta="hi")),
        event("response.completed", response={"id": "resp_9", "status": "completed", "output": []}),
        body=SUMMARISED,
    )
    assert said.items[0] == thought
    assert said.items[1]["phase"] == "final_answer"
    assert said.response["id"] == f"resp_{STAMP.id}"


@pytest.mark.parametrize("sent", ["whole items", "only the end", "nothing but done"])
def test_backends_that_say_less(sent: str) -> None:
    item = {
        "id": "fc_1",
        "type": "function_call",
        "status": "completed",
        "call_id": "a",
        "name": "f",
        "arguments": '{"x":1}',
    }
    end = event("response.completed", response={"status": "completed", "output": [item]})
    done = event("response.output_item.done", output_index=0, item=item)
    frames = {"whole items": item_events(0, item) + end, "only the end": end, "nothing but done": done + end}
    assert calls_in(heard(R, frames[sent])) == TWO_CALLS[:1]


def test_a_search_is_shown_to_a_messages_client() -> None:
    action = {
        "type": "search",
        "query": "q",
        "queries": ["q"],
        "sources": [{"type": "url", "url": "https://a.example"}],
    }
    item = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": action}
    events = events_of(
        R, [item_events(0, item), event("response.completed", response={"status": "completed", "output": [item]})]
    )
    writer = CLIENTS[M].stream_writer(request_of(M), STAMP)
    wire = b"".join(map(writer.feed, events))
    for cut in ([wire], [wire[n : n + 1] for n in range(len(wire))]):
        said = official.messages(cut, stream=True)
        assert [kind for kind, *_ in said.blocks] == ["server_tool_use", "web_search_tool_result"]
    assert b'"web_search_requests":1' in wire
    assert b'"url":"https://a.example"' in wire


@pytest.mark.skipif(
    not (VENDORS / "openai-error.1.chunks.txt").exists(), reason="no vendors' recordings; set DRAGOMAN_TRANSCRIPTS"
)
def test_a_recorded_failure_is_told_as_one() -> None:
    lines = (VENDORS / "openai-error.1.chunks.txt").read_text().split("\n")
    events = events_of(R, [b"data: %b\n\n" % line.encode() for line in lines if line])
    (failed,) = [told for told in events if isinstance(told, Failed)]
    assert (failed.problem.kind, failed.problem.code) == ("out_of_credit", "insufficient_quota")
