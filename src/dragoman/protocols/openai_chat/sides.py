"""The two sides of the Chat Completions codec (protocols/codec.py says what each method promises)."""

from typing import Any, Final

from dragoman.hub.events import Event
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Profile
from dragoman.protocols.backend_problems import read_problem
from dragoman.protocols.codec import Refused, Stamp
from dragoman.protocols.openai_chat import (
    answer_reader,
    answer_writer,
    problems,
    request_reader,
    request_writer,
    unasked_usage,
)
from dragoman.protocols.openai_chat.tap import Tap

_DIALECT: Final[Dialect] = "openai-chat"
_PULSE: Final = (
    b'data: {"id":"chatcmpl-waiting","object":"chat.completion.chunk","created":0,"model":"",'
    b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":null}]}\n\n'
)
# OpenCode (1.18) asks again for what ends without a reason, without end; Qwen Code asks four times.
_REASON: Final = (
    b'data: {"id":"chatcmpl-end","object":"chat.completion.chunk","created":0,"model":"",'
    b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
)


class ChatClient:
    dialect: Final[Dialect] = _DIALECT

    read_request = staticmethod(request_reader.read_request)
    note_losses = staticmethod(request_reader.note_losses)
    stream_writer = staticmethod(answer_writer.StreamWriter)
    write_answer = staticmethod(answer_writer.write_answer)

    def write_problem(self, problem: Problem, request_id: str) -> Refused:  # noqa: ARG002 - Messages says it in the body
        return problems.write_problem(problem)

    def write_stream_problem(self, problem: Problem) -> bytes:
        return answer_writer.stream_problem(problem)

    def pulse(self) -> bytes:
        return _PULSE

    def default_members(self, defaults: Defaults) -> dict[str, Any]:
        sampling = defaults.sampling
        said: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "frequency_penalty": sampling.frequency_penalty,
            "presence_penalty": sampling.presence_penalty,
            "max_tokens": defaults.max_tokens,
            "reasoning_effort": defaults.reasoning_effort,
            "stop": list(defaults.stop) or None,
        }
        return {key: value for key, value in said.items() if value is not None}


class ChatBackend:
    dialect: Final[Dialect] = _DIALECT

    def url(self, backend: Backend) -> str:
        return f"{backend.url}/chat/completions"

    def headers(self, backend: Backend) -> list[tuple[str, str]]:
        key = backend.key.reveal()
        return [("authorization", f"Bearer {key}")] if key else []

    write_request = staticmethod(request_writer.write_request)
    stream_reader = staticmethod(answer_reader.AnswerReader)
    read_problem = staticmethod(read_problem)

    def read_answer(self, body: bytes, request: Request, profile: Profile, stamp: Stamp) -> list[Event]:
        return answer_reader.AnswerReader(request, profile, stamp).read_whole(body)

    tap = staticmethod(Tap)

    asking_usage = staticmethod(unasked_usage.asking)
    without_usage = staticmethod(unasked_usage.kept_back)

    def with_reason(self, data: bytes) -> bytes:
        begun, done, rest = data.rpartition(b"data: [DONE]")
        return b"".join((begun, _REASON, done, rest)) if done else data
