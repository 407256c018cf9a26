"""Saying an answer as a Chat Completions client expects to hear it.

Minimum safe field set (openai 3.54, AI SDK, openai-node 6): id, object, created, model and choices in every chunk;
`role` once, first; `id`, `type` and `name` of a call once; list-valued extras once, whole, with an `index` per entry;
the usage chunk last before [DONE].

There is one text and one reasoning. Where a backend says several (`apart`), an empty line stands between them, and
where a tool ran in between that no client of this dialect is shown.
"""

from typing import Any, Final, assert_never

from msgspec import Struct

from dragoman.hub.answer import Answer, Said
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Running, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Refusal, Request, Seal, Text, Thinking, ToolCall
from dragoman.hub.usage import Usage
from dragoman.protocols import free_text
from dragoman.protocols.codec import Stamp
from dragoman.protocols.openai_chat import signed_calls
from dragoman.protocols.openai_chat.problems import error_object
from dragoman.protocols.openai_chat.usage import write_usage
from dragoman.wire import jsons, sse

_FINISH: Final[dict[Reason, str]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context_full": "length",
    "tool_calls": "tool_calls",
    "refused": "stop",
    "filtered": "content_filter",
    "paused": "stop",
    "compacted": "stop",
}
_DONE: Final = b"data: [DONE]\n\n"
_GOES_ON: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'  # behind a delta
_CHOICE: Final = b',"choices":[{"index":0,"delta":'
_APART: Final = "\n\n"
_ROLE: Final = b'{"role":"assistant","content":""}' + _GOES_ON


class _Growth(Struct, frozen=True):
    """What stands around the text of a block's growth."""

    head: bytes
    tail: bytes
    visible: bool = False
    free_text: bool = False


