"""Saying an answer as a Messages client expects to hear it.

Blocks come strictly one after another and are numbered by order of opening. What is said of another block while one is
open waits until that one is closed.
"""

from collections.abc import Callable
from typing import Any, Final, assert_never

from dragoman.hub.answer import Answer, Said
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Running, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    Citation,
    Fetched,
    Opaque,
    Refusal,
    Request,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from dragoman.hub.usage import Usage
from dragoman.protocols import arguments, free_text
from dragoman.protocols.anthropic_messages.problems import stream_problem
from dragoman.protocols.anthropic_messages.server_blocks import server_blocks
from dragoman.protocols.anthropic_messages.usage import PRIORITY, write_usage
from dragoman.protocols.codec import Stamp
from dragoman.protocols.strainer import Strainer
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
# The events that every answer begins with: id, model and usage; the block's number.
_MESSAGE_START: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"%b","type":"message","role":"assistant",'
    b'"model":%b,"content":[],"stop_reason":null,"stop_sequence":null,"usage":%b}}\n\n'
)
_BLOCK_START: Final = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":'
_TEXT_START: Final = _BLOCK_START + b'{"type":"text","text":""}}\n\n'
_THINKING_START: Final = _BLOCK_START + b'{"type":"thinking","thinking":"","signature":""}}\n\n'
_NOTHING_YET: Final = Usage()
_NO_USAGE: Final = jsons.write(write_usage(_NOTHING_YET))


