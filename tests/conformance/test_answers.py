"""The conformance cases of the answer side, by their names: what a backend says, and what the client's SDK hears.

Every stream is read in one piece and in single bytes, with LF, CRLF and CR, and what we write is given to the official
SDK in one piece and in single bytes. Whatever the cut, it must parse without an exception and say the same.
"""

from typing import Any, Final

import msgspec
import pytest
from msgspec import Struct

from dragoman.hub.answer import fold
from dragoman.hub.events import Event, Failed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, FunctionTool, Request
from dragoman.hub.route import Profile
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.wire import jsons
from tests.conformance import official
from tests.conformance.backends import (
    DONE,
    block,
    call,
    chunk,
    completion,
    event,
    frame,
    message,
    start,
    stop,
    text,
    text_block,
    thinking_block,
    tool_block,
    usage,
)
from tests.conformance.official import Heard
from tests.laws import wires
from tests.laws.recorded import STAMP

C: Final = "openai-chat"
M: Final = "anthropic-messages"
MINTED: Final = f"call_{STAMP.id}"
TRUNCATED: Final = "the backend's stream ended before the answer was complete"


class Case(Struct, kw_only=True, frozen=True):
    """One row. client, backend: C or M. heard: by the client's SDK; `usage` None = not compared.

    whole: the same answer where no stream was asked for, and what is heard of it if that differs.
    """

    client: str
    backend: str
    heard: Heard
    stream: bytes = b""
    whole: bytes = b""
    whole_heard: Heard | None = None
    profile: Profile = Profile()
    request: dict[str, Any] = {}
    only_lf: bool = False
    whole_pieces_only: bool = False


def said(*blocks: tuple[Any, ...], reason: str = "end_turn", **more: Any) -> Heard:
    return Heard(blocks=list(blocks), reason=reason, **more)


def failed(message: str, error: str = "APIStatusError") -> Heard:
    return Heard(error=error, message=message)


HI: Final = text("hi") + chunk(finish="stop") + DONE
BIG: Final = "x" * 8 * 2**20

# The members in which reasoning comes; T stands for the text.
REASONING: Final[dict[str, dict[str, Any]]] = {
    "reasoning_content": {"reasoning_content": "T"},
    "reasoning": {"reasoning": "T"},
    "both": {"reasoning_content": "T", "reasoning": "T"},
    "details": {"reasoning": "T", "reasoning_details": [{"type": "reasoning.text", "text": "T"}]},
    "only details": {"reasoning_details": [{"type": "reasoning.summary", "summary": "T"}]},
}


def _as(form: dict[str, Any], said_text: str) -> dict[str, Any]:
    delta: dict[str, Any] = jsons.read(jsons.write(form).replace(b'"T"', jsons.write(said_text)))
    return delta


