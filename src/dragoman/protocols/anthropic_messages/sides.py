"""The two sides of the Messages codec (protocols/codec.py says what each method promises)."""

from typing import Any, Final

from dragoman.hub.events import Event
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Profile
from dragoman.protocols.anthropic_messages import (
    answer_reader,
    answer_writer,
    problems,
    request_reader,
    request_writer,
)
from dragoman.protocols.anthropic_messages.tap import Tap
from dragoman.protocols.backend_problems import read_problem
from dragoman.protocols.codec import Refused, Stamp
from dragoman.wire.jsons import Members

_DIALECT: Final[Dialect] = "anthropic-messages"
# Sampling settings are a 400 on the newer 2026-10-21, at whatever value; bodies of ours are written for this one.
_VERSION: Final = ("anthropic-version", "2023-06-01")


class MessagesClient:
    dialect: Final[Dialect] = _DIALECT

    read_request = staticmethod(request_reader.read_request)
    note_losses = staticmethod(request_reader.note_losses)
    stream_writer = staticmethod(answer_writer.StreamWriter)
    write_answer = staticmethod(answer_writer.write_answer)

    def write_problem(self, problem: Problem, request_id: str) -> Refused:
        return problems.write_problem(problem, request_id)

    def write_stream_problem(self, problem: Problem) -> bytes:
        return problems.stream_problem(problem)

    def pulse(self) -> bytes:
        return b'event: ping\ndata: {"type":"ping"}\n\n'

    def default_members(self, defaults: Defaults) -> dict[str, Any]:
        sampling = defaults.sampling
        said: dict[str, Any] = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "max_tokens": defaults.max_tokens,
            "stop_sequences": list(defaults.stop) or None,
        }
        return {key: value for key, value in said.items() if value is not None}


class MessagesBackend:
    dialect: Final[Dialect] = _DIALECT

    def url(self, backend: Backend) -> str:
        return f"{backend.url.removesuffix('/v1')}/v1/messages"

    def headers(self, backend: Backend) -> list[tuple[str, str]]:
        key = backend.key.reveal()
        return [("x-api-key", key), _VERSION] if key else [_VERSION]

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
