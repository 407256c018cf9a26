"""Errors as Messages clients hear them."""

from typing import Final

import pytest

from dragoman.hub.problems import KINDS, STATUS, Kind, Problem
from dragoman.protocols.anthropic_messages.problems import error_object, stream_problem, write_problem
from dragoman.wire import jsons
from tests.protocols.test_overflow import WORDINGS

TABLE: Final[dict[Kind, tuple[int, str]]] = {
    "bad_request": (400, "invalid_request_error"),
    "unsupported": (400, "invalid_request_error"),
    "context_overflow": (400, "invalid_request_error"),
    "policy": (400, "invalid_request_error"),
    "unauthorized": (401, "authentication_error"),
    "backend_refused_us": (502, "api_error"),
    "forbidden": (403, "permission_error"),
    "unknown_model": (404, "not_found_error"),
    "too_large": (413, "request_too_large"),
    "rate_limited": (429, "rate_limit_error"),
    "out_of_credit": (402, "billing_error"),
    "overloaded": (529, "overloaded_error"),
    "backend_failed": (502, "api_error"),
    "truncated": (502, "api_error"),
    "timeout": (504, "timeout_error"),
}


@pytest.mark.parametrize("kind", TABLE)
def test_the_table(kind: Kind) -> None:
    refused = write_problem(Problem(kind, "why", status=599), "req_1")
    said = jsons.read(refused.body)
    assert (refused.status, said["error"]["type"]) == TABLE[kind]
    assert "why" in said["error"]["message"]
    assert (said["type"], said["request_id"]) == ("error", "req_1")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_said(kind: Kind) -> None:
    assert write_problem(Problem(kind, "why"), "r").status == (529 if kind == "overloaded" else STATUS[kind])


def test_a_lost_thread_is_told_so_that_the_sdks_say_it_again() -> None:
    problem = Problem("unknown_model", "no usable state", code="thread_already_continued")
    error = jsons.read(write_problem(problem, "r").body)["error"]
    assert error["details"] == {"error_code": "thread_already_continued"}


def test_a_rate_limit_says_how_long() -> None:
    assert write_problem(Problem("rate_limited", "slow", retry_after=6.1), "r").headers == [("retry-after", "7")]


def test_an_error_in_a_stream_is_an_event() -> None:
    assert stream_problem(Problem("overloaded", "later")) == (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"later"}}\n\n'
    )


@pytest.mark.parametrize("server", WORDINGS)
def test_an_overflow_is_said_in_the_dialects_words_and_keeps_the_servers(server: str) -> None:
    message = WORDINGS[server][0]
    said = error_object(Problem("context_overflow", message))["error"]["message"]
    assert message in said
    assert said.startswith(("prompt is too long", "input length and `max_tokens` exceed context limit"))


@pytest.mark.parametrize(
    ("server", "start"),
    [
        ("llama.cpp", "prompt is too long: 12030 tokens > 8192 maximum (request"),
        ("vLLM", "input length and `max_tokens` exceed context limit: 9591 + 10000 > 16384 (This"),
        (
            "vLLM, prompt and output apart",
            "input length and `max_tokens` exceed context limit: 7693 + 500 > 8192 (This",
        ),
        ("Ollama", "prompt is too long: the input length exceeds"),
        ("Anthropic", "prompt is too long: 209353 tokens > 199999 maximum"),
        ("Anthropic, output", "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000,"),
    ],
)
def test_numbers_are_said_where_the_server_gave_them(server: str, start: str) -> None:
    said = error_object(Problem("context_overflow", WORDINGS[server][0]))["error"]["message"]
    assert said.startswith(start)


def test_a_prompt_that_alone_is_too_long_is_said_so() -> None:
    message = (
        "maximum context length is 8192 tokens. You requested 10 output tokens and your prompt contains at least 9000"
    )
    said = error_object(Problem("context_overflow", message))["error"]["message"]
    assert said == f"prompt is too long: 9000 tokens > 8192 maximum ({message})"