CASES: Final[dict[str, Case]] = {
    # The SSE layer
    "sse_crlf": Case(client=M, backend=C, stream=HI, heard=said(("text", "hi"))),
    "sse_cr_only": Case(client=C, backend=M, stream=start() + text_block(0, "hi") + stop(), heard=said(("text", "hi"), reason="stop")),
    "sse_utf8_split": Case(
        client=M, backend=C, stream=text("é", "漢😀") + chunk(finish="stop") + DONE, heard=said(("text", "é漢😀"))
    ),
    "sse_u2028_inside": Case(
        client=M,
        backend=C,
        stream='data: {"choices":[{"index":0,"delta":{"content":"a\u2028b\x85c"},"finish_reason":"stop"}]}\n\n'.encode() + DONE,
        heard=said(("text", "a\u2028b\x85c")),
    ),
    "sse_comments_blank": Case(
        client=M, backend=C, stream=b": keepalive\n\n\n\n" + text("a") + b": OPENROUTER PROCESSING\n\n\n" + text("b") + chunk(finish="stop") + DONE, heard=said(("text", "ab"))
    ),
    "sse_multiline_data": Case(
        client=M,
        backend=C,
        stream=b'data: {"choices":[\ndata: {"index":0,"delta":{"content":"hi"},\ndata: "finish_reason":"stop"}]}\n\n' + DONE,
        heard=said(("text", "hi")),
    ),
    "sse_no_space": Case(client=M, backend=C, stream=HI.replace(b"data: ", b"data:"), heard=said(("text", "hi"))),
    "sse_id_retry_fields": Case(
        client=C, backend=C, stream=b"id: 7\nretry: 100\n\n" + HI.replace(b"\n\n", b"\nid: 8\n\nretry: 9\n\n"), heard=said(("text", "hi"), reason="stop")
    ),
    "sse_last_event_unterminated": Case(
        client=M, backend=C, stream=(text("hi") + chunk(finish="stop")).removesuffix(b"\n\n"), heard=said(("text", "hi"))
    ),
    "sse_huge_event": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="write", arguments=jsons.write_text({"text": BIG})) + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "write", {"text": BIG}), reason="tool_use"),
        whole_pieces_only=True,
    ),
    "sse_bom_and_event_names": Case(
        client=M, backend=C, stream=b"\xef\xbb\xbf" + HI.replace(b"data:", b"event: message\ndata:"), heard=said(("text", "hi"))
    ),
    "sse_garbage_json": Case(
        client=M, backend=C, stream=text("hi") + b"data: {oops\n\n" + HI, heard=failed("the backend sent a garbled stream")
    ),
    "sse_done_then_junk": Case(client=M, backend=C, stream=HI + text("junk") + b"data: {oops\n\n", heard=said(("text", "hi"))),
    # Text, finish, usage
    "chat_basic_to_messages": Case(
        client=M,
        backend=C,
        stream=chunk({"role": "assistant", "content": ""}) + text("hi") + chunk(finish="stop") + usage(prompt_tokens=10, completion_tokens=2) + DONE,
        whole=completion({"content": "hi"}, said={"prompt_tokens": 10, "completion_tokens": 2}),
        heard=said(("text", "hi"), usage=(10, 0, 0, 2, None)),
    ),
    "usage_chunk_empty_choices": Case(
        client=M, backend=C, stream=text("hi") + chunk(finish="stop") + usage(prompt_tokens=7, completion_tokens=1) + DONE, heard=said(("text", "hi"), usage=(7, 0, 0, 1, None))
    ),
    "usage_choices_null": Case(
        client=M, backend=C, stream=text("hi") + chunk(finish="stop") + usage(None, prompt_tokens=7, completion_tokens=1) + DONE, heard=said(("text", "hi"), usage=(7, 0, 0, 1, None))
    ),
    "usage_on_every_chunk": Case(
        client=M,
        backend=C,
        stream=b"".join(usage([{"index": 0, "delta": {"content": c}, "finish_reason": None}], prompt_tokens=7, completion_tokens=n + 1) for n, c in enumerate("hi")) + chunk(finish="stop") + DONE,
        heard=said(("text", "hi"), usage=(7, 0, 0, 2, None)),
    ),
    "usage_cached_split": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk(finish="stop") + usage(prompt_tokens=1000, completion_tokens=5, prompt_tokens_details={"cached_tokens": 800, "cache_write_tokens": 100}) + DONE,
        whole=completion({"content": "hi"}, said={"prompt_tokens": 1000, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100}}),
        heard=said(("text", "hi"), usage=(100, 800, 100, 5, None)),
    ),
    "usage_sum_back": Case(
        client=C,
        backend=M,
        stream=start(input_tokens=100, cache_read_input_tokens=800, cache_creation_input_tokens=100)
        + text_block(0, "hi")
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20}})
        + event("message_stop"),
        whole=message([{"type": "text", "text": "hi"}], said={"input_tokens": 100, "cache_read_input_tokens": 800, "cache_creation_input_tokens": 100, "output_tokens": 50, "output_tokens_details": {"thinking_tokens": 20}}),
        heard=said(("text", "hi"), reason="stop", usage=(1000, 800, 100, 50, 20)),
    ),
    "usage_missing": Case(
        client=M, backend=C, stream=HI, whole=completion({"content": "hi"}), heard=said(("text", "hi"), usage=(0, 0, 0, 0, None))
    ),
    "usage_only_if_asked": Case(
        client=C,
        backend=M,
        stream=start(input_tokens=9) + text_block(0, "hi") + stop(),
        request={"stream_usage": False},
        heard=said(("text", "hi"), reason="stop", usage=()),
    ),
    "empty_delta": Case(
        client=M,
        backend=C,
        stream=chunk({}) + chunk({"content": ""}) + frame({"choices": [{"index": 0, "delta": None}]}) + chunk({"content": None, "tool_calls": []}) + chunk(finish="stop") + DONE,
        whole=completion({"content": ""}),
        heard=said(),
    ),
    "null_content_no_tools": Case(
        client=C, backend=C, stream=chunk({"content": None}, "stop") + DONE, whole=completion({"content": None}), heard=said(reason="stop")
    ),
    "finish_before_last_delta": Case(
        client=M, backend=C, stream=text("a") + chunk(finish="stop") + text("b") + DONE, heard=said(("text", "ab"))
    ),
    "finish_stop_with_tools": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments="{}") + chunk(finish="stop") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
        heard=said(("call", "a", "f", {}), reason="tool_use"),
    ),
    "finish_toolcalls_without_tools": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": "hi", "tool_calls": []}, "tool_calls"),
        heard=said(("text", "hi")),
    ),
    "finish_length": Case(
        client=M, backend=C, stream=text("hal") + chunk(finish="length") + DONE, whole=completion({"content": "hal"}, "length"), heard=said(("text", "hal"), reason="max_tokens")
    ),
    "finish_length_in_call": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"path":"x","te') + chunk(finish="length") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"path":"x","te'}}]}, "length"),
        heard=said(("call", "a", "f", {"path": "x"}), reason="max_tokens"),
        whole_heard=said(("text", "[the answer was cut short in a call of f]"), reason="max_tokens"),
    ),
    "finish_length_in_interleaved_calls": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"x":') + call(index=1, id="b", name="g", arguments='{"y"') + call(arguments="1}") + chunk(finish="length") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), ("call", "b", "g", {}), reason="max_tokens"),
    ),
    "finish_length_in_interleaved_calls, both": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"x":') + call(index=1, id="b", name="g", arguments='{"y"') + call(arguments="1") + chunk(finish="length") + DONE,
        heard=said(("call", "a", "f", {}), ("call", "b", "g", {}), reason="max_tokens"),
    ),
    "finish_content_filter": Case(
        client=M,
        backend=C,
        stream=text("no") + chunk(finish="content_filter") + DONE,
        whole=completion({"content": "no"}, "content_filter"),
        heard=said(("text", "no"), reason="refusal"),
    ),
    "finish_unknown_abort": Case(
        client=M,
        backend=C,
        stream=text("hal") + chunk(finish="abort") + DONE,
        heard=failed("the backend gave up on the answer (finish_reason 'abort')"),
    ),
    "finish_unknown_abort to chat": Case(
        client=C,
        backend=C,
        stream=text("hal") + chunk(finish="error") + DONE,
        heard=failed("the backend gave up on the answer (finish_reason 'error')", "APIError"),
    ),
    "refusal_field": Case(
        client=M,
        backend=C,
        stream=chunk({"refusal": "no"}) + chunk(finish="stop") + DONE,
        whole=completion({"content": None, "refusal": "no"}),
        heard=said(("text", "no"), reason="refusal", explanation="no"),
    ),
    "refusal_messages_to_chat": Case(
        client=C,
        backend=M,
        stream=start() + stop("refusal", stop_details={"type": "refusal", "category": "x", "explanation": "E"}),
        whole=message([], "refusal", stop_details={"type": "refusal", "explanation": "E"}),
        heard=said(("refusal", "E"), reason="content_filter"),
    ),
    "stop_sequence_matched": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk(finish="stop", stop_reason="END") + DONE,
        whole=completion({"content": "hi"}, stop_reason="END"),
        request={"stop": ("END",)},
        heard=said(("text", "hi"), reason="stop_sequence", stop_sequence="END"),
    ),
    "stop_sequence_matched by SGLang": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk(finish="stop", stop_reason=None, matched_stop="END") + DONE,
        request={"stop": ("END",)},
        heard=said(("text", "hi"), reason="stop_sequence", stop_sequence="END"),
    ),
    "stop_sequence_matched is a token": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk(finish="stop", stop_reason=151645) + DONE,
        heard=said(("text", "hi")),
    ),
    "two_choices": Case(
        client=M,
        backend=C,
        stream=text("a") + chunk({"content": "X"}, index=1) + text("b") + chunk(finish="length", index=1) + chunk(finish="stop") + DONE,
        heard=said(("text", "ab")),
    ),
    "context_window": Case(
        client=C,
        backend=M,
        stream=start() + text_block(0, "hi") + stop("model_context_window_exceeded"),
        whole=message([{"type": "text", "text": "hi"}], "model_context_window_exceeded"),
        heard=said(("text", "hi"), reason="length"),
    ),
    # Tools
    "tool_args_split_mid_escape": Case(
        client=M,
        backend=C,
        stream=b"".join([call(id="a", name="f", arguments='{"t":"a\\'), call(arguments="n\\u00"), call(arguments='e9"}')]) + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"t": "a\né"}), reason="tool_use"),
    ),
    "tool_args_split_mid_escape to chat": Case(
        client=C,
        backend=M,
        stream=start() + tool_block(0, "a", "f", '{"t":"a\\', "n\\u00", 'e9"}') + stop("tool_use"),
        heard=said(("call", "a", "f", '{"t":"a\\n\\u00e9"}'), reason="tool_calls"),
    ),
    "tool_parallel_sequential": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments="") + call(arguments='{"x":1}') + call(index=1, id="b", name="g", arguments='{"y":2}') + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}, {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"y":2}'}}]}, "tool_calls"),
        heard=said(("call", "a", "f", {"x": 1}), ("call", "b", "g", {"y": 2}), reason="tool_use"),
    ),
    "tool_parallel_sequential to chat": Case(
        client=C,
        backend=M,
        stream=start() + text_block(0, "so") + tool_block(1, "a", "f", "{}") + tool_block(2, "b", "g", '{"y":', "2}") + stop("tool_use"),
        whole=message([{"type": "text", "text": "so"}, {"type": "tool_use", "id": "a", "name": "f", "input": {}}, {"type": "tool_use", "id": "b", "name": "g", "input": {"y": 2}}], "tool_use"),
        heard=said(("text", "so"), ("call", "a", "f", "{}"), ("call", "b", "g", '{"y":2}'), reason="tool_calls"),
    ),
    "tool_parallel_interleaved": Case(
        client=M,
        backend=C,
        stream=b"".join([call(id="a", name="f", arguments='{"x":'), call(index=1, id="b", name="g", arguments='{"y":'), call(arguments="1}"), call(index=1, arguments="2}")]) + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), ("call", "b", "g", {"y": 2}), reason="tool_use"),
    ),
    "tool_dup_index_new_id": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"x":1}') + call(id="b", name="g", arguments='{"y":2}') + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), ("call", "b", "g", {"y": 2}), reason="tool_use"),
    ),
    "tool_dup_index_new_id, interleaved": Case(
        client=C,
        backend=C,
        stream=call(id="a", name="f", arguments='{"x":') + call(id="b", name="g", arguments='{"y":') + call(id="a", arguments="1}") + call(id="b", arguments="2}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", '{"x":1}'), ("call", "b", "g", '{"y":2}'), reason="tool_calls"),
    ),
    "tool_same_id_every_chunk": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"x"') + call(id="a", name="f", arguments=":1") + call(id="a", name="f", arguments="}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), reason="tool_use"),
    ),
    "tool_same_id_for_two": Case(
        client=M,
        backend=C,
        stream=call(id="f:0", name="f", arguments='{"x":1}') + call(index=1, id="f:0", name="f", arguments='{"x":2}') + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "f:0", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}, {"id": "f:0", "type": "function", "function": {"name": "f", "arguments": '{"x":2}'}}]}, "tool_calls"),
        heard=said(("call", "f:0", "f", {"x": 1}), ("call", f"{MINTED}1", "f", {"x": 2}), reason="tool_use"),
    ),
    "tool_name_late": Case(
        client=M,
        backend=C,
        stream=call(id="a") + call(arguments='{"x"') + call(name="f", arguments=":1}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), reason="tool_use"),
    ),
    "tool_name_late, twice without ids": Case(
        client=C,
        backend=C,
        stream=call(arguments="{") + call(index=1, arguments="{") + call(name="f", arguments="}") + call(index=1, name="g", arguments="}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", f"{MINTED}1", "f", "{}"), ("call", f"{MINTED}2", "g", "{}"), reason="tool_calls"),
    ),
    "tool_name_never": Case(
        client=M,
        backend=C,
        stream=call(id="a", arguments="{}") + chunk(finish="tool_calls") + DONE,
        heard=failed("the backend called a tool without naming it"),
    ),
    "tool_name_never, cut short": Case(
        client=M, backend=C, stream=text("so") + call(id="a") + chunk(finish="length") + DONE, heard=said(("text", "so"), reason="max_tokens")
    ),
    "tool_id_missing": Case(
        client=M,
        backend=C,
        stream=call(name="f", arguments="{") + call(arguments="}") + call(index=1, name="g", arguments="{}") + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "g"}}]}, "tool_calls"),
        heard=said(("call", f"{MINTED}1", "f", {}), ("call", f"{MINTED}2", "g", {}), reason="tool_use"),
    ),
    "tool_id_missing from messages": Case(
        client=C,
        backend=M,
        stream=start() + block(0, {"type": "tool_use", "name": "f", "input": {}}) + stop("tool_use"),
        heard=said(("call", f"{MINTED}1", "f", "{}"), reason="tool_calls"),
    ),
    "tool_index_missing": Case(
        client=M,
        backend=C,
        stream=call(index=None, id="a", name="f", arguments='{"x":') + call(index=None, id="a", arguments="1}") + call(index=None, id="b", name="g", arguments="{}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), ("call", "b", "g", {}), reason="tool_use"),
    ),
    "tool_index_missing, and id": Case(
        client=M,
        backend=C,
        stream=call(index=None, name="f", arguments="{") + call(index=None, arguments="}") + call(index=None, name="f", arguments="{}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", f"{MINTED}1", "f", {}), ("call", f"{MINTED}2", "f", {}), reason="tool_use"),
    ),
    "tool_index_starts_at_1": Case(
        client=C,
        backend=C,
        stream=call(index=1, id="a", name="f", arguments="{}") + call(index=2, id="b", name="g", arguments="{}") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", "{}"), ("call", "b", "g", "{}"), reason="tool_calls"),
    ),
    "tool_whole_in_one_chunk": Case(
        client=M,
        backend=C,
        stream=chunk({"role": "assistant", "content": "", "tool_calls": [{"id": "a", "index": 0, "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}]}, "stop") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), reason="tool_use"),
    ),
    "tool_arguments_as_object": Case(
        client=M,
        backend=C,
        stream=chunk({"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}]}, "stop") + DONE,
        heard=said(("call", "a", "f", {"x": 1}), reason="tool_use"),
    ),
    "tool_function_call_legacy": Case(
        client=M,
        backend=C,
        stream=chunk({"function_call": {"name": "f", "arguments": ""}}) + chunk({"function_call": {"arguments": "{}"}}) + chunk(finish="function_call") + DONE,
        heard=said(("call", f"{MINTED}1", "f", {}), reason="tool_use"),
    ),
    "tool_white_space_after_arguments": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments="{}") + text("so") + call(arguments="\n") + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", {}), ("text", "so"), reason="tool_use"),
    ),
    "tool_args_invalid_final": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"a": nope}') + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a": nope}'}}]}, "tool_calls"),
        heard=failed("the model produced invalid arguments for the tool f"),
        whole_heard=said(("text", "[the model produced invalid arguments for f]")),
    ),
    "tool_args_invalid_final, control character": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='{"a":"x\ny"}') + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a":"x\ny"}'}}]}, "tool_calls"),
        heard=said(("call", "a", "f", {"a": "x\ny"}), reason="tool_use"),
    ),
    "tool_args_invalid_final to chat": Case(
        client=C,
        backend=C,
        stream=call(id="a", name="f", arguments='{"a": nope}') + chunk(finish="tool_calls") + DONE,
        heard=said(("call", "a", "f", '{"a": nope}'), reason="tool_calls"),
    ),
    "tool_args_invalid_final, text behind": Case(
        client=M,
        backend=C,
        stream=call(id="a", name="f", arguments='```json\n{"a":1,}') + call(arguments="\n```") + chunk(finish="tool_calls") + DONE,
        whole=completion({"content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '```json\n{"a":1}\n```'}}]}, "tool_calls"),
        heard=said(("call", "a", "f", {"a": 1}), reason="tool_use"),
    ),
    # Reasoning
    **{
        f"reasoning_field_variants {name}": Case(
            client=M,
            backend=C,
            stream=chunk({"content": None, **_as(form, "a")}) + chunk(_as(form, "b")) + text("c") + chunk(finish="stop") + DONE,
            whole=completion({"content": "c", **_as(form, "ab")}),
            heard=said(("thinking", "ab"), ("text", "c")),
        )
        for name, form in REASONING.items()
    },
    "reasoning_in_parts": Case(
        client=M,
        backend=C,
        stream=chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]})
        + chunk({"content": [{"type": "thinking", "thinking": "b"}, {"type": "text", "text": "c"}, 7, {"type": "reference"}]})
        + chunk(finish="stop")
        + DONE,
        heard=said(("thinking", "ab"), ("text", "c")),
    ),
    "reasoning_after_content": Case(
        client=M,
        backend=C,
        stream=text("a") + chunk({"reasoning_content": "b"}) + text("c") + chunk(finish="stop") + DONE,
        heard=said(("text", "a"), ("thinking", "b"), ("text", "c")),
    ),
    "reasoning_signed": Case(
        client=M,
        backend=M,
        stream=start() + thinking_block(0, "hm", "SIG") + text_block(1, "hi") + stop(),
        whole=message([{"type": "thinking", "thinking": "hm", "signature": "SIG"}, {"type": "text", "text": "hi"}]),
        heard=said(("thinking", "hm", "SIG"), ("text", "hi")),
    ),
    "reasoning_to_chat": Case(
        client=C,
        backend=M,
        stream=start() + thinking_block(0, "hm", "SIG") + text_block(1, "hi") + stop(),
        whole=message([{"type": "thinking", "thinking": "hm", "signature": "SIG"}, {"type": "text", "text": "hi"}]),
        heard=said(("thinking", "hm"), ("text", "hi"), reason="stop"),
    ),
    "think_tag_split": Case(
        client=M,
        backend=C,
        stream=text("<th", "ink>a</thi", "nk>\n\nb") + chunk(finish="stop") + DONE,
        whole=completion({"content": "<think>a</think>\n\nb"}),
        heard=said(("thinking", "a"), ("text", "b")),
    ),
    "think_tag_in_code": Case(
        client=M,
        backend=C,
        stream=text("see `", "<think>", "x</think>`") + chunk(finish="stop") + DONE,
        whole=completion({"content": "see `<think>x</think>`"}),
        heard=said(("text", "see `<think>x</think>`")),
    ),
    "think_close_only": Case(
        client=M,
        backend=C,
        stream=text("a", "</thi", "nk>b") + chunk(finish="stop") + DONE,
        whole=completion({"content": "a</think>b"}),
        profile=Profile(implicit_open=True),
        heard=said(("thinking", "a"), ("text", "b")),
    ),
    "think_whitespace_parity": Case(
        client=M,
        backend=C,
        stream=text(" ", " x ", "\n") + chunk(finish="stop") + DONE,
        whole=completion({"content": "  x \n"}),
        heard=said(("text", "  x \n")),
    ),
    # Citations
    "citations_to_chat": Case(
        client=C,
        backend=M,
        stream=start()
        + block(0, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x", "encrypted_index": "E"}}, {"type": "text_delta", "text": "hi"})
        + stop(),
        whole=message([{"type": "text", "text": "hi", "citations": [{"type": "web_search_result_location", "url": "https://a.example", "title": "A"}]}]),
        heard=said(("text", "hi"), ("cited", "https://a.example"), reason="stop"),
    ),
    "citations_to_messages": Case(
        client=M,
        backend=C,
        stream=text("hi") + chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}}]}) + chunk(finish="stop") + DONE,
        whole=completion({"content": "hi", "annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}]}),
        heard=said(("text", "hi", "https://a.example")),
    ),
    # Failures
    "trunc_mid_tool_messages": Case(
        client=M, backend=C, stream=text("so") + call(id="a", name="f", arguments='{"x":'), heard=failed(TRUNCATED)
    ),
    "trunc_clean_eof": Case(client=M, backend=C, stream=text("hal"), heard=failed(TRUNCATED)),
    "trunc_clean_eof to chat": Case(
        client=C, backend=M, stream=start() + text_block(0, "hal"), heard=failed(TRUNCATED, "APIError")
    ),
    "trunc_inside_a_frame": Case(
        client=M, backend=C, stream=text("hal") + b'data: {"choices":[{"index":0,"del', heard=failed(TRUNCATED)
    ),
    "trunc_inside_the_usage": Case(
        client=M, backend=C, stream=text("hi") + chunk(finish="stop") + b'data: {"choices":[],"usa', heard=said(("text", "hi"))
    ),
    "trunc_before_message_stop": Case(
        client=C,
        backend=M,
        stream=(start() + text_block(0, "hi") + stop()).removesuffix(event("message_stop")),
        heard=failed(TRUNCATED, "APIError"),
    ),
    "no_finish_but_done": Case(client=M, backend=C, stream=text("hi") + DONE, heard=said(("text", "hi"))),
    "nothing_but_done": Case(client=M, backend=C, stream=DONE, heard=failed(TRUNCATED)),
    "upstream_error_in_stream": Case(
        client=M,
        backend=C,
        stream=text("a", "b") + frame({"error": {"message": "out of memory", "type": "server_error"}}) + HI,
        heard=failed("out of memory"),
    ),
    "upstream_error_in_stream to chat": Case(
        client=C,
        backend=M,
        stream=start() + event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        heard=failed("Overloaded", "APIError"),
    ),
    "upstream_error_event_with_bare_object": Case(
        client=M, backend=C, stream=text("a") + b'event: error\ndata: {"message":"bare"}\n\n', heard=failed("bare")
    ),
    "upstream_error_beside_choices": Case(
        client=M,
        backend=C,
        stream=text("a") + frame({"error": {"message": "Provider disconnected", "code": 502}, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}),
        heard=failed("Provider disconnected"),
    ),
    "whole_answer_to_a_stream": Case(client=M, backend=C, stream=completion({"content": "hi"}), heard=said(("text", "hi")), only_lf=True),
    "whole_error_to_a_stream": Case(
        client=C,
        backend=C,
        stream=jsons.write({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
        heard=failed("insufficient balance", "APIError"),
        only_lf=True,
    ),
    "messages_unstopped_blocks": Case(
        client=C,
        backend=M,
        stream=start() + text_block(0, "hi").removesuffix(event("content_block_stop", index=0)) + stop(),
        heard=said(("text", "hi"), reason="stop"),
    ),
    "messages_thinking_in_a_text_block": Case(
        client=M,
        backend=M,
        stream=start() + block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a"}, {"type": "thinking_delta", "thinking": "b"}) + stop(),
        heard=said(("text", "a"), ("thinking", "b")),
    ),
    "messages_unopened_text": Case(
        client=C,
        backend=M,
        stream=start() + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "hi"}) + stop(),
        heard=said(("text", "hi"), reason="stop"),
    ),
    "messages_two_starts": Case(
        client=M, backend=M, stream=start(input_tokens=5) + start(input_tokens=5) + text_block(0, "hi") + stop(), heard=said(("text", "hi"), usage=(5, 0, 0, 2, None))
    ),
    "messages_input_at_the_start": Case(
        client=C,
        backend=M,
        stream=start() + block(0, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}}) + stop("tool_use"),
        heard=said(("call", "a", "f", '{"x":1}'), reason="tool_calls"),
    ),
    "messages_input_as_text": Case(
        client=C,
        backend=M,
        whole=message([{"type": "tool_use", "id": "a", "name": "f", "input": '{"x":1}'}], "tool_use"),
        heard=said(("call", "a", "f", '{"x":1}'), reason="tool_calls"),
    ),
    "messages_without_event_lines": Case(
        client=C,
        backend=M,
        stream=b"".join(line + b"\n\n" for line in (start() + text_block(0, "hi") + stop()).split(b"\n") if line.startswith(b"data")),
        heard=said(("text", "hi"), reason="stop"),
    ),
}  # fmt: skip

