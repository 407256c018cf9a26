"""Saying an answer as a Responses client expects to hear it.

Identities are stable from `created` to the terminal event: the OpenAI SDK (3.54) checks them. `sequence_number` comes
from one counter when an event is written. Codex (0.169) sees only what `output_item.done` holds.
"""

from typing import Any, Final, assert_never

from msgspec import Raw, Struct

from dragoman.hub.answer import Answer, unfold
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
    ToolResult,
)
from dragoman.hub.usage import Usage
from dragoman.protocols import arguments
from dragoman.protocols.codec import Stamp
from dragoman.protocols.openai_responses.problems import stream_error
from dragoman.protocols.openai_responses.response import ResponseObject
from dragoman.protocols.openai_responses.shells import REQUIRED
from dragoman.wire import jsons, sse

_DIALECT: Final = "openai-responses"
_INCOMPLETE: Final[dict[Reason, str]] = {
    "length": "max_output_tokens",
    "context_full": "max_output_tokens",
    "filtered": "content_filter",
}
_PREFIX: Final[dict[CallKind, str]] = {
    "function": "fc",
    "custom": "ctc",
    "local_shell": "lsh",
    "shell": "sh",
    "apply_patch": "apc",
    "tool_search": "tsc",
}
_DONE: Final = b"data: [DONE]\n\n"
PULSE: Final = sse.write("keepalive", b'{"type":"keepalive"}')


