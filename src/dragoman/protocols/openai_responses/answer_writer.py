"""Saying an answer as a Responses client expects to hear it.

Identities are stable from `created` to the terminal event: the OpenAI SDK (3.54) checks them. `sequence_number` comes
from one counter when an event is written. Codex (0.169) sees only what `output_item.done` holds; it shows no refusals,
and asks five times more after an answer that a filter cut short, so to it both are texts.
"""

import itertools
from typing import Any, Final, assert_never

from msgspec import Raw, Struct

from dragoman.hub.answer import Answer, unfold
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Running, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    CallKind,
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
from dragoman.protocols import arguments
from dragoman.protocols.codec import Stamp
from dragoman.protocols.openai_responses import item_writer
from dragoman.protocols.openai_responses.problems import stream_error
from dragoman.protocols.openai_responses.response import ResponseObject, said_in
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
_SEARCH: Final = "web_search"
_PASSING: Final = -1  # a block of the writer's own
_FILTERED: Final = "[a content filter ended this answer]"
_DONE: Final = b"data: [DONE]\n\n"
# The events that every answer begins with, and those with which its text does.
_BEGINNING: Final = (
    b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":%b}\n\n'
    b'event: response.in_progress\ndata: {"type":"response.in_progress","sequence_number":1,"response":%b}\n\n'
)
_TEXT_START: Final = (
    b'event: response.output_item.added\ndata: {"type":"response.output_item.added","sequence_number":%d,'
    b'"output_index":%d,"item":{"id":"%b","type":"message","status":"in_progress","role":"assistant","content":[]}}\n\n'
    b'event: response.content_part.added\ndata: {"type":"response.content_part.added","sequence_number":%d,'
    b'"item_id":"%b","output_index":%d,"content_index":0,'
    b'"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}\n\n'
)
_TEXT_HEAD: Final = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"%b","output_index":%d,'
    b'"content_index":0,"logprobs":[],"sequence_number":'
)
_EMPTY_TEXT: Final = (item_writer.write_text("", []), "response.output_text.delta")
PULSE: Final = sse.write("keepalive", b'{"type":"keepalive"}')


class _Item(Struct):
    """One output item while it is being said.

    index, id: on the wire, once the client was told of it. head: what stands before the number in its growth.
    begun: where in its text the block begins that is open; what earlier ones cite are annotations already.
    """

    part: Text | Refusal | Thinking | ToolCall
    index: int = -1
    id: str = ""
    head: bytes = b""
    pieces: list[str] = []
    begun: int = 0
    cited: list[Citation] = []
    annotations: list[dict[str, Any]] = []
    logprobs: list[Any] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def place(self) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index}