STREAMED: Final = [name for name, case in CASES.items() if case.stream]
WHOLE: Final = [name for name, case in CASES.items() if case.whole]


def request_of(case: Case, *, stream: bool) -> Request:
    client: Dialect = "openai-chat" if case.client == C else "anthropic-messages"
    asked = Request(dialect=client, model="the-model", turns=(), stream=stream)
    return msgspec.structs.replace(asked, **case.request)


def side(name: str) -> Dialect:
    return "openai-chat" if name == C else "anthropic-messages"


def spoken(case: Case, pieces: list[bytes]) -> bytes:
    """What the client is told when the backend's stream comes in these pieces."""
    request = request_of(case, stream=True)
    reader = BACKENDS[side(case.backend)].stream_reader(request, case.profile, STAMP)
    writer = CLIENTS[side(case.client)].stream_writer(request, STAMP)
    events = [event for piece in pieces for event in reader.feed(piece)] + reader.finish()
    return b"".join([writer.feed(event) for event in events])


def singly(data: bytes) -> list[bytes]:
    return [data[n : n + 1] for n in range(len(data))]


def heard_by(case: Case, pieces: list[bytes], *, stream: bool) -> Heard:
    return (official.chat if case.client == C else official.messages)(pieces, stream=stream)


def check(heard: Heard, wanted: Heard) -> None:
    if wanted.error:
        assert heard.error == wanted.error
        assert wanted.message in heard.message
        return
    assert heard.blocks == wanted.blocks
    assert (heard.error, heard.reason, heard.stop_sequence) == ("", wanted.reason, wanted.stop_sequence)
    if wanted.usage is not None:
        assert heard.usage == (wanted.usage or None)
    if wanted.explanation is not None:
        assert heard.explanation == wanted.explanation


