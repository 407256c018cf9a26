"""What a Responses backend says, as events.

Growth is told as it comes; `output_item.done` has the last word on an item. Backends that send only whole items, or
only the terminal event, are heard too.
"""

import itertools
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import (
    CallKind,
    Extra,
    Opaque,
    Refusal,
    Request,
    Seal,
    Searched,
    Text,
    Thinking,
    ToolCall,
)
from dragoman.hub.route import Profile
from dragoman.hub.usage import Usage
from dragoman.protocols.backend_problems import read_problem, unreadable
from dragoman.protocols.call_ids import CallIds
from dragoman.protocols.codec import Stamp
from dragoman.protocols.frames import DONE, Frames
from dragoman.protocols.openai_responses.answer_parts import citation_of, phase_of, search_of
from dragoman.protocols.openai_responses.usage import read_usage
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError

_DIALECT: Final = "openai-responses"
_INCOMPLETE: Final[dict[str, Reason]] = {"content_filter": "filtered"}
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"
# Calls whose arguments are an object, said whole: their kind, and the member that holds the object.
_STRUCTURED: Final[dict[str, tuple[CallKind, str]]] = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
    "tool_search_call": ("tool_search", "arguments"),
}
# Calls whose arguments are a text that grows, and the member that holds it.
_GROWING: Final[dict[str, tuple[CallKind, str]]] = {
    "function_call": ("function", "arguments"),
    "custom_tool_call": ("custom", "input"),
}
_KINDS: Final = {
    "message": "message",
    "reasoning": "reasoning",
    "function_call": "call",
    "custom_tool_call": "call",
}
# Events that repeat what others say. Some are long: they repeat the request with all its tools.
_TELL_NOTHING: Final = frozenset(
    [
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.function_call_arguments.done",
        "response.custom_tool_call_input.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.done",
        "response.refusal.done",
    ]
)
_KIND_OF: Final[dict[type, str]] = {Text: "message", Refusal: "message", Thinking: "reasoning", ToolCall: "call"}
TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


_Growing = Literal["text", "refusal", "call"]


class _Block(Struct):
    """One block of the answer. part: the piece of reasoning that was said last, of which there may be several."""

    number: int
    is_text: bool
    pieces: list[str] = []
    part: int = 0
    cited: int = 0
    extra: Extra = {}


