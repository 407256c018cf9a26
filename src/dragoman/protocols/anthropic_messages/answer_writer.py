"""Saying an answer as a Messages client expects to hear it.

Blocks come strictly one after another and are numbered by order of opening. What is said of another block while one is
open waits until that one is closed.
"""

from typing import Any, Final, assert_never

from dragoman.hub.answer import Answer, Said
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Opaque, Refusal, Request, Seal, Text, Thinking, ToolCall, ToolResult
from dragoman.hub.usage import Usage
from dragoman.protocols import arguments
from dragoman.protocols.anthropic_messages.problems import stream_problem
from dragoman.protocols.anthropic_messages.usage import write_usage
from dragoman.protocols.codec import Stamp
from dragoman.wire import jsons, sse

_STOP: Final[dict[Reason, str]] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "length": "max_tokens",
    "context_full": "model_context_window_exceeded",
    "tool_calls": "tool_use",
    "refused": "refusal",
    "filtered": "refusal",
    "paused": "pause_turn",
    "compacted": "end_turn",
}
_CUT_SHORT: Final = frozenset({"length", "context_full"})
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":'
_TAIL: Final = b"}}\n\n"


class StreamWriter:
    """One streamed answer."""

    def __init__(self, request: Request, stamp: Stamp) -> None:
        self._model: Final = request.model
        self._id: Final = f"msg_{stamp.id}"
        self._usage = Usage()
        self._begun = False
        self._count = 0
        self._current: int | None = None  # the open block
        self._index = 0  # its number on the wire
        self._head = b""  # what stands before the text of its growth
        self._call: ToolCall | None = None
        self._arguments: list[str] = []
        self._cut: ToolCall | None = (
            None  # a call whose arguments are no object: fine if the answer was cut short there
        )
        self._later: list[Event] = []
        self._dead = False

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return _say("message_start", message=message)

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew and event.block == self._current:  # the hot path first
            if self._call is not None:
                self._arguments.append(event.text)
            return self._head + jsons.write(event.text) + _TAIL
        if self._dead:
            return b""
        if isinstance(event, Noted):
            self._usage = self._usage.updated(event.usage)
            return b""
        return self.begin() + self._say_in_order(event)

    def pulse(self) -> bytes:
        return self.begin() or _say("ping")

    def _say_in_order(self, event: Event) -> bytes:
        if self._cut is not None and not isinstance(event, Failed):
            return self._after_cut(event)
        if self._current is not None and _block_of(event) not in (None, self._current):
            self._later.append(event)
            return b""
        match event:
            case Opened():
                return self._opened(event)
            case Closed():
                return self._closed(event)
            case Cited():
                return self._delta({"type": "citations_delta", "citation": write_citation(event.citation)})
            case Showed():
                return self._showed(event.part)
            case Ended():
                return self._ended(event)
            case Failed():
                self._dead = True
                return stream_problem(event.problem)
            case Began() | Grew() | Noted():
                return b""
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> bytes:
        self._current, self._index, self._call = event.block, self._count, None
        self._count += 1
        part = event.part
        head = _DELTA % self._index
        match part:
            case Text() | Refusal():
                self._head = head + b'"text_delta","text":'
                block: dict[str, Any] = {"type": "text", "text": ""}
            case Thinking():
                self._head = head + b'"thinking_delta","thinking":'
                block = {"type": "thinking", "thinking": "", "signature": ""}
            case ToolCall():
                self._head = head + b'"input_json_delta","partial_json":'
                self._call, self._arguments = part, []
                block = {"type": _call_type(part), "id": part.id, "name": part.name, "input": {}}
            case _:
                assert_never(part)
        return _say("content_block_start", index=self._index, content_block=block)

    def _closed(self, event: Closed) -> bytes:
        if self._current is None:
            return b""
        call, self._call = self._call, None
        if call is not None and arguments.as_object("".join(self._arguments)) is None:
            # A block that is closed is a call the client will run: not with half its arguments.
            self._cut, self._current = call, None
            return self._waited()
        signed = b""
        if event.seal is not None and event.seal.dialect == "anthropic-messages":
            signed = self._delta({"type": "signature_delta", "signature": event.seal.value})
        self._current = None
        return signed + _say("content_block_stop", index=self._index) + self._waited()

    def _waited(self) -> bytes:
        """Say what waited for the block that is closed now."""
        later, self._later = self._later, []
        return b"".join([self._say_in_order(event) for event in later if not self._dead])

    def _after_cut(self, event: Event) -> bytes:
        call, self._cut = self._cut, None
        if isinstance(event, Ended) and event.reason in _CUT_SHORT:
            return _say("content_block_stop", index=self._index) + self._ended(event)
        self._dead = True
        name = call.name if call else ""
        return stream_problem(Problem("backend_failed", f"the model produced invalid arguments for the tool {name}"))

    def _showed(self, part: ToolResult | Opaque | Thinking) -> bytes:
        block = _whole_block(part)
        if block is None:
            return b""
        index, self._count = self._count, self._count + 1
        return _say("content_block_start", index=index, content_block=block) + _say("content_block_stop", index=index)

    def _ended(self, event: Ended) -> bytes:
        usage = write_usage(self._usage)
        return _say("message_delta", delta=_stop(event), usage=usage) + _say("message_stop")

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _say("content_block_delta", index=self._index, delta=delta)


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    content: list[dict[str, Any]] = []
    broken = False
    for part in answer.parts:
        block = _block(part, cut_short=answer.reason in _CUT_SHORT)
        if block is not None:
            broken = broken or (isinstance(part, ToolCall) and block["type"] == "text")
            content.append(block)
    reason = answer.reason
    if broken and reason == "tool_calls" and not any(block["type"] == "tool_use" for block in content):
        reason = "stop"
    ended = Ended(reason, answer.raw, answer.stop_sequence, answer.explanation)
    return jsons.write(
        {
            "id": f"msg_{stamp.id}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": content,
            **_stop(ended),
            "usage": write_usage(answer.usage),
        }
    )