class StreamWriter:
    """One streamed answer."""

    def __init__(self, request: Request, stamp: Stamp) -> None:
        self._usage = Usage()
        self._with_usage: Final = request.stream_usage
        head = {
            "id": f"chatcmpl-{stamp.id}",
            "object": "chat.completion.chunk",
            "created": stamp.at,
            "model": request.model,
        }
        self._untiered: Final = b"data: " + jsons.write(head)[:-1]
        self._head = self._untiered
        self._delta_head = self._head + _CHOICE
        self._begun = False
        self._growth: dict[int, _Growth] = {}
        self._silent: dict[int, ToolCall | Thinking] = {}  # blocks that have not said a word yet
        self._calls = 0
        self._declined = False
        self._length = 0  # of the visible text, in code points
        self._spans: dict[int, tuple[int, int]] = {}  # where in it each text block stands
        self._thought = False  # in words
        self._ran_behind: set[type] = set()  # Text or Thinking: behind the last of it a tool ran that is not shown
        self._added = 0  # of it by this writer, between texts
        self._shifts: dict[int, int] = {}  # how much of that stands before a text block
        self._cited: list[Cited] = []
        self._details: list[Any] = []  # seals of what was thought
        self._over = False

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._delta_head + _ROLE

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew:  # the hot path first
            growth = self._growth.get(event.block)
            if growth is None:
                return b""
            if growth.visible:
                self._length += len(event.text)
            text = free_text.piece(event.text) if growth.free_text else event.text
            said = growth.head + jsons.write(text) + growth.tail
            return self._first_word(event.block) + said if self._silent else said
        if self._over:
            return b""
        if type(event) is Began:
            if event.tier is not None:
                self._serve(event.tier)
            return self.begin()
        if type(event) is Noted:
            self._usage = self._usage.updated(event.usage)
            return b""
        if type(event) is Opened:
            return self._opened(event) if self._begun else self.begin() + self._opened(event)
        return self._say(event)

    def _serve(self, tier: str) -> None:
        """From here on every chunk says it, as OpenAI's do."""
        self._head = self._untiered + b',"service_tier":' + jsons.write(tier)
        self._delta_head = self._head + _CHOICE

    def pulse(self) -> bytes:
        """An empty delta: Qwen Code (0.24) counts parsed chunks only, comments do not reset its 240 s timer."""
        return self.begin() or self._chunk({})

    def _say(self, event: Closed | Cited | Running | Showed | Ended | Failed) -> bytes:
        match event:
            case Closed():
                self._details += _details(event.seal)
                logprobs = event.extra.get("logprobs")
                return self._closed(event.block) + (self._weighed(logprobs) if logprobs else b"")
            case Cited():
                self._cited.append(event)
            case Ended():
                return self.begin() + self._ended(event)
            case Failed():
                self._stop()
                return stream_problem(event.problem)
            case Showed(part=Thinking(seal=seal)):
                self._details += _details(seal)
            case Showed() | Running():  # what the backend ran itself has no place in this dialect
                self._ran_behind = {Text, Thinking}
            case _:
                assert_never(event)
        return b""

    def _opened(self, event: Opened) -> bytes:
        part, gap = event.part, b""
        if type(part) is Text:
            key = b'{"content":'
            if self._length and self._begins(part):
                gap = self._chunk({"content": _APART})
                self._length += len(_APART)
                self._added += len(_APART)
            self._ran_behind.discard(Text)
            if self._added:
                self._shifts[event.block] = self._added
            self._spans[event.block] = (self._length, self._length)
        elif type(part) is Thinking:
            key = b'{"reasoning_content":'
            self._silent[event.block] = part
        elif type(part) is ToolCall:
            return self._opened_call(event.block, part)
        elif type(part) is Refusal:
            key = b'{"refusal":'
            self._declined = True
        else:
            assert_never(part)
        self._growth[event.block] = _Growth(self._delta_head + key, b"}" + _GOES_ON, visible=event.block in self._spans)
        return gap

    def _begins(self, part: Text | Thinking) -> bool:
        """Whether it is a paragraph of its own."""
        return "apart" in part.extra or type(part) in self._ran_behind

    def _first_word(self, block: int) -> bytes:
        """What stands before it."""
        part, gap = self._silent.pop(block, None), b""
        if type(part) is Thinking:
            if self._thought and self._begins(part):
                gap = self._chunk({"reasoning_content": _APART})
            self._thought = True
            self._ran_behind.discard(Thinking)
        return gap

    def _opened_call(self, block: int, call: ToolCall) -> bytes:
        if call.by != "client":
            self._ran_behind = {Text, Thinking}
            return b""
        index, self._calls = self._calls, self._calls + 1
        takes_text = call.kind == "custom"
        self._growth[block] = _Growth(
            self._delta_head + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index,
            b"}}]}" + _GOES_ON,
            free_text=takes_text,
        )
        if not takes_text:
            self._silent[block] = call
        function = {"name": call.name, "arguments": free_text.OPENING if takes_text else ""}
        said: dict[str, Any] = {"index": index, "id": call.id, "type": "function", "function": function}
        if self._details and (proof := signed_calls.proofs_in(self._details).get(call.id)) is not None:
            said[signed_calls.MEMBER] = proof
        return self._chunk({"tool_calls": [said]})

    def _closed(self, block: int) -> bytes:
        growth = self._growth.pop(block, None)
        if growth is None:
            return b""
        if growth.visible:
            self._spans[block] = (self._spans[block][0], self._length)
        if growth.free_text:
            return growth.head + jsons.write(free_text.CLOSING) + growth.tail
        silent = type(self._silent.pop(block, None)) is ToolCall
        return growth.head + b'"{}"' + growth.tail if silent else b""

    def _weighed(self, logprobs: list[Any]) -> bytes:
        said = jsons.write({"content": logprobs, "refusal": None})
        return self._delta_head + b'{},"logprobs":%b,"finish_reason":null}]}\n\n' % said

    def _ended(self, event: Ended) -> bytes:
        self._stop()
        if event.tier is not None:
            self._serve(event.tier)
        delta: dict[str, Any] = _reasoning_details(self._details)
        if self._cited:
            cited = [
                write_annotation(c.citation, *self._spans.get(c.block, (0, 0)), self._shifts.get(c.block, 0))
                for c in self._cited
            ]
            delta["annotations"] = [{**annotation, "index": index} for index, annotation in enumerate(cited)]
        if (refusal := _refusal(event.reason, event.explanation)) and not self._declined:
            delta["refusal"] = refusal
        said = self._chunk(delta, _finish(event.reason, calls=self._calls))
        if self._with_usage and self._usage != Usage():
            said += self._head + b',"choices":[],"usage":' + jsons.write(write_usage(self._usage)) + b"}\n\n"
        return said + _DONE

    def _stop(self) -> None:
        self._over = True
        self._growth.clear()

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        tail = b',"logprobs":null,"finish_reason":%b}]}\n\n' % jsons.write(finish)
        return self._delta_head + jsons.write(delta) + tail


