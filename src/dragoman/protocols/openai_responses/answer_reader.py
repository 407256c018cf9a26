"""What a Responses backend says, as events.

Deltas are told as they come; `output_item.done` has the last word on an item. Backends that send only whole items, or
only the terminal event, are heard too.
"""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    CallKind,
    Citation,
    Opaque,
    Refusal,
    Request,
    Seal,
    Text,
    Thinking,
    ToolCall,
)
from dragoman.hub.route import Profile
from dragoman.protocols import backend_problems, tool_names
from dragoman.protocols.openai_responses.usage import read_usage
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError, SSEReader

_DIALECT: Final = "openai-responses"
_INCOMPLETE: Final[dict[str, Reason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "filtered",
}
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"
_STRUCTURED: Final[dict[str, tuple[CallKind, str]]] = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "tool_search_call": ("tool_search", "arguments"),
}
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


class _Place:
    """One output item. blocks: its open blocks, by content index; of other items than messages there is one."""

    def __init__(self) -> None:
        self.blocks: dict[int, int] = {}
        self.grown: dict[int, int] = {}  # characters said, by block
        self.summaries = 0
        self.done = False


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`)."""

    def __init__(self, request: Request, profile: Profile) -> None:
        self._sse: Final = SSEReader()
        self._family: Final = profile.family
        self._names: Final = tool_names.originals(request.tools)
        self._places: dict[int, _Place] = {}
        self._blocks = 0
        self._began = False
        self._called = False
        self._declined = False
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
            response = jsons.read(body)
        except jsons.JSONError as error:
            private = body[:200].decode("utf-8", "replace")
            return self._fail(
                Problem("backend_failed", f"the backend's answer is not valid JSON: {error}", private=private)
            )
        if not isinstance(response, dict) or not isinstance(response.get("output"), list):
            return self._fail(backend_problems.read_problem(0, {}, body))
        return list(self._terminal(response))

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
        kind = said.get("type") or frame.event
        if kind == "error" or (kind not in _TERMINAL and isinstance(said.get("error"), dict)):
            return self._fail(backend_problems.read_problem(0, {}, data))
        return list(self._event(kind, said)) if isinstance(kind, str) else []

    def _event(self, kind: str, said: dict[str, Any]) -> Iterator[Event]:
        match kind:
            case "response.output_text.delta":
                yield from self._grow(said, said.get("content_index"), Text(""))
            case "response.refusal.delta":
                yield from self._grow(said, said.get("content_index"), Refusal(""))
            case "response.reasoning_summary_text.delta":
                yield from self._grow_summary(said)
            case "response.reasoning_text.delta":
                yield from self._grow(said, 0, Thinking(""))
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                yield from self._grow(said, 0, None)
            case "response.output_item.added":
                yield from self._added(self._index(said), _object(said, "item"))
            case "response.output_item.done":
                yield from self._done(self._index(said), _object(said, "item"))
            case "response.output_text.annotation.added":
                yield from self._annotated(said)
            case "response.created":
                yield from self._begin(_object(said, "response"))
            case _ if kind in _TERMINAL:
                yield from self._terminal(_object(said, "response"), kind)

    def _index(self, said: dict[str, Any]) -> int:
        """llama.cpp leaves `output_index` out: its items come one after the other."""
        index = said.get("output_index")
        if isinstance(index, int):
            return index
        return max((number for number, place in self._places.items() if not place.done), default=len(self._places))

    def _place(self, index: int) -> _Place:
        return self._places.setdefault(index, _Place())

    def _begin(self, response: dict[str, Any]) -> Iterator[Event]:
        if not self._began:
            self._began = True
            yield Began(_text(response.get("id")) or None, _text(response.get("model")) or None)

    def _added(self, index: int, item: dict[str, Any]) -> Iterator[Event]:
        kind = item.get("type")
        if kind in ("function_call", "custom_tool_call"):
            yield from self._open(self._place(index), 0, self._call(item))
        else:
            self._place(index)

    def _call(self, item: dict[str, Any]) -> ToolCall:
        name = _text(item.get("name"))
        self._called = True
        return ToolCall(
            _text(item.get("call_id")) or _text(item.get("id")),
            self._names.get(name, name),
            kind="custom" if item.get("type") == "custom_tool_call" else "function",
            namespace=_text(item.get("namespace")) or None,
        )

    def _open(self, place: _Place, content: int, part: Text | Refusal | Thinking | ToolCall) -> Iterator[Event]:
        block, self._blocks = self._blocks, self._blocks + 1
        place.blocks[content] = block
        place.grown[block] = 0
        yield Opened(block, part)

    def _grow(self, said: dict[str, Any], content: Any, part: Text | Refusal | Thinking | None) -> Iterator[Event]:
        place, number = self._place(self._index(said)), content if isinstance(content, int) else 0
        if number not in place.blocks:
            if part is None:
                return  # arguments of a call that was never opened: the whole item will have them
            yield from self._open(place, number, part)
        yield from self._say(place, place.blocks[number], _text(said.get("delta")))

    def _say(self, place: _Place, block: int, text: str) -> Iterator[Event]:
        if text:
            place.grown[block] += len(text)
            yield Grew(block, text)

    def _grow_summary(self, said: dict[str, Any]) -> Iterator[Event]:
        """Summaries come in parts; between two of them a paragraph ends."""
        place, number = self._place(self._index(said)), said.get("summary_index")
        if 0 not in place.blocks:
            yield from self._open(place, 0, Thinking(""))
        elif isinstance(number, int) and number > place.summaries:
            yield from self._say(place, place.blocks[0], "\n\n")
        place.summaries = number if isinstance(number, int) else place.summaries
        yield from self._say(place, place.blocks[0], _text(said.get("delta")))

    def _annotated(self, said: dict[str, Any]) -> Iterator[Event]:
        place, content = self._place(self._index(said)), said.get("content_index")
        block = place.blocks.get(content if isinstance(content, int) else 0)
        if block is not None and (citation := _citation(said.get("annotation"))) is not None:
            yield Cited(block, citation)

    def _done(self, index: int, item: dict[str, Any]) -> Iterator[Event]:
        """The item as it is: say what its deltas did not."""
        place = self._place(index)
        if place.done:
            return
        place.done = True
        match item.get("type"):
            case "message":
                yield from self._message_done(place, item)
            case "reasoning":
                yield from self._reasoning_done(place, item)
            case "function_call":
                yield from self._call_done(place, item, _text(item.get("arguments")))
            case "custom_tool_call":
                yield from self._call_done(place, item, _text(item.get("input")))
            case str(kind) if kind in _STRUCTURED:
                yield from self._structured(place, item, *_STRUCTURED[kind])
            case str(kind):
                block, self._blocks = self._blocks, self._blocks + 1
                yield Showed(block, Opaque(_DIALECT, kind, item))

    def _message_done(self, place: _Place, item: dict[str, Any]) -> Iterator[Event]:
        content = item.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, dict):
                continue
            refused = part.get("type") == "refusal"
            self._declined = self._declined or refused
            text = _text(part.get("refusal" if refused else "text"))
            fresh = number not in place.blocks
            if fresh and (text or part.get("annotations")):
                yield from self._open(place, number, Refusal("") if refused else Text(""))
            if number in place.blocks:
                block = place.blocks[number]
                yield from self._say(place, block, text[place.grown[block] :])
                for annotation in (part.get("annotations") or ()) if fresh else ():
                    if (citation := _citation(annotation)) is not None:
                        yield Cited(block, citation)
        for block in place.blocks.values():
            yield Closed(block)

    def _reasoning_done(self, place: _Place, item: dict[str, Any]) -> Iterator[Event]:
        sealed = _text(item.get("encrypted_content"))
        text = "\n\n".join(_texts(item.get("content")) or _texts(item.get("summary")))
        if 0 not in place.blocks:
            if not text and not sealed:
                return
            yield from self._open(place, 0, Thinking(""))
        block = place.blocks[0]
        if not place.grown[block]:
            yield from self._say(place, block, text)
        yield Closed(block, Seal(_DIALECT, self._family, item, "encrypted") if sealed else None)

    def _call_done(self, place: _Place, item: dict[str, Any], text: str) -> Iterator[Event]:
        if 0 not in place.blocks:
            yield from self._open(place, 0, self._call(item))
        block = place.blocks[0]
        yield from self._say(place, block, text[place.grown[block] :])
        yield Closed(block)

    def _structured(self, place: _Place, item: dict[str, Any], kind: CallKind, key: str) -> Iterator[Event]:
        if kind == "tool_search" and item.get("execution") != "client":
            return
        self._called = True
        said = {name: value for name, value in _object(item, key).items() if name != "type" or kind == "apply_patch"}
        call = ToolCall(_text(item.get("call_id")) or _text(item.get("id")), kind, kind=kind)
        yield from self._open(place, 0, call)
        yield from self._say(place, place.blocks[0], jsons.write_text(said))
        yield Closed(place.blocks[0])

    def _terminal(self, response: dict[str, Any], kind: str = "") -> Iterator[Event]:
        yield from self._begin(response)
        status = kind.removeprefix("response.") or _text(response.get("status"))
        if status in ("failed", "cancelled"):
            said = {"error": response.get("error") or {"message": "the backend failed"}}
            yield from self._fail(backend_problems.read_problem(0, {}, jsons.write(said)))
            return
        output = response.get("output")
        streamed = set(self._places)
        for index, item in enumerate(output if isinstance(output, list) else ()):
            # Of an answer that was streamed only what is still open is of interest: the rest has been told.
            if isinstance(item, dict) and (not streamed or index in streamed):
                yield from self._done(index, item)
        for place in self._places.values():
            if not place.done:
                for block in place.blocks.values():
                    yield Closed(block)
        if (usage := read_usage(response.get("usage"))) is not None:
            yield Noted(usage)
        self._over = True
        yield self._ended(status, response)

    def _ended(self, status: str, response: dict[str, Any]) -> Event:
        if status == "incomplete":
            raw = _text(_object(response, "incomplete_details").get("reason"))
            return Ended(_INCOMPLETE.get(raw, "length"), raw or status)
        if self._called:
            return Ended("tool_calls", status)
        return Ended("refused" if self._declined else "stop", status)

    def _fail(self, problem: Problem) -> list[Event]:
        self._over = True
        return [Failed(problem)]


class Tap:
    """Listens to a relayed stream: parses only the terminal frame."""

    def __init__(self) -> None:
        self._sse: Final = SSEReader()
        self.ended = False

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for frame in self._sse.feed(data):
            if frame.event in _TERMINAL or frame.event == "error":
                self.ended = True
                events += _usage_in(frame.data)
        return events

    def hear_whole(self, body: bytes) -> list[Event]:
        try:
            usage = read_usage(jsons.value_of(jsons.members(body).get("usage")))
        except jsons.JSONError:
            return []
        return [] if usage is None else [Noted(usage)]


def _usage_in(data: bytes) -> list[Event]:
    try:
        said = jsons.read(data)
    except jsons.JSONError:
        return []
    usage = read_usage(_object(said, "response").get("usage")) if isinstance(said, dict) else None
    return [] if usage is None else [Noted(usage)]


def _citation(annotation: Any) -> Citation | None:
    if not isinstance(annotation, dict) or not isinstance(annotation.get("url"), str):
        return None
    start, end = annotation.get("start_index"), annotation.get("end_index")
    return Citation(
        annotation["url"],
        _text(annotation.get("title")),
        "",
        start if isinstance(start, int) else None,
        end if isinstance(end, int) else None,
    )


def _texts(pieces: Any) -> list[str]:
    found = pieces if isinstance(pieces, list) else []
    return [_text(piece.get("text")) for piece in found if isinstance(piece, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