class _Item(Struct):
    """One output item while it is being said. head: what stands before `sequence_number` in its growth."""

    index: int
    id: str
    part: Text | Refusal | Thinking | ToolCall
    head: bytes = b""
    pieces: list[str] = []
    annotations: list[dict[str, Any]] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class StreamWriter:
    """One streamed answer. terminal: the response object as it was last said."""

    def __init__(self, request: Request, stamp: Stamp) -> None:
        self._response: Final = ResponseObject.of(request, stamp)
        self._stamp: Final = stamp
        self._summarised: Final = request.reasoning.display is not None
        self._usage = Usage()
        self.terminal = b""
        self._sequence = 0
        self._begun = False
        self._over = False
        self._count = 0
        self._items: dict[int, _Item] = {}
        self._finished: dict[int, Raw] = {}  # by output_index
        self._closing: tuple[_Item, Seal | None] | None = None  # closed, its last words not yet said

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._lifecycle("response.created", "in_progress") + self._lifecycle(
            "response.in_progress", "in_progress"
        )

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew and self._closing is None:  # the hot path first
            return self._grew(event)
        if self._over:
            return b""
        if isinstance(event, Noted):
            self._usage = self._usage.updated(event.usage)
            return b""
        if isinstance(event, Began):
            return b""
        if isinstance(event, Failed):
            return self.begin() + self._failed(event.problem)
        cut = isinstance(event, Ended) and event.reason in _INCOMPLETE
        return self.begin() + self._last_words(cut=cut) + self._say(event)

    def pulse(self) -> bytes:
        """An event with data: comments do not reset Codex's 300 s timer."""
        return self.begin() or PULSE

    def _say(self, event: Opened | Grew | Closed | Cited | Showed | Ended) -> bytes:
        if self._over:
            return b""
        match event:
            case Opened():
                return self._opened(event)
            case Grew():
                return self._grew(event)
            case Cited():
                return self._cited(event)
            case Closed():
                item = self._items.pop(event.block, None)
                if item is not None:
                    self._closing = (item, event.seal)
                return b""
            case Showed():
                return self._showed(event.part)
            case Ended():
                return self._ended(event)
            case _:
                assert_never(event)

    def _grew(self, event: Grew) -> bytes:
        item = self._items.get(event.block)
        if item is None:
            return b""
        item.pieces.append(event.text)
        if not item.head:
            return b""
        self._sequence += 1
        return b'%b,"sequence_number":%d,"delta":%b}\n\n' % (item.head, self._sequence - 1, jsons.write(event.text))

    def _opened(self, event: Opened) -> bytes:
        part = event.part
        if isinstance(part, ToolCall) and part.by != "client":
            return b""
        item = _Item(self._count, self._id(part), part)
        self._count += 1
        self._items[event.block] = item
        match part:
            case Text():
                return self._open_message(item, "output_text", "response.output_text.delta", {"logprobs": []})
            case Refusal():
                return self._open_message(item, "refusal", "response.refusal.delta", {})
            case Thinking():
                return self._open_reasoning(item)
            case ToolCall():
                return self._open_call(item, part)
            case _:
                assert_never(part)

    def _open_message(self, item: _Item, kind: str, delta: str, more: dict[str, Any]) -> bytes:
        empty = (
            {"type": kind, "text": "", "annotations": [], "logprobs": []}
            if kind == "output_text"
            else {"type": kind, "refusal": ""}
        )
        item.head = _delta_head(delta, {"item_id": item.id, "output_index": item.index, "content_index": 0, **more})
        added = {"id": item.id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
        return self._added(item, added) + self._event(
            "response.content_part.added", item_id=item.id, output_index=item.index, content_index=0, part=empty
        )

    def _open_reasoning(self, item: _Item) -> bytes:
        place = {"item_id": item.id, "output_index": item.index}
        added: dict[str, Any] = {
            "id": item.id,
            "type": "reasoning",
            "summary": [],
            "content": [],
            "encrypted_content": None,
        }
        if self._summarised:
            item.head = _delta_head("response.reasoning_summary_text.delta", {**place, "summary_index": 0})
            return self._added(item, added) + self._event(
                "response.reasoning_summary_part.added",
                **place,
                summary_index=0,
                part={"type": "summary_text", "text": ""},
            )
        item.head = _delta_head("response.reasoning_text.delta", {**place, "content_index": 0})
        return self._added(item, added) + self._event(
            "response.content_part.added", **place, content_index=0, part={"type": "reasoning_text", "text": ""}
        )

    def _open_call(self, item: _Item, call: ToolCall) -> bytes:
        place = {"item_id": item.id, "output_index": item.index}
        if call.kind == "function":
            item.head = _delta_head("response.function_call_arguments.delta", place)
        elif call.kind == "custom":
            item.head = _delta_head("response.custom_tool_call_input.delta", place)
        else:
            return b""  # its arguments are an object: said whole, when it is
        return self._added(item, write_call(item.id, call, "", "in_progress"))

    def _last_words(self, *, cut: bool = False) -> bytes:
        """Finish the item that was closed before. It waited, since only the end tells whether it was cut short."""
        if self._closing is None:
            return b""
        (item, seal), self._closing = self._closing, None
        status = "incomplete" if cut else "completed"
        match item.part:
            case Text() | Refusal():
                return self._finish_message(item, status)
            case Thinking():
                return self._finish_reasoning(item, seal)
            case ToolCall() as call:
                return self._finish_call(item, call, status)
            case _:
                assert_never(item.part)

    def _finish_message(self, item: _Item, status: str) -> bytes:
        place = {"item_id": item.id, "output_index": item.index, "content_index": 0}
        if isinstance(item.part, Refusal):
            part: dict[str, Any] = {"type": "refusal", "refusal": item.text}
            said = self._event("response.refusal.done", **place, refusal=item.text)
        else:
            part = {"type": "output_text", "text": item.text, "annotations": item.annotations, "logprobs": []}
            said = self._event("response.output_text.done", **place, text=item.text, logprobs=[])
        said += self._event("response.content_part.done", **place, part=part)
        message = {"id": item.id, "type": "message", "status": status, "role": "assistant", "content": [part]}
        return said + self._item_done(item, message)

    def _finish_reasoning(self, item: _Item, seal: Seal | None) -> bytes:
        place = {"item_id": item.id, "output_index": item.index}
        reasoning = write_reasoning(item.id, item.text, seal, summarised=self._summarised)
        if self._summarised:
            part = {"type": "summary_text", "text": item.text}
            said = self._event("response.reasoning_summary_text.done", **place, summary_index=0, text=item.text)
            said += self._event("response.reasoning_summary_part.done", **place, summary_index=0, part=part)
        else:
            part = {"type": "reasoning_text", "text": item.text}
            said = self._event("response.reasoning_text.done", **place, content_index=0, text=item.text)
            said += self._event("response.content_part.done", **place, content_index=0, part=part)
        return said + self._item_done(item, reasoning)

    def _finish_call(self, item: _Item, call: ToolCall, status: str) -> bytes:
        place = {"item_id": item.id, "output_index": item.index}
        text = item.text
        match call.kind:
            case "function":
                text = text or "{}"
                said = self._event("response.function_call_arguments.done", **place, name=call.name, arguments=text)
            case "custom":
                said = self._event("response.custom_tool_call_input.done", **place, input=text)
            case _:
                if not runnable(call.kind, text):
                    return self._failed(unrunnable(call.name))
                said = self._added(item, write_call(item.id, call, text, "in_progress"))
        return said + self._item_done(item, write_call(item.id, call, text, status))

    def _cited(self, event: Cited) -> bytes:
        item = self._items.get(event.block)
        if item is None or not isinstance(item.part, Text):
            return b""
        annotation = write_annotation(event.citation, len(item.text))
        item.annotations.append(annotation)
        return self._event(
            "response.output_text.annotation.added",
            item_id=item.id,
            output_index=item.index,
            content_index=0,
            annotation_index=len(item.annotations) - 1,
            annotation=annotation,
        )

    def _showed(self, part: ToolResult | Opaque | Thinking) -> bytes:
        item = _Item(self._count, self._id(Thinking("")), Thinking(""))
        match part:
            case Opaque(dialect="openai-responses", raw=dict(raw)):
                said: dict[str, Any] = raw
            case Thinking(seal=Seal(dialect="openai-responses") as seal):
                said = write_reasoning(item.id, part.text, seal, summarised=self._summarised)
            case _:
                return b""
        self._count += 1
        return self._added(item, said) + self._item_done(item, said)

    def _ended(self, event: Ended) -> bytes:
        self._over = True
        reason = _INCOMPLETE.get(event.reason)
        status = "completed" if reason is None else "incomplete"
        return self._lifecycle(f"response.{status}", status, usage=self._usage, incomplete=reason) + _DONE

    def _failed(self, problem: Problem) -> bytes:
        self._over = True
        return self._lifecycle("response.failed", "failed", error=stream_error(problem), usage=None) + _DONE

    def _lifecycle(
        self,
        kind: str,
        status: str,
        usage: Usage | None = None,
        error: dict[str, Any] | None = None,
        incomplete: str | None = None,
    ) -> bytes:
        output = [self._finished[index] for index in sorted(self._finished)]
        self.terminal = self._response.write(status, output, usage, error, incomplete)
        return self._event(kind, response=Raw(self.terminal))

    def _added(self, item: _Item, said: dict[str, Any]) -> bytes:
        return self._event("response.output_item.added", output_index=item.index, item=said)

    def _item_done(self, item: _Item, said: dict[str, Any]) -> bytes:
        raw = Raw(jsons.write(said))
        self._finished[item.index] = raw
        return self._event("response.output_item.done", output_index=item.index, item=raw)

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._sequence += 1
        return sse.write(kind, jsons.write({"type": kind, "sequence_number": self._sequence - 1, **fields}))

    def _id(self, part: Text | Refusal | Thinking | ToolCall) -> str:
        match part:
            case Text() | Refusal():
                prefix = "msg"
            case Thinking():
                prefix = "rs"
            case ToolCall():
                prefix = _PREFIX[part.kind]
            case _:
                assert_never(part)
        return f"{prefix}_{self._stamp.id}{self._count:08x}"


def _delta_head(kind: str, fields: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b" % (kind.encode(), jsons.write({"type": kind, **fields})[:-1])


def write_reasoning(item_id: str, text: str, seal: Seal | None, *, summarised: bool) -> dict[str, Any]:
    """A reasoning item: the backend's own where it came sealed by this dialect, else one that shows the text."""
    if seal is not None and seal.dialect == _DIALECT and isinstance(seal.value, dict):
        return {**seal.value, "type": "reasoning", "id": item_id}
    summary = [{"type": "summary_text", "text": text}] if summarised and text else []
    content = [{"type": "reasoning_text", "text": text}] if not summarised and text else []
    sealed = seal.value if seal is not None and seal.dialect == _DIALECT else None
    return {"id": item_id, "type": "reasoning", "summary": summary, "content": content, "encrypted_content": sealed}


def write_call(item_id: str, call: ToolCall, text: str, status: str) -> dict[str, Any]:
    """A call item of its kind. text: what the model said for arguments."""
    head = {"id": item_id, "status": status, "call_id": call.id}
    named = {"name": call.name} if call.namespace is None else {"name": call.name, "namespace": call.namespace}
    match call.kind:
        case "function":
            return {**head, "type": "function_call", **named, "arguments": text}
        case "custom":
            return {**head, "type": "custom_tool_call", **named, "input": text}
        case "tool_search":
            found = arguments.as_object(text) or {}
            return {**head, "type": "tool_search_call", "execution": "client", "arguments": found}
        case "local_shell":
            action = {"type": "exec", "env": {}, **(arguments.as_object(text) or {})}
            return {**head, "type": "local_shell_call", "action": action}
        case "shell":
            usual = {"timeout_ms": None, "max_output_length": None}
            return {**head, "type": "shell_call", "action": {**usual, **(arguments.as_object(text) or {})}}
        case "apply_patch":
            return {**head, "type": "apply_patch_call", "operation": arguments.as_object(text) or {}}
        case _:
            assert_never(call.kind)


def runnable(kind: CallKind, text: str) -> bool:
    """Whether the object of a structured call has what its client needs to run it."""
    found = arguments.as_object(text)
    return found is not None and all(key in found for key in REQUIRED.get(kind, ()))


def unrunnable(name: str) -> Problem:
    return Problem("backend_failed", f"the model produced invalid arguments for the tool {name}")


def write_annotation(citation: Citation, length: int) -> dict[str, Any]:
    """length: code points of the text so far, where the citation says no place of its own."""
    start = citation.start if citation.start is not None else 0
    end = citation.end if citation.end is not None else length
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": start,
        "end_index": end,
    }


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    """A whole answer is the response of the stream's last event: the same code says both."""
    writer = StreamWriter(request, stamp)
    for event in unfold(answer):
        writer.feed(event)
    return writer.terminal
