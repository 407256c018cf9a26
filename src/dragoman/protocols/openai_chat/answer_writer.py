"""Saying an answer as a Chat Completions client expects to hear it.

Minimum safe field set (openai 3.54, AI SDK, openai-node 6): id, object, created, model and choices in every chunk;
`role` once, first; `id`, `type` and `name` of a call once; list-valued extras once, whole, with an `index` per entry;
the usage chunk last before [DONE].
"""

from typing import Any, Final, assert_never

from dragoman.hub.answer import Answer
from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Refusal, Request, Text, Thinking, ToolCall
from dragoman.hub.usage import Usage
from dragoman.protocols.codec import Stamp
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
        self._head: Final = b"data: " + jsons.write(head)[:-1]
        self._delta_head: Final = self._head + b',"choices":[{"index":0,"delta":'
        self._begun = False
        self._heads: dict[int, bytes] = {}  # what stands before the text of a block's growth
        self._tails: dict[int, bytes] = {}
        self._silent_calls: dict[int, int] = {}  # calls that have not said an argument yet: block -> index
        self._calls = 0
        self._declined = False
        self._citations: list[Citation] = []

    def begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._chunk({"role": "assistant", "content": ""})

    def feed(self, event: Event) -> bytes:
        if type(event) is Grew:  # the hot path first
            return self._grew(event)
        match event:
            case Opened():
                return self.begin() + self._opened(event)
            case Closed():
                return self._closed(event)
            case Cited():
                self._citations.append(event.citation)
            case Noted():
                self._usage = self._usage.updated(event.usage)
            case Ended():
                return self.begin() + self._ended(event)
            case Failed():
                return stream_problem(event.problem)
            case Began():
                return self.begin()
            case Showed() | Grew():  # what the backend ran itself has no place in this dialect
                pass
            case _:
                assert_never(event)
        return b""

    def pulse(self) -> bytes:
        """An empty delta: Qwen Code (0.24) counts parsed chunks only, comments do not reset its 240 s timer."""
        return self.begin() or self._chunk({})

    def _grew(self, event: Grew) -> bytes:
        head = self._heads.get(event.block)
        if head is None:
            return b""
        self._silent_calls.pop(event.block, None)
        return head + jsons.write(event.text) + self._tails[event.block]

    def _opened(self, event: Opened) -> bytes:
        match event.part:
            case ToolCall():
                return self._opened_call(event.block, event.part)
            case Text():
                key = b'{"content":'
            case Thinking():
                key = b'{"reasoning_content":'
            case Refusal():
                key = b'{"refusal":'
                self._declined = True
            case _:
                assert_never(event.part)
        self._heads[event.block] = self._delta_head + key
        self._tails[event.block] = b'},"logprobs":null,"finish_reason":null}]}\n\n'
        return b""

    def _opened_call(self, block: int, call: ToolCall) -> bytes:
        if call.by != "client":
            return b""
        index, self._calls = self._calls, self._calls + 1
        self._silent_calls[block] = index
        self._heads[block] = self._delta_head + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index
        self._tails[block] = b'}}]},"logprobs":null,"finish_reason":null}]}\n\n'
        function = {"name": call.name, "arguments": ""}
        return self._chunk({"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]})

    def _closed(self, event: Closed) -> bytes:
        index = self._silent_calls.pop(event.block, None)
        if index is None:
            return b""
        return self._chunk({"tool_calls": [{"index": index, "function": {"arguments": "{}"}}]})

    def _ended(self, event: Ended) -> bytes:
        delta: dict[str, Any] = {}
        if self._citations:
            delta["annotations"] = [{**a, "index": i} for i, a in enumerate(map(write_annotation, self._citations))]
        if event.reason == "filtered" and event.explanation and not self._declined:
            delta["refusal"] = event.explanation
        said = self._chunk(delta, _FINISH[event.reason])
        if self._with_usage:
            said += self._head + b',"choices":[],"usage":' + jsons.write(write_usage(self._usage)) + b"}\n\n"
        return said + _DONE

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        tail = b',"logprobs":null,"finish_reason":%b}]}\n\n' % jsons.write(finish)
        return self._delta_head + jsons.write(delta) + tail


def stream_problem(problem: Problem) -> bytes:
    """An error inside a stream. No [DONE] follows: the answer is not whole."""
    return sse.write_data(jsons.write({"error": error_object(problem)}))


def write_answer(answer: Answer, request: Request, stamp: Stamp) -> bytes:
    text = "".join(part.text for part in answer.parts if isinstance(part, Text))
    thought = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    declined = "".join(part.text for part in answer.parts if isinstance(part, Refusal))
    if answer.reason == "filtered" and not declined:
        declined = answer.explanation or ""
    calls = [_write_call(part) for part in answer.parts if isinstance(part, ToolCall) and part.by == "client"]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text or (None if calls else ""),
        "refusal": declined or None,
    }
    if thought:
        message["reasoning_content"] = thought
    if calls:
        message["tool_calls"] = calls
    cited = [c for part in answer.parts if isinstance(part, Text) for c in part.citations]
    if cited:
        message["annotations"] = [write_annotation(citation) for citation in cited]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[answer.reason]}
    return jsons.write(
        {
            "id": f"chatcmpl-{stamp.id}",
            "object": "chat.completion",
            "created": stamp.at,
            "model": request.model,
            "choices": [choice],
            "usage": write_usage(answer.usage),
        }
    )


def write_annotation(citation: Citation) -> dict[str, Any]:
    cited = {
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }
    return {"type": "url_citation", "url_citation": cited}


def _write_call(call: ToolCall) -> dict[str, Any]:
    if call.kind == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