@pytest.mark.parametrize("name", STREAMED)
def test_streamed(name: str) -> None:
    case = CASES[name]
    breaches = wires.chat_breaches if case.client == C else wires.messages_breaches
    told: set[bytes] = set()
    for ending in (b"\n",) if case.only_lf else (b"\n", b"\r\n", b"\r"):
        stream = case.stream.replace(b"\n", ending)
        told.add(spoken(case, [stream]))
        if not case.whole_pieces_only:
            told.add(spoken(case, singly(stream)))
    for wire in told:
        assert breaches(wire) == []
        for pieces in [wire], *([] if case.whole_pieces_only else [singly(wire)]):
            check(heard_by(case, pieces, stream=True), case.heard)


@pytest.mark.parametrize("name", WHOLE)
def test_whole(name: str) -> None:
    case = CASES[name]
    request = request_of(case, stream=False)
    events = BACKENDS[side(case.backend)].read_answer(case.whole, request, case.profile, STAMP)
    body = CLIENTS[side(case.client)].write_answer(fold(events), request, STAMP)
    check(heard_by(case, [body], stream=False), case.whole_heard or case.heard)


@pytest.mark.parametrize("client", [C, M])
@pytest.mark.parametrize("stream", [False, True])
def test_late_model_alias(client: str, stream: bool) -> None:
    """The client sees the name it asked for, whatever the backend calls it."""
    for backend, said_whole, said_streamed in (
        (C, completion({"content": "hi"}), HI),
        (M, message([]), start() + stop()),
    ):
        case = Case(client=client, backend=backend, heard=Heard())
        request = request_of(case, stream=stream)
        if stream:
            wire = spoken(case, [said_streamed])
        else:
            events = BACKENDS[side(backend)].read_answer(said_whole, request, Profile(), STAMP)
            wire = CLIENTS[side(client)].write_answer(fold(events), request, STAMP)
        assert b'"model":"the-model"' in wire
        assert b"alias-of-it" not in wire


