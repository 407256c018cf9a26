"""Errors as Responses clients hear them."""

from typing import Final

import pytest

from dragoman.hub.problems import KINDS, STATUS, Kind, Problem
from dragoman.protocols.openai_responses.problems import relayed_problem, stream_error, write_problem
from dragoman.wire import jsons

# The kinds whose status or code clients act on: status, type, code.
TABLE: Final[dict[Kind, tuple[int, str, str | None]]] = {
    "bad_request": (400, "invalid_request_error", None),
    "context_overflow": (400, "invalid_request_error", "context_length_exceeded"),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key"),
    "backend_refused_us": (502, "server_error", "server_error"),
    "unknown_model": (400, "invalid_request_error", "model_not_found"),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "out_of_credit": (429, "insufficient_quota", "insufficient_quota"),
    "overloaded": (503, "server_error", "server_is_overloaded"),
    "backend_failed": (502, "server_error", "server_error"),
    "timeout": (504, "server_error", "server_error"),
}

EXCEEDED: Final = "This model's maximum context length is exceeded"


@pytest.mark.parametrize("kind", TABLE)
def test_the_table(kind: Kind) -> None:
    refused = write_problem(Problem(kind, "why", status=599), "req_1")
    error = jsons.read(refused.body)["error"]
    assert (refused.status, error["type"], error["code"]) == TABLE[kind]
    assert error["message"] == (f"{EXCEEDED}: why" if kind == "context_overflow" else "why")
    assert dict(refused.headers)["x-request-id"] == "req_1"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_said(kind: Kind) -> None:
    special = {"out_of_credit": 429, "unknown_model": 400}
    assert write_problem(Problem(kind, "why"), "r").status == special.get(kind, STATUS[kind])
    assert set(stream_error(Problem(kind, "why"))) == {"code", "message"}


def test_an_overflow_is_said_in_the_words_that_clients_look_for() -> None:
    refused = write_problem(Problem("context_overflow", "prompt is too long: 9 tokens > 8 maximum"), "r")
    said = f"{EXCEEDED}: prompt is too long: 9 tokens > 8 maximum"
    assert jsons.read(refused.body)["error"]["message"] == said


def test_what_the_client_can_act_on_is_kept() -> None:
    problem = Problem("bad_request", "no", param="input[0]", code="previous_response_not_found", retry_after=1.5)
    refused = write_problem(problem, "r")
    assert jsons.read(refused.body)["error"] == {
        "message": "no",
        "type": "invalid_request_error",
        "param": "input[0]",
        "code": "previous_response_not_found",
    }
    assert dict(refused.headers)["retry-after"] == "2"


@pytest.mark.parametrize(
    ("problem", "code", "message"),
    [
        (Problem("context_overflow", "too long"), "context_length_exceeded", f"{EXCEEDED}: too long"),
        (Problem("unsupported", "no"), "invalid_prompt", "no"),
        (Problem("truncated", "cut"), "server_error", "cut"),
        (Problem("rate_limited", "slow", retry_after=1.2), "rate_limit_exceeded", "slow Please try again in 2s."),
        (Problem("rate_limited", "slow"), "rate_limit_exceeded", "slow"),
        (Problem("rate_limited", "try again in 5s", retry_after=5), "rate_limit_exceeded", "try again in 5s"),
    ],
)
def test_inside_a_stream_codex_acts_on_the_code_and_reads_the_pause(problem: Problem, code: str, message: str) -> None:
    assert stream_error(problem) == {"code": code, "message": message}


def test_a_relayed_stream_ends_in_a_failed_response() -> None:
    head, _, data = relayed_problem(Problem("truncated", "cut")).partition(b"\ndata: ")
    said = jsons.read(data)
    assert head == b"event: response.failed"
    assert (said["type"], said["response"]["status"]) == ("response.failed", "failed")
    assert isinstance(said["sequence_number"], int)
    assert said["response"]["error"] == {"code": "server_error", "message": "cut"}
