"""What a Messages backend says, as events."""

from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Opaque, Request, Seal, Text, Thinking, ToolCall
from dragoman.hub.route import Profile
from dragoman.protocols.anthropic_messages import usage
from dragoman.protocols.backend_problems import read_problem, unreadable
from dragoman.protocols.call_ids import CallIds
from dragoman.protocols.codec import Stamp
from dragoman.protocols.frames import DONE, Frames
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError

_DIALECT: Final = "anthropic-messages"
_REASON: Final[dict[str, Reason]] = {
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "pause_turn": "paused",
    "refusal": "filtered",
    "model_context_window_exceeded": "context_full",
    "compaction": "compacted",
}
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"
_CITATION: Final = frozenset({"type", "url", "title", "cited_text"})

_Kind = Literal["text", "thinking", "call", "shown"]
# What makes a block grow: the delta's type, the member that holds the growth, the kind of block.
_GROWTH: Final[dict[str, tuple[str, _Kind]]] = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "call"),
}
_GROWTH_OF: Final = {kind: (delta, member) for delta, (member, kind) in _GROWTH.items()}


class _Block(Struct):
    """One block while it is being said. input: what a call opened with, said only if it never grows."""

    number: int
    kind: _Kind
    signature: str = ""
    input: str = ""
    grew: bool = False


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`).

    request: the ids of its past tool calls are not given out again.
    """

    def __init__(self, request: Request, profile: Profile, stamp: Stamp) -> None:
        self._frames: Final = Frames()
        self._mend: Final = self._frames.mend
        self._family: Final = profile.family
        self._ids: Final = CallIds(request, stamp)
        self._usage: Final = usage.Said()
        self._said: list[Event] = []  # since the last call
        self._open: dict[int, _Block] = {}  # by their number on the wire
        self._count = 0
        self._began = False
        self._called = False
        self._stop: dict[str, Any] = {}
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        try:
            frames = self._frames.feed(data)
        except FrameTooLargeError as error:
            self._fail(Problem("backend_failed", f"the backend sent an unreadable stream: {error}"))
            return self._taken()
        self._hear(frames)
        said, self._said = self._said, []
        return said

    def finish(self) -> list[Event]:
        if self._over:
            return []
        if self._frames.body:
            return self.read_whole(bytes(self._frames.body))
        self._hear(self._frames.unfinished())
        if not self._over:
            self._fail(Problem("truncated", _TRUNCATED))
        return self._taken()

    def read_whole(self, body: bytes) -> list[Event]:
        try:
            answer = jsons.read(body)
        except jsons.JSONError as error:
            self._fail(unreadable("the backend's answer is not valid JSON", body, error))
            return self._taken()
        if not isinstance(answer, dict) or answer.get("type") == "error" or not isinstance(answer.get("content"), list):
            self._fail(read_problem(0, {}, body))
            return self._taken()
        self._begin(answer)
        for index, block in enumerate(answer["content"]):
            if isinstance(block, dict) and not self._over:
                self._start(index, block)
                self._close(index)
        if not self._over:
            self._stop = answer
            self._end()
        return self._taken()

    def _taken(self) -> list[Event]:
        said, self._said = self._said, []
        return said

    def _hear(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._over:
                return
            try:
                said = jsons.read_mended(frame.data, self._mend)
            except jsons.JSONError as error:
                data = frame.data.strip()
                if data and data != DONE:
                    self._fail(unreadable("the backend sent a garbled stream", data, error))
                continue
            if type(said) is not dict:
                self._fail(Problem("backend_failed", "the backend sent a garbled stream: an event is no object"))
            elif said.get("type") != "content_block_delta" or not self._goes_on(said):
                self._event(said, frame.data)

    def _goes_on(self, said: dict[str, Any]) -> bool:
        """The hot path: hear an event that is nothing but more of an open block. False: it is something else."""
        delta, index = said.get("delta"), said.get("index")
        if type(delta) is not dict or type(index) is not int:
            return False
        block = self._open.get(index)
        if block is None or (growth := _GROWTH_OF.get(block.kind)) is None or delta.get("type") != growth[0]:
            return False
        text = delta.get(growth[1])
        if type(text) is not str or not text:
            return False
        block.grew = True
        self._said.append(Grew(block.number, text))
        return True

    def _event(self, said: dict[str, Any], data: bytes) -> None:
        index = said.get("index")
        if type(index) is not int:
            index = 0
        match said.get("type"):
            case "content_block_delta":
                self._delta(index, _object(said, "delta"))
            case "content_block_start":
                self._start(index, _object(said, "content_block"))
            case "content_block_stop":
                self._close(index)
            case "message_start":
                self._begin(_object(said, "message"))
            case "message_delta":
                self._stop |= _object(said, "delta")
                if (noted := self._usage.updated(said.get("usage"))) is not None:
                    self._said.append(Noted(noted))
            case "message_stop":
                self._end()
            case "error":
                self._fail(read_problem(0, {}, data))

    def _begin(self, message: dict[str, Any]) -> None:
        noted = self._usage.updated(message.get("usage"))
        if not self._began:  # some say it twice
            self._began = True
            own, model = message.get("id"), message.get("model")
            self._said.append(
                Began(
                    own if type(own) is str and own else None,
                    model if type(model) is str and model else None,
                    self._usage.tier,
                )
            )
        if noted is not None:
            self._said.append(Noted(noted))

    def _start(self, index: int, block: dict[str, Any]) -> None:
        if index in self._open:
            self._close(index)
        match block.get("type"):
            case "text":
                self._open_block(index, "text", Text(""))
                if text := block.get("text"):
                    self._grow(index, text)
                citations = block.get("citations")
                for citation in citations if isinstance(citations, list) else ():
                    self._cite(index, citation)
            case "thinking":
                opened = self._open_block(index, "thinking", Thinking(""))
                opened.signature = _text(block.get("signature"))
                if thought := block.get("thinking"):
                    self._grow(index, thought)
            case "redacted_thinking":
                self._show(Thinking("", Seal(_DIALECT, self._family, _text(block.get("data")), "redacted")))
            case "tool_use" | "server_tool_use" as kind:
                self._start_call(index, block, ours=kind == "tool_use")
            case str(kind):
                self._show(Opaque(_DIALECT, kind, block))

    def _start_call(self, index: int, block: dict[str, Any], *, ours: bool) -> None:
        name = _text(block.get("name"))
        if not name:
            self._fail(Problem("backend_failed", "the backend called a tool without naming it"))
            return
        self._called = self._called or ours
        call_id = self._ids.fresh(_text(block.get("id")))
        call = ToolCall(call_id, self._ids.name(name), by="client" if ours else "backend")
        opened, value = self._open_block(index, "call", call), block.get("input")
        if value not in (None, {}):
            # Streams open with `{}` and grow; whole answers, and some servers' streams, open with all there is.
            opened.input = value if isinstance(value, str) else jsons.write_text(value)

    def _open_block(self, index: int, kind: _Kind, part: Text | Thinking | ToolCall) -> _Block:
        self._began = True
        self._open[index] = block = _Block(self._count, kind)
        self._count += 1
        self._said.append(Opened(block.number, part))
        return block

    def _show(self, part: Thinking | Opaque) -> None:
        self._began = True
        self._said.append(Showed(self._count, part))
        self._count += 1

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        growth = _GROWTH.get(kind) if isinstance(kind, str) else None
        if growth is not None:
            block, text = self._open.get(index), _text(delta.get(growth[0]))
            if text and (block is None or block.kind != growth[1]):
                block = self._reopen(index, growth[1])
            if text and block is not None:
                block.grew = True
                self._said.append(Grew(block.number, text))
        elif kind == "signature_delta":
            if (block := self._open.get(index)) is not None:
                block.signature += _text(delta.get("signature"))
        elif kind == "citations_delta":
            self._cite(index, delta.get("citation"))

    def _reopen(self, index: int, kind: _Kind) -> _Block | None:
        """Growth of another kind than the block is of, or of none that was opened: a block of its own, if it can be."""
        if kind == "call":
            return None
        self._close(index)
        return self._open_block(index, kind, Text("") if kind == "text" else Thinking(""))

    def _grow(self, index: int, text: Any) -> None:
        if isinstance(text, str):
            block = self._open[index]
            block.grew = True
            self._said.append(Grew(block.number, text))

    def _cite(self, index: int, citation: Any) -> None:
        block = self._open.get(index)
        if block is None or block.kind != "text":
            return
        if not isinstance(citation, dict) or not isinstance(citation.get("url"), str):
            return  # only places on the web have a counterpart elsewhere
        extra = {key: value for key, value in citation.items() if key not in _CITATION}
        cited = Citation(citation["url"], _text(citation.get("title")), _text(citation.get("cited_text")), extra=extra)
        self._said.append(Cited(block.number, cited))

    def _close(self, index: int) -> None:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.input and not block.grew:
            self._said.append(Grew(block.number, block.input))
        seal = Seal(_DIALECT, self._family, block.signature) if block.kind == "thinking" and block.signature else None
        self._said.append(Closed(block.number, seal))

    def _end(self) -> None:
        for index in list(self._open):
            self._close(index)
        self._over = True
        raw = _text(self._stop.get("stop_reason")) or None
        reason = _REASON.get(raw or "") or ("tool_calls" if self._called else "stop")
        details = self._stop.get("stop_details")
        explanation = _text(details.get("explanation")) if isinstance(details, dict) else ""
        sequence = _text(self._stop.get("stop_sequence")) or None
        self._said.append(Ended(reason, raw, sequence, explanation or None, self._usage.tier))

    def _fail(self, problem: Problem) -> None:
        self._over = True
        self._said.append(Failed(problem))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
