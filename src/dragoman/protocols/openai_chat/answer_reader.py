"""What a Chat Completions backend says, as events.

A whole answer is read as the one delta it would have been, so that streamed and whole answers cannot differ.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Refusal, Request, Seal, Text, Thinking, ToolCall, ToolResult
from dragoman.hub.route import Profile
from dragoman.protocols import tool_names
from dragoman.protocols.arguments import as_object
from dragoman.protocols.codec import Stamp
from dragoman.protocols.openai_chat.problems import read_problem
from dragoman.protocols.openai_chat.usage import read_usage
from dragoman.protocols.think_tags import ThinkTags
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError, SSEReader

_REASON: Final[dict[str, Reason]] = {
    "stop": "stop",
    "": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
}
_NOT_AN_END: Final = frozenset({"abort", "error", "insufficient_system_resource"})

TRUNCATED: Final = "the backend's stream ended before the answer was complete"


class _Call(Struct):
    """One tool call while it is being said. Its block opens once its name is known."""

    block: int
    id: str | None
    name: str = ""
    pieces: list[str] = []
    opened: bool = False
    closed: bool = False


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`).

    request: the ids of its past tool calls are not given out again.
    """

    def __init__(self, request: Request, profile: Profile, stamp: Stamp) -> None:
        self._sse: Final = SSEReader()
        self._tags: Final = ThinkTags(profile.think_tags, implicit_open=profile.implicit_open)
        self._names: Final = tool_names.originals(request.tools)
        self._family: Final = profile.family
        self._request: Final = request
        self._stamp: Final = stamp
        self._blocks = 0
        self._open: int | None = None  # the open block that is not a tool call
        self._open_kind: Literal["text", "thinking", "refusal", ""] = ""
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._given: set[str] | None = None
        self._began = False
        self._raw: str | None = None
        self._stop_sequence: str | None = None
        self._declined: list[str] = []
        self._details: list[Any] = []
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        try:
            frames = self._sse.feed(data)
        except FrameTooLargeError as error:
            return self._fail(Problem("backend_failed", f"the backend sent an unreadable stream: {error}"))
        events: list[Event] = []
        for frame in frames:
            events += self._frame(frame)
        return events

    def finish(self) -> list[Event]:
        events: list[Event] = []
        for frame in self._sse.unfinished():
            events += self._frame(frame)
        if not self._over:
            # Without [DONE] the finish reason is the only sign that the answer is whole.
            events += self._end() if self._raw is not None else self._fail(Problem("truncated", TRUNCATED))
        return events

    def read_whole(self, body: bytes) -> list[Event]:
        try:
            answer = jsons.read(body)
        except jsons.JSONError as error:
            private = body[:200].decode("utf-8", "replace")
            return self._fail(
                Problem("backend_failed", f"the backend's answer is not valid JSON: {error}", private=private)
            )
        if not isinstance(answer, dict) or _error_in(answer) or not answer.get("choices"):
            return self._fail(read_problem(0, {}, body))
        events = self._chunk(answer, "message")
        if not self._over:
            self._raw = self._raw or "stop"
            events += self._end()
        return events

    def _frame(self, frame: Frame) -> list[Event]:
        if self._over:
            return []
        data = frame.data.strip()
        if not data:
            return []
        if data == b"[DONE]":
            return self._end()
        try:
            chunk = jsons.read(data)
        except jsons.JSONError as error:
            private = data[:200].decode("utf-8", "replace")
            return self._fail(Problem("backend_failed", f"the backend sent a garbled stream: {error}", private=private))
        if frame.event == "error" or not isinstance(chunk, dict) or _error_in(chunk):
            return self._fail(read_problem(0, {}, data))
        return self._chunk(chunk, "delta")

    def _chunk(self, chunk: dict[str, Any], key: str) -> list[Event]:
        events: list[Event] = []
        if not self._began:
            self._began = True
            events.append(Began(_text(chunk.get("id")) or None, _text(chunk.get("model")) or None))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                self._choice(choice, key, events)
        if (usage := read_usage(chunk.get("usage"))) is not None:
            events.append(Noted(usage))
        return events

    def _choice(self, choice: dict[str, Any], key: str, events: list[Event]) -> None:
        delta = choice.get(key)
        if isinstance(delta, dict):
            for event in self._delta(delta):
                events += self._tags.feed(event)
        finish = choice.get("finish_reason")
        if isinstance(finish, str):
            self._raw = finish
        matched = choice.get("stop_reason", choice.get("matched_stop"))
        if isinstance(matched, str) and matched in self._request.stop:
            self._stop_sequence = matched  # vLLM and SGLang tell which one

    def _delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        # `reasoning_content` (DeepSeek, SGLang, llama.cpp, older vLLM) or `reasoning` (vLLM, Ollama, OpenRouter);
        # some send both with the same text.
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get("reasoning_details")
        if isinstance(details, list):
            self._details += details
            thought = thought or "".join(
                _text(d.get("text") or d.get("summary")) for d in details if isinstance(d, dict)
            )
        if thought and isinstance(thought, str):
            yield from self._say("thinking", thought)
        content = delta.get("content")
        if content:
            yield from self._content(content)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._declined.append(refusal)
            yield from self._say("refusal", refusal)
        calls = delta.get("tool_calls")
        for entry in calls if isinstance(calls, list) else ():
            if isinstance(entry, dict):
                yield from self._call(entry)
        if isinstance(legacy := delta.get("function_call"), dict):
            yield from self._call({"index": 0, "function": legacy})
        if annotations := delta.get("annotations"):
            yield from self._annotations(annotations)

    def _content(self, content: Any) -> Iterator[Event]:
        if isinstance(content, str):
            yield from self._say("text", content)
            return
        for part in content if isinstance(content, list) else ():  # Mistral's reasoning models send parts
            if not isinstance(part, dict):
                continue
            if part.get("type") == "thinking":
                inner = part.get("thinking")
                pieces = inner if isinstance(inner, list) else [{"text": inner}]
                if thought := "".join(_text(p.get("text")) for p in pieces if isinstance(p, dict)):
                    yield from self._say("thinking", thought)
            elif text := _text(part.get("text")):
                yield from self._say("text", text)

    def _say(self, kind: Literal["text", "thinking", "refusal"], text: str) -> Iterator[Event]:
        if self._open is None or self._open_kind != kind:
            yield from self._close_open()
            yield from self._close_complete_calls()
            self._open, self._open_kind = self._next_block(), kind
            part: Text | Thinking | Refusal = (
                Text("") if kind == "text" else Thinking("") if kind == "thinking" else Refusal("")
            )
            yield Opened(self._open, part)
        yield Grew(self._open, text)

    def _close_open(self) -> Iterator[Event]:
        if self._open is not None:
            seal = None
            if self._open_kind == "thinking" and self._details:
                seal = Seal("openai-chat", self._family, self._details, "details")
                self._details = []
            yield Closed(self._open, seal)
            self._open, self._open_kind = None, ""

    def _close_complete_calls(self) -> Iterator[Event]:
        """Something else begins: calls whose JSON is complete are over. Others may still grow (interleaved deltas)."""
        for call in self._calls:
            if call.opened and not call.closed and call.pieces and as_object("".join(call.pieces)) is not None:
                call.closed = True
                yield Closed(call.block)

    def _call(self, entry: dict[str, Any]) -> Iterator[Event]:
        body = entry.get("function") or entry.get("custom")
        function: dict[str, Any] = body if isinstance(body, dict) else {}
        name = _text(function.get("name"))
        call = self._which_call(entry, name)
        arguments = function.get("arguments", function.get("input"))
        if isinstance(arguments, dict):  # some servers send the object itself
            arguments = jsons.write_text(arguments)
        if not call.name:
            call.name = name
        piece = _text(arguments)
        if piece:
            call.pieces.append(piece)
        if call.opened:
            if piece:
                yield Grew(call.block, piece)
        elif call.name:
            yield from self._open_call(call, entry)

    def _open_call(self, call: _Call, entry: dict[str, Any]) -> Iterator[Event]:
        yield from self._close_open()
        yield from self._close_complete_calls()
        call.opened = True
        kind: Literal["custom", "function"] = "custom" if isinstance(entry.get("custom"), dict) else "function"
        name = self._names.get(call.name, call.name)
        yield Opened(call.block, ToolCall(self._free_id(call.id), name, kind=kind))
        if call.pieces:
            yield Grew(call.block, "".join(call.pieces))

    def _which_call(self, entry: dict[str, Any], name: str) -> _Call:
        """Find the call an entry goes on with: by id first, then by index; a new name is a new call.

        Seen: a second call on index 0 with its own id; id and name in every delta; no index at all (Gemini); no id.
        """
        index, call_id = entry.get("index"), _text(entry.get("id")) or None
        index = index if isinstance(index, int) else None
        at_index = self._by_index.get(index) if index is not None else None
        if at_index is not None and (call_id is None or at_index.id in (None, call_id)):
            finished = bool(name and at_index.name and name != at_index.name and at_index.pieces)
            if not finished:
                at_index.id = at_index.id or call_id
                return at_index
        if index is None:
            if call_id is not None:
                known = next((call for call in self._calls if call.id == call_id), None)
                if known is not None:
                    return known
            elif not name and self._calls:
                return self._calls[-1]
        call = _Call(self._next_block(), call_id)
        self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        return call

    def _free_id(self, call_id: str | None) -> str:
        """The backend's id, unless it has none or repeats one (Kimi's `functions.x:0`, vLLM's counters)."""
        if self._given is None:
            parts = (part for turn in self._request.turns for part in turn.parts)
            self._given = {
                p.id if isinstance(p, ToolCall) else p.call_id for p in parts if isinstance(p, ToolCall | ToolResult)
            }
        if call_id is None or call_id in self._given:
            call_id = f"call_{self._stamp.id}{len(self._calls)}"
        self._given.add(call_id)
        return call_id

    def _annotations(self, annotations: Any) -> Iterator[Event]:
        block = self._open if self._open_kind == "text" else None
        if block is None:
            return
        for annotation in annotations if isinstance(annotations, list) else ():
            cited = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(cited, dict) and isinstance(cited.get("url"), str):
                start, end = cited.get("start_index"), cited.get("end_index")
                yield Cited(
                    block,
                    Citation(
                        cited["url"],
                        _text(cited.get("title")),
                        _text(cited.get("content")),
                        start if isinstance(start, int) else None,
                        end if isinstance(end, int) else None,
                    ),
                )

    def _end(self) -> list[Event]:
        raw = self._raw
        if raw in _NOT_AN_END:
            return self._fail(Problem("backend_failed", f"the backend gave up on the answer (finish_reason {raw!r})"))
        if any(not call.opened and (call.id or call.pieces) for call in self._calls):
            return self._fail(Problem("backend_failed", "the backend called a tool without naming it"))
        events: list[Event] = []
        for event in (*self._close_open(), *self._close_calls()):
            events += self._tags.feed(event)
        self._over = True
        events.append(Ended(self._reason(raw), raw, self._stop_sequence, "".join(self._declined) or None))
        return events

    def _close_calls(self) -> Iterator[Event]:
        for call in self._calls:
            if call.opened and not call.closed:
                call.closed = True
                yield Closed(call.block)

    def _reason(self, raw: str | None) -> Reason:
        """The tool calls that were made decide, not what the backend calls the end of its answer."""
        reason = _REASON.get(raw or "", "stop")
        if reason in ("stop", "tool_calls"):
            if any(call.opened for call in self._calls):
                return "tool_calls"
            if self._declined:
                return "refused"
            return "stop_sequence" if self._stop_sequence is not None else "stop"
        return reason

    def _fail(self, problem: Problem) -> list[Event]:
        self._over = True
        return [Failed(problem)]

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1


class Tap:
    """Listens to a relayed stream: parses only the frames that carry usage."""

    def __init__(self) -> None:
        self._sse: Final = SSEReader()
        self.ended = False

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self._sse.feed(data):
            self._hear(frame.data, events)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            usage = read_usage(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []
        return [] if usage is None else [Noted(usage)]

    def _hear(self, data: bytes, events: list[Event]) -> None:
        if data == b"[DONE]" or b'"error"' in data[:12]:
            self.ended = True
            return
        if b'"finish_reason"' in data and b'"finish_reason":null' not in data and b'"finish_reason": null' not in data:
            self.ended = True
        if b'"usage"' in data and b'"usage":null' not in data and b'"usage": null' not in data:
            try:
                chunk = jsons.read(data)
            except jsons.JSONError:
                return
            if isinstance(chunk, dict) and (usage := read_usage(chunk.get("usage"))) is not None:
                events.append(Noted(usage))


def _error_in(chunk: dict[str, Any]) -> bool:
    if chunk.get("error") or chunk.get("object") == "error":
        return True
    base = chunk.get("base_resp")  # MiniMax reports errors with status 200
    return isinstance(base, dict) and bool(base.get("status_code")) and not chunk.get("choices")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