def _block(part: Said, *, cut_short: bool) -> dict[str, Any] | None:
    match part:
        case Text():
            said: dict[str, Any] = {"type": "text", "text": part.text, **part.extra}
            if part.citations:
                said["citations"] = [write_citation(citation) for citation in part.citations]
            return said if part.text or part.citations else None
        case Refusal():
            return {"type": "text", "text": part.text}
        case ToolCall():
            return _call_block(part, cut_short=cut_short)
        case Thinking() | ToolResult() | Opaque():
            return _whole_block(part)
        case _:
            assert_never(part)


def _call_block(call: ToolCall, *, cut_short: bool) -> dict[str, Any]:
    """`input` must be an object, and whatever is put there is run: so a broken call becomes text."""
    value = arguments.repaired(call.arguments)
    if value is None:
        said = "the answer was cut short in a call of" if cut_short else "the model produced invalid arguments for"
        return {"type": "text", "text": f"[{said} {call.name}]"}
    return {"type": _call_type(call), "id": call.id, "name": call.name, "input": value}


def _whole_block(part: ToolResult | Opaque | Thinking) -> dict[str, Any] | None:
    match part:
        case Opaque(dialect="anthropic-messages", raw=dict(raw)):
            return raw
        case Thinking(seal=Seal(form="redacted", value=value)):
            return {"type": "redacted_thinking", "data": value}
        case Thinking():
            signature = part.seal.value if part.seal and part.seal.dialect == "anthropic-messages" else ""
            return {"type": "thinking", "thinking": part.text, "signature": signature}
        case ToolResult() | Opaque():
            return None
        case _:
            assert_never(part)


def write_citation(citation: Citation) -> dict[str, Any]:
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.cited_text,
        "encrypted_index": "",
        **citation.extra,
    }


def _call_type(call: ToolCall) -> str:
    return "tool_use" if call.by == "client" else "server_tool_use"


def _stop(ended: Ended) -> dict[str, Any]:
    said: dict[str, Any] = {"stop_reason": _STOP[ended.reason], "stop_sequence": ended.stop_sequence}
    if ended.reason in ("refused", "filtered"):
        said["stop_details"] = {"type": "refusal", "category": None, "explanation": ended.explanation}
    return said


def _block_of(event: Event) -> int | None:
    return event.block if isinstance(event, Opened | Grew | Closed | Cited | Showed) else None


def _say(kind: str, **fields: Any) -> bytes:
    return sse.write(kind, jsons.write({"type": kind, **fields}))
