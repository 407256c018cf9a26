"""What a Chat Completions backend says, as events.

A whole answer is read as the one delta it would have been, so that streamed and whole answers cannot differ.
"""

from typing import Any, Final, Literal

from dragoman.hub.events import Began, Cited, Closed, Ended, Event, Failed, Grew, Noted, Opened, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Citation, Extra, Refusal, Request, Seal, Text, Thinking, ToolCall
from dragoman.hub.route import Profile
from dragoman.protocols.backend_problems import read_problem, unreadable
from dragoman.protocols.call_ids import CallIds
from dragoman.protocols.codec import Stamp
from dragoman.protocols.frames import DONE, Frames
from dragoman.protocols.openai_chat import signed_calls
from dragoman.protocols.openai_chat.calls import Call, find
from dragoman.protocols.openai_chat.usage import read_usage
from dragoman.protocols.think_tags import ThinkTags
from dragoman.wire import jsons
from dragoman.wire.sse import Frame, FrameTooLargeError

_REASON: Final[dict[str, Reason]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "content_filter": "filtered",
    "safety": "filtered",  # Gemini
    "sensitive": "filtered",  # Z.ai
}
_NOT_AN_END: Final = frozenset({"abort", "error", "insufficient_system_resource", "network_error"})
_MEANINGFUL: Final = (
    "content",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "refusal",
    "annotations",
    "tool_calls",
    "function_call",
)
_MORE: Final = frozenset(_MEANINGFUL) - {"content"}
# Per kind of block: the member that usually makes it grow, and what of a delta would mean more than that.
_GROWS: Final = {
    kind: (member, tuple(other for other in _MEANINGFUL if other != member))
    for kind, member in (("text", "content"), ("thinking", "reasoning_content"), (None, "tool_calls"))
}
_TRUNCATED: Final = "the backend's stream ended before the answer was complete"

_Kind = Literal["text", "thinking", "refusal"]
_PART: Final[dict[_Kind, type[Text | Thinking | Refusal]]] = {"text": Text, "thinking": Thinking, "refusal": Refusal}


