"""What a Messages backend says, as events."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Opaque, Request, Seal, Text, Thinking, ToolCall
from dragoman.hub.route import Profile
from dragoman.protocols import tool_names
from dragoman.protocols.anthropic_messages.problems import read_problem
from dragoman.protocols.anthropic_messages.usage import read_usage
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError, SSEReader

_DIALECT: Final = "anthropic-messages"
_REASON: Final[dict[str, Reason]] = {
    "end_turn": "stop",
    "max_tokens": "length",
    "stop_sequence": "stop_sequence",
    "tool_use": "tool_calls",
    "pause_turn": "paused",
    "refusal": "filtered",
    "model_context_window_exceeded": "context_full",
    "compaction": "compacted",
}
_GROWTH: Final = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`)."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self._sse: Final = SSEReader()
        self._family: Final = profile.family
        self._names: Final = tool_names.originals(request.tools)
        self._kinds: dict[int, Literal["text", "thinking", "tool", "other"]] = {}
        self._signatures: dict[int, str] = {}
        self._grew: set[int] = set()
        self._whole_input: dict[int, str] = {}
        self._began = False
        self._called = False
        self._stop: dict[str, Any] = {}
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
            events += self._fail(Problem("truncated", _TRUNCATED))
        return events

    def read_whole(self, body: bytes) -> list[Event]:
        try:
            answer = jsons.read(body)
        except jsons.JSONError as error:
            private = body[:200].decode("utf-8", "replace")
            return self._fail(
                Problem("backend_failed", f"the backend's answer is not valid JSON: {error}", private=private)
            )
        if not isinstance(answer, dict) or answer.get("type") == "error" or not isinstance(answer.get("content"), list):
            return self._fail(read_problem(0, {}, body))
        events: list[Event] = [Began(_text(answer.get("id")) or None, _text(answer.get("model")) or None)]
        for index, block in enumerate(answer["content"]):
            if isinstance(block, dict):
                events += self._open(index, block, whole=True)
                events += self._close(index)
        if (usage := read_usage(answer.get("usage"))) is not None:
            events.append(Noted(usage))
        self._stop = answer
        return [*events, self._end()]

    def _frame(self, frame: Frame) -> list[Event]:
        data = frame.data.strip()
        if self._over or not data or data == b"[DONE]":
            return []
        try:
            said = jsons.read(data)
        except jsons.JSONError as error:
            private = data[:200].decode("utf-8", "replace")
            return self._fail(Problem("backend_failed", f"the backend sent a garbled stream: {error}", private=private))
        if not isinstance(said, dict):
            return self._fail(Problem("backend_failed", "the backend sent a garbled stream: an event is no object"))
        return list(self._event(said, data))

    def _event(self, said: dict[str, Any], data: bytes) -> Iterator[Event]:
        index = said.get("index")
        number = index if isinstance(index, int) else 0
        match said.get("type"):
            case "content_block_delta":
                yield from self._delta(number, _object(said, "delta"))
            case "content_block_start":
                yield from self._open(number, _object(said, "content_block"))
            case "content_block_stop":
                yield from self._close(number)
            case "message_start" if not self._began:
                yield from self._begin(_object(said, "message"))
            case "message_delta":
                self._stop |= _object(said, "delta")
                if (usage := read_usage(said.get("usage"))) is not None:
                    yield Noted(usage)
            case "message_stop":
                for open_block in list(self._kinds):
                    yield from self._close(open_block)
                yield self._end()
            case "error":
                yield from self._fail(read_problem(0, {}, data))

    def _begin(self, message: dict[str, Any]) -> Iterator[Event]:
        self._began = True
        yield Began(_text(message.get("id")) or None, _text(message.get("model")) or None)
        if (usage := read_usage(message.get("usage"))) is not None:
            yield Noted(usage)

    def _open(self, index: int, block: dict[str, Any], *, whole: bool = False) -> Iterator[Event]:
        match block.get("type"):
            case "text":
                self._kinds[index] = "text"
                yield Opened(index, Text(""))
                yield from self._grow(index, _text(block.get("text")))
                for citation in block.get("citations") or ():
                    yield from self._cite(index, citation)
            case "thinking":
                self._kinds[index] = "thinking"
                yield Opened(index, Thinking(""))
                yield from self._grow(index, _text(block.get("thinking")))
                self._signatures[index] = _text(block.get("signature"))
            case "redacted_thinking":
                seal = Seal(_DIALECT, self._family, _text(block.get("data")), "redacted")
                self._kinds[index] = "other"
                yield Showed(index, Thinking("", seal))
            case "tool_use" | "server_tool_use":
                yield from self._open_call(index, block, whole=whole)
            case str(kind):
                self._kinds[index] = "other"
                yield Showed(index, Opaque(_DIALECT, kind, block))

    def _open_call(self, index: int, block: dict[str, Any], *, whole: bool) -> Iterator[Event]:
        self._kinds[index] = "tool"
        ours = block["type"] == "tool_use"
        self._called = self._called or ours
        name = _text(block.get("name"))
        yield Opened(
            index,
            ToolCall(_text(block.get("id")), self._names.get(name, name), by="client" if ours else "backend"),
        )
        value = block.get("input")
        if isinstance(value, dict) and value:
            # Streams open with `{}` and grow; some compatible servers open with the whole input and never grow.
            self._whole_input[index] = jsons.write_text(value)
        if whole:
            yield from self._grow(index, self._whole_input.pop(index, ""))

    def _delta(self, index: int, delta: dict[str, Any]) -> Iterator[Event]:
        kind = delta.get("type")
        if (field := _GROWTH.get(_text(kind))) is not None:
            yield from self._grow(index, _text(delta.get(field)))
        elif kind == "signature_delta":
            self._signatures[index] = self._signatures.get(index, "") + _text(delta.get("signature"))
        elif kind == "citations_delta":
            yield from self._cite(index, delta.get("citation"))

    def _grow(self, index: int, text: str) -> Iterator[Event]:
        if text and self._kinds.get(index) not in (None, "other"):
            self._grew.add(index)
            yield Grew(index, text)

    def _cite(self, index: int, citation: Any) -> Iterator[Event]:
        if not isinstance(citation, dict) or not isinstance(citation.get("url"), str):
            return  # only places on the web have a counterpart elsewhere
        known = frozenset({"type", "url", "title", "cited_text"})
        extra = {key: value for key, value in citation.items() if key not in known}
        yield Cited(
            index,
            Citation(citation["url"], _text(citation.get("title")), _text(citation.get("cited_text")), extra=extra),
        )

    def _close(self, index: int) -> Iterator[Event]:
        kind = self._kinds.pop(index, None)
        if kind is None or kind == "other":
            return
        if index not in self._grew and (value := self._whole_input.pop(index, "")):
            yield from self._grow_late(index, value)
        signature = self._signatures.pop(index, "")
        yield Closed(index, Seal(_DIALECT, self._family, signature) if signature else None)

    def _grow_late(self, index: int, value: str) -> Iterator[Event]:
        self._grew.add(index)
        yield Grew(index, value)

    def _end(self) -> Event:
        self._over = True
        raw = _text(self._stop.get("stop_reason")) or None
        reason = _REASON.get(raw or "", "stop")
        if reason in ("stop", "tool_calls"):
            reason = "tool_calls" if self._called else "stop"
        details = self._stop.get("stop_details")
        explanation = _text(details.get("explanation")) if isinstance(details, dict) else ""
        return Ended(reason, raw, _text(self._stop.get("stop_sequence")) or None, explanation or None)

    def _fail(self, problem: Problem) -> list[Event]:
        self._over = True
        return [Failed(problem)]


class Tap:
    """Listens to a relayed stream: parses only the frames that carry usage."""

    def __init__(self) -> None:
        self._sse: Final = SSEReader()
        self.ended = False

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self._sse.feed(data):
            if frame.event in ("message_stop", "error"):
                self.ended = True
            elif frame.event in ("message_start", "message_delta"):
                self._hear(frame.data, events)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            usage = read_usage(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []
        return [] if usage is None else [Noted(usage)]

    def _hear(self, data: bytes, events: list[Event]) -> None:
        try:
            said = jsons.read(data)
        except jsons.JSONError:
            return
        if isinstance(said, dict):
            holder = _object(said, "message") if said.get("type") == "message_start" else said
            if (usage := read_usage(holder.get("usage"))) is not None:
                events.append(Noted(usage))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