class StreamWriter:
    """One streamed answer."""

    def __init__(self, request: Request, stamp: Stamp) -> None:
        self._model: Final = request.model
        self._id: Final = f"msg_{stamp.id}"
        self._stamp: Final = stamp
        self._usage = _NOTHING_YET
        self._tier: str | None = None
        self._begun = False
        self._over = False
        self._count = 0  # of the blocks so far
        self._current: int | None = None  # the open block
        self._index = 0  # its number on the wire
        self._head = b""  # what stands before the text of its growth
        self._call: ToolCall | None = None  # the open block, if it is one
        self._through: Callable[[str], str] | None = None  # what its growth goes through before it is said
        self._strainer: Strainer | None = None
        self._server_id = ""  # of the last call of the server's own, if it has none
        self._broken: ToolCall | None = None  # a call whose arguments are no object; fine only in an answer cut short
        self._later: list[Event] = []

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        usual = self._usage is _NOTHING_YET and self._tier != PRIORITY
        usage = _NO_USAGE if usual else jsons.write(write_usage(self._usage, self._tier))
        return _MESSAGE_START % (self._id.encode(), jsons.write(self._model), usage)

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew and event.block == self._current:  # the hot path first
            text = event.text if self._through is None else self._through(event.text)
            return self._head + jsons.write(text) + _TAIL if text else b""
        if self._over:
            return b""
        if type(event) is Began:
            self._tier = event.tier
            return self.begin()
        if type(event) is Noted:
            self._usage = self._usage.updated(event.usage)
            return b""
        if type(event) is Opened and self._current is None and self._broken is None:
            said = self._opened(event)
        else:
            said = self._say_in_order(event)
        return said if self._begun else self.begin() + said

    def pulse(self) -> bytes:
        return self.begin() or _say("ping")

    def _say_in_order(self, event: Event) -> bytes:
        block = getattr(event, "block", None)
        # What concerns another block waits for the end of the open one; behind a broken call all waits for the end.
        if block is not None and (self._broken is not None or self._current not in (None, block)):
            self._later.append(event)
            return b""
        match event:
            case Opened():
                return self._opened(event)
            case Grew():
                return self.feed(event) if event.block == self._current else b""
            case Closed():
                return self._closed(event) if event.block == self._current else b""
            case Cited():
                citation = {"type": "citations_delta", "citation": write_citation(event.citation)}
                return self._delta(citation) if event.block == self._current else b""
            case Running():
                return self._runs(event)
            case Showed():
                return self._showed(event)
            case Ended():
                return self._ended(event)
            case Failed():
                return self._failed(event.problem)
            case Began() | Noted():
                return b""
            case _:
                assert_never(event)

    def _opened(self, event: Opened) -> bytes:
        self._current, self._index, self._call, self._through = event.block, self._count, None, None
        self._count += 1
        part = event.part
        head = _DELTA % self._index
        if type(part) is Text or type(part) is Refusal:
            self._head = head + b'"text_delta","text":'
            return _TEXT_START % self._index
        if type(part) is Thinking:
            self._head = head + b'"thinking_delta","thinking":'
            return _THINKING_START % self._index
        if type(part) is ToolCall:
            self._head = head + b'"input_json_delta","partial_json":'
            return self._opened_call(part)
        assert_never(part)

    def _opened_call(self, call: ToolCall) -> bytes:
        self._call, self._strainer = call, Strainer()
        self._through = free_text.piece if _takes_text(call) else self._strainer.feed
        block = {"type": _call_type(call), "id": call.id, "name": call.name, "input": {}}
        said = _say("content_block_start", index=self._index, content_block=block)
        return said + self._grow(free_text.OPENING) if _takes_text(call) else said

    def _grow(self, text: str) -> bytes:
        return self._head + jsons.write(text) + _TAIL

    def _closed(self, event: Closed) -> bytes:
        call, self._call = self._call, None
        signed = b""
        if _takes_text(call):
            signed = self._grow(free_text.CLOSING)
        elif self._strainer is not None and call is not None and not self._strainer.sound:
            # A block that is closed is a call the client will run: not with half its arguments.
            self._broken, self._current = call, None
            return b""
        elif event.seal is not None and event.seal.dialect == "anthropic-messages":
            signed = self._delta({"type": "signature_delta", "signature": event.seal.value})
        return signed + self._stop_block() + self._waited()

    def _stop_block(self) -> bytes:
        self._current = None
        return _say("content_block_stop", index=self._index)

    def _waited(self) -> bytes:
        """Say what waited for the block that is closed now."""
        later, self._later = self._later, []
        return b"".join(map(self._say_in_order, later))

    def _showed(self, event: Showed) -> bytes:
        part = event.part
        if isinstance(part, Searched | Fetched):
            return self._ran(event.block, part)
        block = _whole_block(part)
        if block is None:
            return b""
        index, self._count = self._count, self._count + 1
        return _say("content_block_start", index=index, content_block=block) + _say("content_block_stop", index=index)

    def _runs(self, event: Running) -> bytes:
        """It is open until it is over, so that its result comes directly behind it."""
        self._current = event.block
        return self._server_call(event.part)

    def _server_call(self, part: Searched | Fetched) -> bytes:
        """A call of the server's own tool, whose input grows as any call's does."""
        index, self._count = self._count, self._count + 1
        self._server_id = f"{self._stamp.id}{index:x}"
        call, _ = server_blocks(part, self._server_id)
        delta = {"type": "input_json_delta", "partial_json": jsons.write_text(call["input"])}
        return b"".join(
            (
                _say("content_block_start", index=index, content_block={**call, "input": {}}),
                _say("content_block_delta", index=index, delta=delta),
                _say("content_block_stop", index=index),
            )
        )

    def _ran(self, block: int, part: Searched | Fetched) -> bytes:
        has_begun = self._current == block
        said = b"" if has_begun else self._server_call(part)
        index, self._count = self._count, self._count + 1
        _, result = server_blocks(part, self._server_id)
        said += _say("content_block_start", index=index, content_block=result) + _say("content_block_stop", index=index)
        if not has_begun:
            return said
        self._current = None
        return said + self._waited()

    def _ended(self, event: Ended) -> bytes:
        said = b""
        while self._broken is not None:
            if event.reason not in _CUT_SHORT:
                problem = f"the model produced invalid arguments for the tool {self._broken.name}"
                return said + self._failed(Problem("backend_failed", problem))
            self._broken = None
            said += self._stop_block() + self._waited()
        self._over, self._current = True, None
        usage = write_usage(self._usage, event.tier or self._tier)
        return said + _say("message_delta", delta=_stop(event), usage=usage) + _say("message_stop")

    def _failed(self, problem: Problem) -> bytes:
        self._over, self._current = True, None
        return stream_problem(problem)

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _say("content_block_delta", index=self._index, delta=delta)


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    content: list[dict[str, Any]] = []
    for part in answer.parts:
        content += _blocks(part, f"{stamp.id}{len(content):x}", cut_short=answer.reason in _CUT_SHORT)
    reason = answer.reason
    if reason == "tool_calls" and not any(block["type"] == "tool_use" for block in content):
        reason = "stop"  # no call was sound
    ended = Ended(reason, answer.raw, answer.stop_sequence, answer.explanation)
    return jsons.write(
        {
            "id": f"msg_{stamp.id}",
            "type": "message",
            "role": "assistant",
            "model": request.model,
            "content": content,
            **_stop(ended),
            "usage": write_usage(answer.usage, answer.tier),
        }
    )


def _blocks(part: Said, id_: str, *, cut_short: bool) -> list[dict[str, Any]]:
    """id_: for what needs one and has none."""
    match part:
        case Text():
            said: dict[str, Any] = {"type": "text", "text": part.text}
            if part.citations:
                said["citations"] = [write_citation(citation) for citation in part.citations]
            return [said] if part.text or part.citations else []
        case Refusal():
            return [{"type": "text", "text": part.text}]
        case ToolCall():
            return [_call_block(part, cut_short=cut_short)]
        case Thinking() | ToolResult() | Opaque():
            block = _whole_block(part)
            return [] if block is None else [block]
        case Searched() | Fetched():
            return [*server_blocks(part, id_)]
        case _:
            assert_never(part)


def _call_block(call: ToolCall, *, cut_short: bool) -> dict[str, Any]:
    """`input` must be an object, and whatever is put there is run: so a broken call becomes text."""
    value = {"input": call.arguments} if _takes_text(call) else arguments.repaired(call.arguments)
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
            if not part.text and not signature:
                return None
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


def _takes_text(call: ToolCall | None) -> bool:
    return call is not None and call.kind == "custom"


def _say(kind: str, **fields: Any) -> bytes:
    return sse.write(kind, jsons.write({"type": kind, **fields}))