class AnswerReader:
    """One answer, streamed (`feed`, `finish`) or whole (`read_whole`).

    request: the ids of its past tool calls are not given out again.
    """

    def __init__(self, request: Request, profile: Profile, stamp: Stamp) -> None:
        self._frames: Final = Frames()
        self._mend: Final = self._frames.mend
        self._tags: Final = ThinkTags(profile.think_tags, implicit_open=profile.implicit_open)
        self._family: Final = profile.family
        self._signs_calls: Final = profile.signs_calls
        self._stop: Final = request.stop
        self._ids: Final = CallIds(request, stamp)
        self._said: list[Event] = []  # since the last call
        self._blocks = 0
        self._open = -1  # the open block that is not a tool call
        self._kind: _Kind | None = None  # what it is; None = there is none
        self._calls: list[Call] = []
        self._began = False
        self._raw: str | None = None
        self._stop_sequence: str | None = None
        self._tier: str | None = None
        self._declined: list[str] = []
        self._details: list[Any] = []
        self._logprobs: list[Any] | None = (
            [] if request.sampling.logprobs else None
        )  # of the text; None = not asked for
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
            # Without [DONE] the finish reason is the only sign that the answer is whole.
            self._end(whole=self._raw is not None)
        return self._taken()

    def read_whole(self, body: bytes) -> list[Event]:
        try:
            answer = jsons.read(body)
        except jsons.JSONError as error:
            self._fail(unreadable("the backend's answer is not valid JSON", body, error))
            return self._taken()
        if not isinstance(answer, dict) or _error_in(answer) or not answer.get("choices"):
            self._fail(read_problem(0, {}, body))
        elif self._chunk(answer, "message"):
            self._end(whole=True)
        else:
            self._fail(Problem("backend_failed", "the backend's answer holds no message"))
        return self._taken()

    def _taken(self) -> list[Event]:
        said, self._said = self._said, []
        return said

    def _hear(self, frames: list[Frame]) -> None:
        for frame in frames:
            if self._over:
                return
            if frame.data == DONE:  # before a tolerant reader looks for JSON in it
                self._end(whole=self._began)
                return
            try:
                chunk = jsons.read_mended(frame.data, self._mend)
            except jsons.JSONError as error:
                self._hear_no_json(frame.data.strip(), error)
                continue
            if type(chunk) is not dict or frame.event == "error":
                self._fail(read_problem(0, {}, frame.data))
            elif (self._kind is not None or self._calls) and self._goes_on(chunk):
                continue
            elif ("error" in chunk or not chunk.get("choices") or chunk.get("object") == "error") and _error_in(chunk):
                self._fail(read_problem(0, {}, frame.data))
            else:
                self._chunk(chunk, "delta")

    def _hear_no_json(self, data: bytes, error: jsons.JSONError) -> None:
        if data == DONE:
            self._end(whole=self._began)
        elif data:
            self._fail(unreadable("the backend sent a garbled stream", data, error))

    def _goes_on(self, chunk: dict[str, Any]) -> bool:
        """The hot path: hear a chunk that holds nothing but more of the open block. False: it holds something else."""
        choices, grows = chunk.get("choices"), _GROWS.get(self._kind)
        if (
            grows is None
            or self._logprobs is not None
            or type(choices) is not list
            or len(choices) != 1
            or chunk.get("usage")
            or chunk.get("error")
        ):
            return False
        choice = choices[0]
        if type(choice) is not dict or choice.get("finish_reason") is not None or choice.get("index") != 0:
            return False
        delta, (member, others) = choice.get("delta"), grows
        if type(delta) is not dict or (len(delta) > 1 and any(map(delta.get, others))):
            return False
        more = delta.get(member)
        if type(more) is str and more and self._tags.off:
            self._said.append(Grew(self._open, more))
            return True
        return type(more) is list and len(more) == 1 and self._call_goes_on(more[0])

    def _call_goes_on(self, entry: Any) -> bool:
        call = self._calls[-1] if self._calls else None
        if call is None or not call.opened or call.closed or call.held or type(entry) is not dict:
            return False
        function = entry.get("function")
        if (
            call.index is None
            or entry.get("index") != call.index
            or entry.get("id")
            or type(function) is not dict
            or function.get("name")
        ):
            return False
        piece = function.get("arguments")
        if type(piece) is not str or not piece or not call.pieces:
            return False
        call.pieces.append(piece)
        self._said.append(Grew(call.block, piece))
        return True

    def _chunk(self, chunk: dict[str, Any], key: str) -> bool:
        """Hear one chunk. Return whether it held anything of the answer."""
        if not self._began:
            self._began = True
            own, model, tier = chunk.get("id"), chunk.get("model"), chunk.get("service_tier")
            self._said.append(
                Began(
                    own if type(own) is str and own else None,
                    model if type(model) is str and model else None,
                    tier if type(tier) is str and tier else None,
                )
            )
        heard, usage = False, chunk.get("usage")
        choices = chunk.get("choices")
        for choice in choices if type(choices) is list else ():
            if type(choice) is not dict or choice.get("index", 0) not in (0, None):
                continue
            delta = choice.get(key)
            if delta is None and not self._blocks:
                delta = choice.get("message")  # of a server that knows no streams and says everything in one event
            if type(delta) is dict:
                heard = True
                content = delta.get("content")
                if not _MORE.isdisjoint(delta):
                    self._delta(delta, whole=delta is choice.get("message"))
                elif type(content) is str and content:  # nearly all of them
                    self._say("text", content)
                elif content:
                    self._content(content)
                if self._logprobs is not None and content:
                    self._logprobs += _logprobs_in(choice)
            finish = choice.get("finish_reason")
            if type(finish) is str:
                self._finish(choice, finish)
                self._tier = _text(chunk.get("service_tier")) or None  # Azure's first chunk lacks it
            usage = usage or choice.get("usage")  # Moonshot
        if usage and (noted := read_usage(usage)) is not None:
            self._said.append(Noted(noted))
        return heard

    def _finish(self, choice: dict[str, Any], finish: str) -> None:
        self._raw = finish
        matched = choice.get("stop_reason") or choice.get("matched_stop")  # vLLM and SGLang tell which one
        if isinstance(matched, str) and matched in self._stop:
            self._stop_sequence = matched

    def _delta(self, delta: dict[str, Any], *, whole: bool) -> None:
        if thought := self._thought(delta):
            self._say("thinking", thought)
        self._content(delta.get("content"))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self._declined.append(refusal)
            self._say("refusal", refusal)
        if annotations := delta.get("annotations"):
            self._annotations(annotations)
        calls = delta.get("tool_calls")
        for number, entry in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(entry, dict):
                # In a whole answer each entry is a call of its own, whatever it is called.
                self._call(entry, number if whole else entry.get("index"))
        if isinstance(legacy := delta.get("function_call"), dict):
            self._call({"function": legacy}, 0)

    def _thought(self, delta: dict[str, Any]) -> str:
        """`reasoning_content` (DeepSeek, SGLang, llama.cpp, older vLLM) or `reasoning` (vLLM, Ollama, OpenRouter).

        Some send both with the same text, OpenRouter sends it in `reasoning_details` as well.
        """
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        details = delta.get("reasoning_details")
        if not isinstance(details, list):
            return thought
        self._details += details
        return thought or "".join(_text(d.get("text") or d.get("summary")) for d in details if isinstance(d, dict))

    def _content(self, content: Any) -> None:
        """A string, but for Mistral's reasoning models, which send parts."""
        if type(content) is str and content:
            self._say("text", content)
        for part in content if type(content) is list else ():
            if not isinstance(part, dict):
                continue
            if part.get("type") == "thinking":
                inner = part.get("thinking")
                pieces = inner if isinstance(inner, list) else [{"text": inner}]
                if thought := "".join(_text(piece.get("text")) for piece in pieces if isinstance(piece, dict)):
                    self._say("thinking", thought)
            elif text := _text(part.get("text")):
                self._say("text", text)

    def _say(self, kind: _Kind, text: str) -> None:
        if self._kind != kind:
            if self._kind is not None:
                self._close_open()
            if self._details and kind != "thinking":
                self._show_seal()
            if self._calls:
                self._close_whole_calls()
            self._open, self._kind = self._blocks, kind
            self._blocks += 1
            opened = Opened(self._open, _PART[kind](""))
            if self._tags.off or (kind == "text" and self._tags.passes(text)):
                self._said += (opened, Grew(self._open, text))
                return
            self._tell(opened)
        self._tell(Grew(self._open, text))

    def _tell(self, event: Event) -> None:
        if self._tags.off:
            self._said.append(event)
        else:
            self._said += self._tags.feed(event)

    def _close_open(self) -> None:
        if self._kind is None:
            return
        seal = self._seal() if self._kind == "thinking" else None
        extra: Extra = {}
        if self._logprobs and self._kind == "text":
            extra, self._logprobs = {"logprobs": self._logprobs}, []
        self._kind = None
        self._tell(Closed(self._open, seal, extra))

    def _show_seal(self) -> None:
        """What was sealed without a word of it being said, or behind it (Gemini at OpenRouter), is shown by itself."""
        if self._details:
            self._tell(Showed(self._next_block(), Thinking("", self._seal())))

    def _seal(self) -> Seal | None:
        details, self._details = self._details, []
        return Seal("openai-chat", self._family, details, "details") if details else None

    def _close_whole_calls(self) -> None:
        """Something else begins: calls whose JSON is whole are over. Others may still grow (interleaved deltas)."""
        for call in self._calls:
            if call.opened and not call.closed and call.is_whole():
                self._close_call(call)

    def _close_call(self, call: Call) -> None:
        call.closed = True
        if call.held:
            self._tell(Grew(call.block, call.pieces[0]))
        self._tell(Closed(call.block))

    def _call(self, entry: dict[str, Any], index: Any) -> None:
        function = entry.get("function") or entry.get("custom")
        function = function if isinstance(function, dict) else {}
        name, call_id = _text(function.get("name")), _text(entry.get("id")) or None
        piece = function.get("arguments", function.get("input"))
        # Some servers send the object itself.
        piece = jsons.write_text(piece) if isinstance(piece, dict) else _text(piece)
        place = index if isinstance(index, int) else None
        call = find(self._calls, place, call_id, name, piece)
        if call is None:
            call = Call(self._next_block(), place, call_id)
            self._calls.append(call)
        call.id, call.name = call.id or call_id, call.name or name
        if self._signs_calls:
            call.proof = call.proof or entry.get(signed_calls.MEMBER)
        if call.closed or call.is_repeated(call_id, piece):
            return  # its JSON was whole: what still comes is white space, or nothing that could be run
        custom = isinstance(entry.get("custom"), dict)
        if piece and custom:
            call.pieces.append(piece)
        elif piece:
            piece = call.hear(piece)
        if not call.opened:
            if call.name:
                self._open_call(call, custom=custom)
        elif piece:
            self._tell(Grew(call.block, piece))

    def _open_call(self, call: Call, *, custom: bool) -> None:
        self._close_open()
        call_id, name = self._ids.fresh(call.id), self._ids.name(call.name)
        if call.proof is not None:
            self._details.append(signed_calls.detail(call_id, call.proof))
        self._show_seal()
        self._close_whole_calls()
        call.opened = True
        self._tell(Opened(call.block, ToolCall(call_id, name, kind="custom" if custom else "function")))
        if said := "" if call.held else "".join(call.pieces):
            self._tell(Grew(call.block, said))

    def _annotations(self, annotations: Any) -> None:
        if self._kind != "text":
            return
        for annotation in annotations if isinstance(annotations, list) else ():
            cited = annotation.get("url_citation") if isinstance(annotation, dict) else None
            if isinstance(cited, dict) and isinstance(cited.get("url"), str):
                self._tell(Cited(self._open, _citation(cited)))

    def _end(self, *, whole: bool) -> None:
        """The backend has said all it will. whole: it said that this was the end."""
        if not whole:
            self._fail(Problem("truncated", _TRUNCATED))
            return
        raw = (self._raw or "").lower()
        if raw in _NOT_AN_END:
            self._fail(Problem("backend_failed", f"the backend gave up on the answer (finish_reason {self._raw!r})"))
            return
        reason = self._reason(raw)
        for call in self._calls:
            if reason != "length" and not call.opened and (call.id or call.pieces):
                self._fail(Problem("backend_failed", "the backend called a tool without naming it"))
                return
        self._close_open()
        self._show_seal()
        for call in self._calls:
            if call.opened and not call.closed:
                self._close_call(call)
        self._over = True
        explanation = "".join(self._declined) or None
        self._said.append(Ended(reason, self._raw, self._stop_sequence, explanation, self._tier))

    def _reason(self, raw: str) -> Reason:
        """The tool calls that were made decide, not what the backend calls the end of its answer."""
        if (reason := _REASON.get(raw)) is not None:
            return reason
        for call in self._calls:
            if call.opened:
                return "tool_calls"
        if self._declined:
            return "refused"
        return "stop_sequence" if self._stop_sequence is not None else "stop"

    def _fail(self, problem: Problem) -> None:
        self._over = True
        self._said.append(Failed(problem))

    def _next_block(self) -> int:
        self._blocks += 1
        return self._blocks - 1


def _logprobs_in(choice: dict[str, Any]) -> list[Any]:
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return content if isinstance(content, list) else []


def _citation(cited: dict[str, Any]) -> Citation:
    start, end = cited.get("start_index"), cited.get("end_index")
    return Citation(
        cited["url"],
        _text(cited.get("title")),
        _text(cited.get("content")),
        start if isinstance(start, int) else None,
        end if isinstance(end, int) else None,
    )


def _error_in(chunk: dict[str, Any]) -> bool:
    error, choices = chunk.get("error"), chunk.get("choices")
    if error or (error == {} and not choices) or chunk.get("object") == "error":
        return True
    base = chunk.get("base_resp")  # MiniMax reports errors with status 200
    return isinstance(base, dict) and bool(base.get("status_code")) and not choices


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