class _Item(Struct):
    """One output item. blocks: by the number of the content; of items other than messages there is one.

    kind: what its blocks are.
    """

    id: str
    kind: str = ""
    blocks: dict[int, _Block] = {}
    extra: Extra = {}
    of_summary: bool | None = None  # reasoning: whether summaries are told, or the text itself; None = not known yet
    done: bool = False


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`).

    request: the ids of its past tool calls are not given out again.
    """

    def __init__(self, request: Request, profile: Profile, stamp: Stamp) -> None:
        self._frames: Final = Frames()
        self._mend: Final = self._frames.mend
        self._family: Final = profile.family
        self._ids: Final = CallIds(request, stamp)
        self._said: list[Event] = []  # since the last call
        self._items: dict[int | str, _Item] = {}  # by output index, else by id
        self._texts: list[_Block] = []
        self._count = 0  # of blocks
        self._searches = 0
        self._thought = False  # in words
        self._began = False
        self._called = False
        self._declined: list[_Block] = []
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
            response = jsons.read(body)
        except jsons.JSONError as error:
            self._fail(unreadable("the backend's answer is not valid JSON", body, error))
            return self._taken()
        if not isinstance(response, dict) or not isinstance(response.get("output"), list):
            self._fail(read_problem(0, {}, body))
        else:
            self._end(_text(response.get("status")), response)
        return self._taken()

    def _taken(self) -> list[Event]:
        said, self._said = self._said, []
        return said

    def _hear(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._over:
                return
            if frame.event in _TELL_NOTHING:
                continue
            try:
                said = jsons.read_mended(frame.data, self._mend)
            except jsons.JSONError as error:
                data = frame.data.strip()
                if data and data != DONE:
                    self._fail(unreadable("the backend sent a garbled stream", data, error))
                continue
            if type(said) is not dict:
                self._fail(Problem("backend_failed", "the backend sent a garbled stream: an event is no object"))
                return
            kind = said.get("type")
            if kind != "response.output_text.delta" or not self._goes_on(said):
                self._event(kind if type(kind) is str and kind else frame.event, said, frame.data)

    def _goes_on(self, said: dict[str, Any]) -> bool:
        """The hot path: hear an event that is nothing but more of an open text. False: it is something else."""
        text, index, content = said.get("delta"), said.get("output_index"), said.get("content_index")
        if type(index) is not int or type(content) is not int:
            return False
        item = self._items.get(index)
        if type(text) is not str or not text or item is None or item.done:
            return False
        block = item.blocks.get(content)
        if block is None:
            return False
        block.pieces.append(text)
        self._said.append(Grew(block.number, text))
        return True

    def _event(self, kind: str, said: dict[str, Any], data: bytes) -> None:
        match kind:
            case "response.output_text.delta":
                self._grow(said, "text")
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                self._grow(said, "call")
            case "response.reasoning_summary_text.delta":
                self._think(said, said.get("summary_index"), of_summary=True)
            case "response.reasoning_text.delta" | "response.reasoning.delta":  # the latter: Open Responses
                self._think(said, said.get("content_index"), of_summary=False)
            case "response.refusal.delta":
                self._grow(said, "refusal")
            case "response.output_item.added":
                self._add(said, _object(said, "item"))
            case "response.output_item.done":
                item = _object(said, "item")
                self._finish_item(self._item(said, item.get("id")), item)
            case "response.output_text.annotation.added":
                self._annotate(said)
            case "response.created":
                self._begin(_object(said, "response"))
            case _ if kind in TERMINAL:
                self._end(kind.removeprefix("response."), _object(said, "response"))
            case _ if kind == "error" or said.get("error"):
                self._fail(read_problem(0, {}, data))

    def _begin(self, response: dict[str, Any], tier: str | None = None) -> None:
        """tier: where it is known, for `response.created` has what was asked for."""
        if not self._began:
            self._began = True
            own, model = response.get("id"), response.get("model")
            self._said.append(
                Began(own if type(own) is str and own else None, model if type(model) is str and model else None, tier)
            )

    def _item(self, said: dict[str, Any], item_id: Any) -> _Item:
        """The item that an event is about. llama.cpp leaves `output_index` out and names items by id alone."""
        key: Any = said.get("output_index")
        if type(key) is not int:
            key = _text(item_id) or self._current()
        item = self._items.get(key)
        if item is None:
            self._items[key] = item = _Item(item_id if type(item_id) is str else "")
        return item

    def _current(self) -> int | str:
        """The item that was spoken of last and is not done, else a new one."""
        return next((key for key, item in reversed(self._items.items()) if not item.done), f"item {len(self._items)}")

    def _add(self, said: dict[str, Any], raw: dict[str, Any]) -> None:
        item = self._item(said, raw.get("id"))
        item.extra = phase_of(raw)
        kind = raw.get("type")
        if kind in ("function_call", "custom_tool_call") and _text(raw.get("name")) and not (item.blocks or item.done):
            self._open_call(item, raw)

    def _open_call(self, item: _Item, raw: dict[str, Any]) -> _Block | None:
        """A call without a name is opened when the whole item says it; if that does not, there is nothing to run."""
        name = _text(raw.get("name"))
        if not name:
            self._fail(Problem("backend_failed", "the backend called a tool without naming it"))
            return None
        self._called = True
        call = ToolCall(
            self._ids.fresh(_text(raw.get("call_id")) or _text(raw.get("id"))),
            self._ids.name(name),
            kind=_GROWING[raw["type"]][0],
            namespace=_text(raw.get("namespace")) or None,
        )
        return self._open(item, 0, call)

    def _open(self, item: _Item, content: int, part: Text | Refusal | Thinking | ToolCall) -> _Block:
        self._began = True
        item.kind = _KIND_OF[type(part)]
        item.blocks[content] = block = _Block(self._count, isinstance(part, Text))
        self._count += 1
        if block.is_text:
            self._texts.append(block)
        elif isinstance(part, Refusal):
            self._declined.append(block)
        self._said.append(Opened(block.number, part))
        return block

    def _grow(self, said: dict[str, Any], kind: _Growing) -> None:
        """Arguments of a call that is not open are left to the whole item."""
        text, content = said.get("delta"), said.get("content_index", 0)
        item = self._item(said, said.get("item_id"))
        if not isinstance(text, str) or not text or item.done:
            return
        block = item.blocks.get(content if type(content) is int else 0)
        if block is None:
            if kind == "call":
                return
            part = self._text_of(item) if kind == "text" else Refusal("")
            block = self._open(item, content if type(content) is int else 0, part)
        block.pieces.append(text)
        self._said.append(Grew(block.number, text))

    def _text_of(self, item: _Item) -> Text:
        """A text of a message. `apart`: it begins another message than the texts before it."""
        begins = self._texts and not item.blocks
        return Text("", extra=item.extra | {"apart": True} if begins else item.extra)

    def _say(self, block: _Block, text: str) -> None:
        if text:
            block.pieces.append(text)
            self._said.append(Grew(block.number, text))

    def _say_rest(self, block: _Block, text: str) -> None:
        """What of the whole text was not said yet. If other words were said, they stay said."""
        so_far = "".join(block.pieces)
        if text.startswith(so_far):
            self._say(block, text[len(so_far) :])

    def _think(self, said: dict[str, Any], part: Any, *, of_summary: bool) -> None:
        """Reasoning comes in parts; between two of them a paragraph ends. Where both kinds come, the first is told."""
        item = self._item(said, said.get("item_id"))
        if item.done or item.of_summary not in (None, of_summary):
            return
        item.of_summary = of_summary
        text = _text(said.get("delta"))
        block = item.blocks.get(0) or self._open(item, 0, self._thinking(item, text))
        if isinstance(part, int) and part > block.part:
            block.part = part
            if block.pieces:
                self._say(block, "\n\n")
        self._say(block, text)

    def _thinking(self, item: _Item, text: str) -> Thinking:
        """What the backend seals holds under the item's own id only. `apart`: as with texts."""
        extra: dict[str, Any] = {"id": item.id} if item.id else {}
        if text:
            if self._thought:
                extra["apart"] = True
            self._thought = True
        return Thinking("", extra=extra)

    def _annotate(self, said: dict[str, Any]) -> None:
        content = said.get("content_index")
        item = self._item(said, said.get("item_id"))
        block = item.blocks.get(content if isinstance(content, int) else 0)
        if block is not None and block.is_text:
            self._cite(block, said.get("annotation"))

    def _cite(self, block: _Block, annotation: Any) -> None:
        block.cited += 1
        if (citation := citation_of(annotation, self._offset(block))) is not None:
            self._said.append(Cited(block.number, citation))

    def _offset(self, block: _Block) -> int:
        """Code points of the answer's text before this block: a citation counts within its own part."""
        before = itertools.takewhile(lambda text: text is not block, self._texts)
        return sum(len(piece) for text in before for piece in text.pieces)

    def _finish_item(self, item: _Item, raw: dict[str, Any]) -> None:
        """The item as it is: say what its growth did not."""
        if item.done or self._over:
            return
        item.done = True
        match raw.get("type"):
            case str(kind) if item.blocks and _KINDS.get(kind) != item.kind:
                pass  # it has been something else so far
            case "message":
                self._finish_message(item, raw)
            case "reasoning":
                self._finish_reasoning(item, raw)
            case "function_call" | "custom_tool_call" as kind:
                block = item.blocks.get(0) or self._open_call(item, raw)
                if block is not None:
                    self._say_rest(block, _text(raw.get(_GROWING[kind][1])))
            case str(kind) if kind in _STRUCTURED and raw.get("execution") != "server":
                self._structured(item, raw, *_STRUCTURED[kind])
            case str(kind):
                if call_id := _text(raw.get("call_id")):
                    self._ids.hold(call_id)
                self._show(search_of(raw) or Opaque(_DIALECT, kind, raw))
        self._close(item)

    def _close(self, item: _Item, seal: Seal | None = None) -> None:
        item.done = True
        if not self._over:
            self._said += [Closed(block.number, seal, block.extra) for block in item.blocks.values()]
        item.blocks = {}

    def _show(self, part: Opaque | Searched) -> None:
        self._began = True
        self._searches += isinstance(part, Searched)
        self._said.append(Showed(self._count, part))
        self._count += 1

    def _finish_message(self, item: _Item, raw: dict[str, Any]) -> None:
        item.extra = phase_of(raw)
        content = raw.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict):
                self._finish_part(item, number, part)

    def _finish_part(self, item: _Item, number: int, part: dict[str, Any]) -> None:
        refused = part.get("type") == "refusal"
        text, annotations = _text(part.get("refusal" if refused else "text")), part.get("annotations")
        block = item.blocks.get(number)
        if block is None:
            if not text:
                return
            block = self._open(item, number, Refusal("") if refused else self._text_of(item))
        self._say_rest(block, text)
        if block.is_text and isinstance(logprobs := part.get("logprobs"), list) and logprobs:
            block.extra = {"logprobs": logprobs}
        if block.is_text and isinstance(annotations, list):
            for annotation in annotations[block.cited :]:
                self._cite(block, annotation)

    def _finish_reasoning(self, item: _Item, raw: dict[str, Any]) -> None:
        sealed = bool(_text(raw.get("encrypted_content")))
        item.id = _text(raw.get("id")) or item.id
        text = "\n\n".join(_texts(raw.get("summary") if item.of_summary else raw.get("content") or raw.get("summary")))
        if not item.blocks and (text or sealed):
            self._open(item, 0, self._thinking(item, text))
        for block in item.blocks.values():
            self._say_rest(block, text)
        self._close(item, Seal(_DIALECT, self._family, raw, "encrypted") if sealed else None)

    def _structured(self, item: _Item, raw: dict[str, Any], kind: CallKind, key: str) -> None:
        self._called = True
        said = {name: value for name, value in _object(raw, key).items() if name != "type" or kind == "apply_patch"}
        call_id = self._ids.fresh(_text(raw.get("call_id")) or _text(raw.get("id")))
        block = self._open(item, 0, ToolCall(call_id, kind, kind=kind))
        self._say(block, jsons.write_text(said))

    def _end(self, status: str, response: dict[str, Any]) -> None:
        if status in ("queued", "in_progress"):
            self._fail(Problem("backend_failed", f"the backend's answer is not there yet (status {status!r})"))
            return
        tier = _text(response.get("service_tier")) or None
        self._begin(response, tier)
        if status in ("failed", "cancelled"):
            said = {"error": response.get("error") or {"message": "the backend failed"}}
            self._fail(read_problem(0, {}, jsons.write(said)))
            return
        output = response.get("output")
        for index, raw in enumerate(output if isinstance(output, list) else ()):
            if isinstance(raw, dict) and (item := self._streamed(index, raw)) is not None:
                self._finish_item(item, raw)
        for item in self._items.values():
            self._close(item)
        if self._over:
            return
        usage = read_usage(response.get("usage"))
        if self._searches:
            usage = (usage or Usage()).updated(Usage(searches=self._searches))
        if usage is not None:
            self._said.append(Noted(usage))
        self._over = True
        self._said.append(self._ended(status, response, tier))

    def _streamed(self, index: int, raw: dict[str, Any]) -> _Item | None:
        """The item of the stream that this one of the whole answer is; None where that cannot be told.

        Ids decide, for indices may have gaps (OpenAI); where a backend changes ids on the way, the place does. What
        stands behind all that was streamed is new.
        """
        item_id = _text(raw.get("id"))
        for item in self._items.values():
            if item_id and item.id == item_id:
                return item
        if index < len(self._items):
            return self._items.get(index)
        self._items[f"whole {index}"] = item = _Item(item_id)
        return item

    def _ended(self, status: str, response: dict[str, Any], tier: str | None) -> Ended:
        declined = "".join(piece for block in self._declined for piece in block.pieces)
        if status == "incomplete":
            raw = _text(_object(response, "incomplete_details").get("reason"))
            return Ended(_INCOMPLETE.get(raw, "length"), raw or status, explanation=declined or None, tier=tier)
        reason: Reason = "tool_calls" if self._called else "refused" if self._declined else "stop"
        return Ended(reason, status or None, explanation=declined or None, tier=tier)

    def _fail(self, problem: Problem) -> None:
        self._over = True
        self._said.append(Failed(problem))


def _texts(pieces: Any) -> list[str]:
    found = pieces if isinstance(pieces, list) else []
    return [_text(piece.get("text")) for piece in found if isinstance(piece, dict)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
