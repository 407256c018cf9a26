"""The two sides of the Responses codec (protocols/codec.py says what each method promises)."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.hub.answer import Answer
from dragoman.hub.events import Event
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Profile, Route
from dragoman.protocols.backend_problems import read_problem
from dragoman.protocols.codec import Refused, Stamp, StreamReader, StreamWriter, Tap
from dragoman.protocols.openai_responses import (
    answer_reader,
    answer_writer,
    problems,
    request_reader,
    request_writer,
    tap,
)
from dragoman.wire.jsons import Members

_DIALECT: Final[Dialect] = "openai-responses"


class ResponsesClient:
    dialect: Final[Dialect] = _DIALECT

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Request:
        return request_reader.read_request(body, headers)

    def note_losses(self, request: Request, losses: Losses) -> None:
        request_reader.note_losses(request, losses)

    def stream_writer(self, request: Request, stamp: Stamp) -> StreamWriter:
        return answer_writer.StreamWriter(request, stamp)

    def write_answer(self, answer: Answer, request: Request, stamp: Stamp) -> bytes:
        return answer_writer.write_answer(answer, request, stamp)

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
        return [("authorization", f"Bearer {backend.key.reveal()}")] if backend.key else []

    def write_request(self, request: Request, route: Route, backend: Backend, losses: Losses) -> bytes:
        return request_writer.write_request(request, route, backend.profile, losses)

    def stream_reader(self, request: Request, profile: Profile, stamp: Stamp) -> StreamReader:
        return answer_reader.AnswerReader(request, profile, stamp)

    def read_answer(self, body: bytes, request: Request, profile: Profile, stamp: Stamp) -> list[Event]:
        return answer_reader.AnswerReader(request, profile, stamp).read_whole(body)

    def read_problem(self, status: int, headers: Mapping[str, str], body: bytes) -> Problem:
        return read_problem(status, headers, body)

    def tap(self) -> Tap:
        return tap.Tap()

    def asking_usage(self, members: Members, profile: Profile) -> dict[str, Any]:  # noqa: ARG002 - always told
        return {}

    def without_usage(self, data: bytes) -> bytes:
        return data