class StreamWriter:
    """One streamed answer. terminal: the response object as it was last said. problem: why it failed, if it did."""

    def __init__(self, request: Request, stamp: Stamp) -> None:
        said = said_in(request)
        self._response: Final = ResponseObject(said, request.model, stamp)
        self._stamp: Final = stamp
        include = said.get("include")
        self._with_sources: Final = isinstance(include, list) and "web_search_call.action.sources" in include
        self._codex: Final = "client_metadata" in said
        self._usage = Usage()
        self._tier: str | None = None
        self.terminal = b""
        self.problem: Problem | None = None
        self._sequence = 0
        self._begun = False
        self._over = False
        self._count = 0  # of the items that the client was told of
        self._ids: set[str] = set()
        self._items: dict[int, _Item] = {}
        self._growing: int | None = None  # the block that grew last, if nothing else was said since
        self._head = b""  # of its item, as are the pieces
        self._pieces: list[str] = []
        self._texts: list[_Item] = []
        self._declined = False
        self._finished: dict[int, Raw] = {}  # by output_index
        self._closing: tuple[_Item, Seal | None] | None = None  # closed, its last words not yet said

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        self.terminal = self._response.write("in_progress", [])
        self._sequence = 2
        return _BEGINNING % (self.terminal, self.terminal)

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew and event.block == self._growing:  # the hot path first
            self._pieces.append(event.text)
            number = self._sequence
            self._sequence = number + 1
            return b'%b%d,"delta":%b}\n\n' % (self._head, number, jsons.write(event.text))
        self._growing = None
        if self._over:
            return b""
        if type(event) is Noted:
            self._usage = self._usage.updated(event.usage)
            return b""
        if type(event) is Began:
            self._tier = event.tier
            return b""
        begun = b"" if self._begun else self.begin()
        if type(event) is Opened and self._closing is None:
            return begun + self._opened(event)
        if type(event) is Failed:
            return begun + self._failed(event.problem)
        if self._closing is not None:
            if type(event) is Opened and type(event.part) is type(self._closing[0].part) is Text and self._joins(event):
                return begun
            begun += self._last_words(cut=type(event) is Ended and event.reason in _INCOMPLETE)
        return begun + self._say(event)

    def pulse(self) -> bytes:
        """An event with data: comments do not reset Codex's 300 s timer."""
        return self.begin() or PULSE

    def _say(self, event: Opened | Grew | Closed | Cited | Running | Showed | Ended) -> bytes:
        if self._over:
            return b""
        match event:
            case Opened():
                return self._opened(event)
            case Grew():
                return self._grew(event)
            case Cited():
                if (item := self._items.get(event.block)) is not None:
                    item.cited.append(event.citation)
                return b""
            case Closed():
                if (item := self._items.pop(event.block, None)) is not None:
                    item.logprobs += event.extra.get("logprobs", ())
                    self._closing = (item, event.seal)
                return b""
            case Running():
                return self._runs(event.block, event.part)
            case Showed(block, Searched() | Fetched() as part) if block in self._items:
                return self._ran(block, part)
            case Showed():
                return self._showed(event.block, event.part)
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
        self._growing, self._head, self._pieces = event.block, item.head, item.pieces
        self._sequence += 1
        return b'%b%d,"delta":%b}\n\n' % (item.head, self._sequence - 1, jsons.write(event.text))

    def _grown(self, item: _Item, text: str) -> bytes:
        self._sequence += 1
        return b'%b%d,"delta":%b}\n\n' % (item.head, self._sequence - 1, jsons.write(text))

    def _opened(self, event: Opened) -> bytes:
        part = event.part
        if type(part) is ToolCall and part.by != "client" and part.name != _SEARCH:
            return b""  # what the backend ran itself has no place in this dialect
        item = self._items[event.block] = _Item(part)
        if type(part) is Text:
            self._texts.append(item)
            item.logprobs += part.extra.get("logprobs", ())
            return self._open_text(event.block, item) if not part.extra else self._open_message(item, *_EMPTY_TEXT)
        match part:
            case Refusal():
                self._declined = True
                return self._open_refusal(event.block, item)
            case Thinking():
                return self._open_reasoning(item, part)
            case ToolCall():
                return self._open_call(item, part)
            case _:
                assert_never(part)

    def _joins(self, event: Opened) -> bool:
        """Whether a text is more of the message that was just closed: Messages begins a block anew at each citation."""
        if self._closing is None or not self._texts or (item := self._closing[0]) is not self._texts[-1]:
            return False
        extra = event.part.extra
        if "apart" in extra or extra.get("phase") != item.part.extra.get("phase"):
            return False
        self._annotate(item)
        item.begun = sum(map(len, item.pieces))
        item.logprobs += extra.get("logprobs", ())
        self._items[event.block], self._closing = item, None
        return True

    def _annotate(self, item: _Item) -> None:
        """What was cited in the block that ends here."""
        if not item.cited:
            return
        before = itertools.takewhile(lambda other: other is not item, self._texts)
        offset, end = sum(len(piece) for other in before for piece in other.pieces), sum(map(len, item.pieces))
        item.annotations += [item_writer.write_annotation(one, offset, item.begun, end) for one in item.cited]
        item.cited = []

    def _number(self, item: _Item, prefix: str, own: Any = None) -> None:
        """own: the id the item already has at a backend of this dialect; what it has sealed holds only under it."""
        item.index = self._count
        item.id = f"{prefix}_{self._stamp.id}{self._count.to_bytes(4).hex()}"
        if isinstance(own, str) and own and own not in self._ids:
            item.id = own
        self._ids.add(item.id)
        self._count += 1

    def _open_refusal(self, block: int, item: _Item) -> bytes:
        if self._codex:
            item.part = Text("")
            return self._open_text(block, item)
        return self._open_message(item, {"type": "refusal", "refusal": ""}, "response.refusal.delta")

    def _open_text(self, block: int, item: _Item) -> bytes:
        """As `_open_message` says it, of which there is nothing to encode but numbers."""
        self._number(item, "msg")
        place = (item.id.encode(), item.index)
        item.head = _TEXT_HEAD % place
        self._growing, self._head, self._pieces = block, item.head, item.pieces
        number, self._sequence = self._sequence, self._sequence + 2
        return _TEXT_START % (number, item.index, place[0], number + 1, *place)

    def _open_message(self, item: _Item, empty: dict[str, Any], delta: str) -> bytes:
        self._number(item, "msg")
        place = {**item.place, "content_index": 0}
        item.head = _delta_head(delta, place if "refusal" in empty else {**place, "logprobs": []})
        added = {**item_writer.write_message(item.id, empty, "in_progress", _extra(item)), "content": []}
        return self._added(item, added) + self._event("response.content_part.added", **place, part=empty)

    def _open_reasoning(self, item: _Item, part: Thinking) -> bytes:
        """Reasoning is said as a summary, asked for or not: OpenCode (1.18) shows nothing else."""
        self._number(item, "rs", part.extra.get("id"))
        said = self._added(item, item_writer.write_reasoning(item.id, "", None))
        place = {**item.place, "summary_index": 0}
        item.head = _delta_head("response.reasoning_summary_text.delta", place)
        empty = {"type": "summary_text", "text": ""}
        return said + self._event("response.reasoning_summary_part.added", **place, part=empty)

    def _open_call(self, item: _Item, call: ToolCall) -> bytes:
        if call.by != "client" or call.kind not in ("function", "custom"):
            return b""  # its arguments are an object: said whole, when it is
        self._number(item, _PREFIX[call.kind])
        kind = "function_call_arguments" if call.kind == "function" else "custom_tool_call_input"
        item.head = _delta_head(f"response.{kind}.delta", item.place)
        return self._added(item, item_writer.write_call(item.id, call, "", "in_progress"))

    def _last_words(self, *, cut: bool) -> bytes:
        """Finish the item that was closed before. It waited, since only the end tells whether it was cut short."""
        if self._closing is None:
            return b""
        (item, seal), self._closing = self._closing, None
        status = "incomplete" if cut else "completed"
        match item.part:
            case Text():
                return self._finish_text(item, status)
            case Refusal():
                part = {"type": "refusal", "refusal": item.text}
                return self._event(
                    "response.refusal.done", **item.place, content_index=0, refusal=item.text
                ) + self._finish_message(item, part, status)
            case Thinking():
                return self._finish_reasoning(item, seal)
            case ToolCall(by="client") as call:
                return self._finish_call(item, call, status)
            case ToolCall():
                query = (arguments.repaired(item.text) or {}).get("query")
                searched = Searched(_DIALECT, (query,) if isinstance(query, str) else ())
                return self._runs(_PASSING, searched) + self._ran(_PASSING, searched)
            case _:
                assert_never(item.part)

    def _finish_text(self, item: _Item, status: str) -> bytes:
        place, text = {**item.place, "content_index": 0}, item.text
        self._annotate(item)
        said = b"".join(
            self._event("response.output_text.annotation.added", **place, annotation_index=number, annotation=one)
            for number, one in enumerate(item.annotations)
        )
        logprobs = item_writer.write_logprobs(item.logprobs)
        said += self._event("response.output_text.done", **place, text=text, logprobs=logprobs)
        part = item_writer.write_text(text, item.annotations, logprobs)
        return said + self._finish_message(item, part, status)

    def _finish_message(self, item: _Item, part: dict[str, Any], status: str) -> bytes:
        done = self._event("response.content_part.done", **item.place, content_index=0, part=part)
        return done + self._item_done(item, item_writer.write_message(item.id, part, status, _extra(item)))

    def _finish_reasoning(self, item: _Item, seal: Seal | None) -> bytes:
        place, text = {**item.place, "summary_index": 0}, item.text
        part = {"type": "summary_text", "text": text}
        said = self._event("response.reasoning_summary_text.done", **place, text=text)
        said += self._event("response.reasoning_summary_part.done", **place, part=part)
        return said + self._item_done(item, item_writer.write_reasoning(item.id, text, seal))

    def _finish_call(self, item: _Item, call: ToolCall, status: str) -> bytes:
        text = item.text
        match call.kind:
            case "function":
                said = b"" if text else self._grown(item, "{}")
                text = text if text.strip() else "{}"
                said += self._event("response.function_call_arguments.done", **item.place, arguments=text)
            case "custom":
                said = self._event("response.custom_tool_call_input.done", **item.place, input=text)
            case _:
                if not item_writer.runnable(call.kind, text):
                    # Cut short it is no call; else nothing else would be understood by a client that waits for one.
                    return b"" if status == "incomplete" else self._failed(_unrunnable(call.name))
                # Results of local shells name the item, those of others the call; so both have one name.
                self._number(item, _PREFIX[call.kind], call.id if call.kind == "local_shell" else None)
                said = self._added(item, item_writer.write_call(item.id, call, text, "in_progress"))
        return said + self._item_done(item, item_writer.write_call(item.id, call, text, status))

    def _showed(self, block: int, part: ToolResult | Opaque | Thinking | Searched | Fetched) -> bytes:
        match part:
            case Opaque(dialect="openai-responses", raw=dict(raw)):
                return self._whole(raw)
            case Thinking(seal=Seal(dialect="openai-responses") as seal):
                item = _Item(part)
                self._number(item, "rs", part.extra.get("id"))
                said = item_writer.write_reasoning(item.id, part.text, seal)
                return self._added(item, said) + self._item_done(item, said)
            case Searched() | Fetched():
                return self._runs(block, part) + self._ran(block, part)
            case ToolResult() | Opaque() | Thinking():
                return b""
            case _:
                assert_never(part)

    def _whole(self, raw: dict[str, Any]) -> bytes:
        item = _Item(Text(""))
        self._number(item, "item", raw.get("id"))
        said = {**raw, "id": item.id}
        return self._added(item, said) + self._item_done(item, said)

    def _runs(self, block: int, part: Searched | Fetched) -> bytes:
        self._items[block] = item = _Item(Text(""))
        self._number(item, "ws", item_writer.search_id(part))
        said = {**self._written(item, part), "status": "in_progress"}
        steps = (self._event(f"response.web_search_call.{step}", **item.place) for step in ("in_progress", "searching"))
        return self._added(item, said) + b"".join(steps)

    def _ran(self, block: int, part: Searched | Fetched) -> bytes:
        item = self._items.pop(block)
        ending = b"" if part.problem else self._event("response.web_search_call.completed", **item.place)
        return ending + self._item_done(item, self._written(item, part))

    def _written(self, item: _Item, part: Searched | Fetched) -> dict[str, Any]:
        return item_writer.write_search(item.id, part, with_sources=self._with_sources)

    def _ended(self, event: Ended) -> bytes:
        said = self._explained(event)
        self._stop()
        if (tier := event.tier or self._tier) is not None:
            self._response.serve(tier)
        reason = None if self._codex and event.reason == "filtered" else _INCOMPLETE.get(event.reason)
        status = "completed" if reason is None else "incomplete"
        return said + self._lifecycle(f"response.{status}", status, usage=self._usage, incomplete=reason) + _DONE

    def _explained(self, event: Ended) -> bytes:
        """Why there is no more, which its own dialect says beside the answer."""
        if self._declined or event.reason not in ("refused", "filtered"):
            return b""
        why = event.explanation or (_FILTERED if self._codex else "")
        if not why:
            return b""
        item = _Item(Refusal(""))
        opened = self._open_refusal(_PASSING, item)
        self._items[_PASSING] = item
        grown = self._grew(Grew(_PASSING, why))
        self._growing, self._closing = None, (self._items.pop(_PASSING), None)
        return opened + grown + self._last_words(cut=False)

    def _failed(self, problem: Problem) -> bytes:
        self._stop()
        self.problem = problem
        return self._lifecycle("response.failed", "failed", error=stream_error(problem), usage=None) + _DONE

    def _stop(self) -> None:
        self._over = True
        self._closing = None
        self._items.clear()

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
        said = jsons.write({"type": kind, "sequence_number": self._sequence - 1, **fields})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), said)


class _Unheard(StreamWriter):
    """One of which only the terminal response is wanted."""

    def begin(self) -> bytes:
        return b""

    def _event(self, kind: str, **fields: Any) -> bytes:  # noqa: ARG002 - as in a stream
        return b""


def _delta_head(kind: str, fields: dict[str, Any]) -> bytes:
    return b'event: %b\ndata: %b,"sequence_number":' % (kind.encode(), jsons.write({"type": kind, **fields})[:-1])


def _extra(item: _Item) -> dict[str, Any]:
    return item.part.extra if isinstance(item.part, Text) else {}


def _unrunnable(name: str) -> Problem:
    return Problem("backend_failed", f"the model produced invalid arguments for the tool {name}")


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    """A whole answer is the response of the stream's last event: the same code says both.

    Raise Problem("backend_failed") where a call cannot be said, which a stream says with its last event.
    """
    writer = _Unheard(request, stamp)
    for event in unfold(answer):
        writer.feed(event)
    if writer.problem is not None:
        raise writer.problem
    return writer.terminal