def stream_problem(problem: Problem) -> bytes:
    """An error inside a stream. No [DONE] follows: the answer is not whole."""
    return sse.write_data(jsons.write({"error": error_object(problem)}))


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    texts = [part for part in answer.parts if isinstance(part, Text)]
    content, annotations = _joined(answer.parts)
    thought = _thought(answer.parts)
    declined = "".join(part.text for part in answer.parts if isinstance(part, Refusal))
    seals = [part.seal for part in answer.parts if isinstance(part, Thinking)]
    details = [detail for seal in seals for detail in _details(seal)]
    proofs = signed_calls.proofs_in(details)
    calls = [
        _write_call(part, proofs.get(part.id))
        for part in answer.parts
        if isinstance(part, ToolCall) and part.by == "client"
    ]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content or (None if calls else ""),
        "refusal": declined or _refusal(answer.reason, answer.explanation),
    }
    if thought:
        message["reasoning_content"] = thought
    message |= _reasoning_details(details)
    if calls:
        message["tool_calls"] = calls
    if annotations:
        message["annotations"] = annotations
    finish = _finish(answer.reason, calls=len(calls))
    said: dict[str, Any] = {
        "id": f"chatcmpl-{stamp.id}",
        "object": "chat.completion",
        "created": stamp.at,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "logprobs": _logprobs(texts), "finish_reason": finish}],
    }
    if answer.usage != Usage():
        said["usage"] = write_usage(answer.usage)
    if answer.tier is not None:
        said["service_tier"] = answer.tier
    return jsons.write(said)


def _logprobs(texts: list[Text]) -> dict[str, Any] | None:
    said = [token for part in texts for token in part.extra.get("logprobs", ())]
    return {"content": said, "refusal": None} if said else None


def _finish(reason: Reason, *, calls: int) -> str:
    """Calls that were made are to be run, whatever else ended the answer in good order."""
    finish = _FINISH[reason]
    return "tool_calls" if finish == "stop" and calls else finish


def _details(seal: Seal | None) -> list[Any]:
    """Other dialects' seals have no place here."""
    return seal.value if seal is not None and seal.form == "details" and isinstance(seal.value, list) else []


def _reasoning_details(details: list[Any]) -> dict[str, Any]:
    """Said once, whole, each with a number of its own: the SDK joins what it hears of one number."""
    said = signed_calls.without_proofs(details)  # which stand with their calls
    numbered = [{**detail, "index": index} for index, detail in enumerate(said) if isinstance(detail, dict)]
    return {"reasoning_details": numbered} if numbered else {}


def _refusal(reason: Reason, explanation: str | None) -> str | None:
    return explanation if reason in ("filtered", "refused") else None


def _joined(parts: tuple[Said, ...]) -> tuple[str, list[dict[str, Any]]]:
    """The whole text and its annotations, whose ranges count its code points."""
    said, annotations, added, ran = "", [], 0, False
    for part in parts:
        if not isinstance(part, Text):
            ran = ran or _ran_unseen(part)
            continue
        if said and (ran or "apart" in part.extra):
            said += _APART
            added += len(_APART)
        ran = False
        start, said = len(said), said + part.text
        annotations += [write_annotation(citation, start, len(said), added) for citation in part.citations]
    return said, annotations


def _thought(parts: tuple[Said, ...]) -> str:
    said, ran = "", False
    for part in parts:
        if isinstance(part, Thinking) and part.text:
            said += _APART + part.text if said and (ran or "apart" in part.extra) else part.text
            ran = False
        else:
            ran = ran or _ran_unseen(part)
    return said


def _ran_unseen(part: Said) -> bool:
    """Whether it tells of a tool that the backend or the proxy ran."""
    return part.by != "client" if isinstance(part, ToolCall) else not isinstance(part, Text | Thinking | Refusal)


def write_annotation(citation: Citation, start: int, end: int, added: int) -> dict[str, Any]:
    """start, end: where its part stands, which is what it cites unless it says more exactly.

    added: what this dialect's writer put between the texts before it, which the citation's own numbers do not count.
    """
    cited = {
        "url": citation.url,
        "title": citation.title,
        "start_index": start if citation.start is None else citation.start + added,
        "end_index": end if citation.end is None else citation.end + added,
    }
    return {"type": "url_citation", "url_citation": cited}


def _write_call(call: ToolCall, proof: Any = None) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    arguments = call.arguments if call.arguments.strip() else "{}"
    said = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
    return said if proof is None else {**said, signed_calls.MEMBER: proof}