def test_names_that_had_to_be_fitted_are_said_as_the_client_knows_them() -> None:
    long = "mcp__server__" + "tool_" * 20
    tools = (FunctionTool(long), FunctionTool("plain"))
    for name in (long, "plain"):
        case = Case(client=M, backend=C, heard=Heard(), request={"tools": tools})
        fitted = next(iter(_fitted(name)))
        heard = heard_by(case, [spoken(case, [call(id="a", name=fitted, arguments="{}") + DONE])], stream=True)
        assert heard.blocks == [("call", "a", name, {})]
        case = Case(client=C, backend=M, heard=Heard(), request={"tools": tools})
        heard = heard_by(case, [spoken(case, [start() + tool_block(0, "a", fitted) + stop("tool_use")])], stream=True)
        assert heard.blocks == [("call", "a", name, "{}")]


def _fitted(name: str) -> list[str]:
    from dragoman.protocols import tool_names  # noqa: PLC0415 - shown where it matters

    return [tool_names.fit(name)]


# Errors as a status.


class Refusal(Struct, frozen=True):
    """A backend's error answer, and the class and words each SDK turns ours into."""

    status: int
    body: Any
    messages: tuple[int, str]
    chat: tuple[int, str]
    words: str
    headers: dict[str, str] = {}


REFUSALS: Final[dict[str, Refusal]] = {
    "upstream_429_stream": Refusal(429, {"error": {"message": "slow down", "type": "rate_limit_exceeded"}}, (429, "RateLimitError"), (429, "RateLimitError"), "slow down", {"retry-after": "7"}),
    "context_overflow vLLM": Refusal(400, {"object": "error", "message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens", "type": "BadRequestError", "code": 400}, (400, "BadRequestError"), (400, "BadRequestError"), "maximum context length is 8192"),
    "context_overflow llama.cpp": Refusal(400, {"error": {"code": 400, "message": "request (12030 tokens) exceeds the available context size (8192 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 12030, "n_ctx": 8192}}, (400, "BadRequestError"), (400, "BadRequestError"), "exceeds the available context size"),
    "context_overflow Anthropic": Refusal(400, {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"}}, (400, "BadRequestError"), (400, "BadRequestError"), "prompt is too long: 9 tokens > 8 maximum"),
    "upstream_401": Refusal(401, {"error": {"message": "Incorrect API key provided: sk-secretsecretsecret1"}}, (502, "InternalServerError"), (502, "InternalServerError"), "the backend rejected the proxy's credentials"),
    "html_error_page": Refusal(502, b"<html><h1>502 Bad Gateway</h1></html>", (502, "InternalServerError"), (502, "InternalServerError"), "HTTP 502 and no readable message"),
    "unprocessable": Refusal(422, {"detail": [{"loc": ["body", "top_k"], "msg": "too large"}]}, (400, "BadRequestError"), (400, "BadRequestError"), "top_k: too large"),
    "unknown_model": Refusal(404, {"error": {"message": "The model `x` does not exist."}}, (404, "NotFoundError"), (404, "NotFoundError"), "does not exist"),
    "overloaded": Refusal(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, (529, "OverloadedError"), (503, "InternalServerError"), "Overloaded"),
    "out_of_credit": Refusal(402, {"error": {"message": "Insufficient Balance"}}, (402, "PaymentRequiredError"), (429, "RateLimitError"), "Insufficient Balance"),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("backend", [C, M])
@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name: str, backend: str, stream: bool) -> None:
    refusal = REFUSALS[name]
    body = refusal.body if isinstance(refusal.body, bytes) else jsons.write(refusal.body)
    problem = BACKENDS[side(backend)].read_problem(refusal.status, refusal.headers, body)
    for client, (status, error) in ((M, refusal.messages), (C, refusal.chat)):
        refused = CLIENTS[side(client)].write_problem(problem, "req_1")
        assert refused.status == status
        assert dict(refused.headers).get("retry-after") == refusal.headers.get(
            "retry-after", dict(refused.headers).get("retry-after")
        )
        told = official.chat if client == C else official.messages
        heard = told([refused.body], stream=stream, status=refused.status, headers=dict(refused.headers))
        assert (heard.error, refusal.words in heard.message) == (error, True), heard
        assert b"sk-secret" not in refused.body
        assert b"<html>" not in refused.body


def test_error_first_event() -> None:
    """The status has left the house, and the backend dies before its first word."""
    problem: list[Event] = [Failed(Problem("truncated", TRUNCATED))]
    for client in (C, M):
        writer = CLIENTS[side(client)].stream_writer(
            request_of(Case(client=client, backend=C, heard=Heard()), stream=True), STAMP
        )
        wire = writer.begin() + writer.pulse() + b"".join(map(writer.feed, problem))
        heard = (official.chat if client == C else official.messages)([wire], stream=True)
        assert TRUNCATED in heard.message


def test_a_relayed_stream_that_breaks_off_is_told_so() -> None:
    for client, told in ((C, official.chat), (M, official.messages)):
        ours = CLIENTS[side(client)]
        head = (
            text("hal")
            if client == C
            else start() + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        )
        wire = head + ours.pulse() + ours.write_stream_problem(Problem("truncated", TRUNCATED))
        assert TRUNCATED in told([wire], stream=True).message
