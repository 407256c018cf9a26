"""The two sides of the Responses codec (protocols/codec.py says what each method promises)."""

from typing import Any, Final

from dragoman.hub.events import Event
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Profile
from dragoman.protocols.backend_problems import read_problem
from dragoman.protocols.codec import Refused, Stamp
from dragoman.protocols.openai_responses import (
    answer_reader,
    answer_writer,
    problems,
    request_reader,
    request_writer,
)
from dragoman.protocols.openai_responses.tap import Tap
from dragoman.wire.jsons import Members

_DIALECT: Final[Dialect] = "openai-responses"


class ResponsesClient:
    dialect: Final[Dialect] = _DIALECT

    read_request = staticmethod(request_reader.read_request)
    note_losses = staticmethod(request_reader.note_losses)
    stream_writer = staticmethod(answer_writer.StreamWriter)
    write_answer = staticmethod(answer_writer.write_answer)

    def write_problem(self, problem: Problem, request_id: str) -> Refused:
        return problems.write_problem(problem, request_id)

    def write_stream_problem(self, problem: Problem) -> bytes:
        return problems.relayed_problem(problem)

    def pulse(self) -> bytes:
        return answer_writer.PULSE

    def default_members(self, defaults: Defaults) -> dict[str, Any]:
        sampling = defaults.sampling
        reasoning = None if defaults.reasoning_effort is None else {"effort": defaults.reasoning_effort}
        said: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_output_tokens": defaults.max_tokens,
            "reasoning": reasoning,
        }
        return {key: value for key, value in said.items() if value is not None}


class ResponsesBackend:
    dialect: Final[Dialect] = _DIALECT

    def url(self, backend: Backend) -> str:
        return f"{backend.url}/responses"

    def headers(self, backend: Backend) -> list[tuple[str, str]]:
        key = backend.key.reveal()
        return [("authorization", f"Bearer {key}")] if key else []

    write_request = staticmethod(request_writer.write_request)
    stream_reader = staticmethod(answer_reader.AnswerReader)
    read_problem = staticmethod(read_problem)

    def read_answer(self, body: bytes, request: Request, profile: Profile, stamp: Stamp) -> list[Event]:
        return answer_reader.AnswerReader(request, profile, stamp).read_whole(body)

    tap = staticmethod(Tap)

    def asking_usage(self, members: Members, profile: Profile) -> dict[str, Any]:  # noqa: ARG002 - always told
        return {}

    def without_usage(self, data: bytes) -> bytes:
        return data

    def with_reason(self, data: bytes) -> bytes:
        return data
