"""Errors as Chat clients hear them."""

from typing import Final

import pytest

from dragoman.hub.problems import KINDS, STATUS, Kind, Problem
from dragoman.protocols.openai_chat.problems import error_object, write_problem
from dragoman.wire import jsons

# The kinds whose status or code clients act on: status, type, code.
TABLE: Final[dict[Kind, tuple[int, str, str | None]]] = {
    "bad_request": (400, "invalid_request_error", None),
    "context_overflow": (400, "invalid_request_error", "context_length_exceeded"),
    "policy": (400, "invalid_request_error", "content_policy_violation"),
    "unauthorized": (401, "invalid_request_error", "invalid_api_key"),
    "backend_refused_us": (502, "server_error", None),
    "forbidden": (403, "invalid_request_error", "permission_denied"),
    "unknown_model": (404, "invalid_request_error", "model_not_found"),
    "too_large": (413, "invalid_request_error", "request_too_large"),
    "rate_limited": (429, "rate_limit_error", "rate_limit_exceeded"),
    "out_of_credit": (429, "insufficient_quota", "insufficient_quota"),
    "overloaded": (503, "server_error", "server_is_overloaded"),
    "backend_failed": (502, "server_error", None),
    "truncated": (502, "server_error", "upstream_truncated"),
    "timeout": (504, "server_error", "timeout"),
}


@pytest.mark.parametrize("kind", TABLE)
def test_the_table(kind: Kind) -> None:
    refused = write_problem(Problem(kind, "why", status=599))
    error = jsons.read(refused.body)["error"]
    assert (refused.status, error["type"], error["code"]) == TABLE[kind]
    assert "why" in error["message"]
    assert error["param"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_said(kind: Kind) -> None:
    refused = write_problem(Problem(kind, "why"))
    assert refused.status == (429 if kind == "out_of_credit" else STATUS[kind])


def test_what_the_client_can_act_on_is_kept() -> None:
    problem = Problem("bad_request", "no", param="messages[0]", code="string_above_max_length", retry_after=1.5)
    assert error_object(problem) == {
        "message": "no",
        "type": "invalid_request_error",
        "param": "messages[0]",
        "code": "string_above_max_length",
    }
    assert write_problem(problem).headers == [("retry-after", "2")]


def test_an_overflow_is_said_in_the_words_that_clients_look_for() -> None:
    message = error_object(Problem("context_overflow", "prompt is too long: 9 tokens > 8 maximum"))["message"]
    assert message == "This model's maximum context length is exceeded: prompt is too long: 9 tokens > 8 maximum"


def test_an_unknown_model_is_said_so_that_opencode_gives_up() -> None:
    assert error_object(Problem("unknown_model", "no endpoints"))["message"] == "model not found: no endpoints"
    said = "model 'x' not found; GET /v1/models lists what there is"
    assert error_object(Problem("unknown_model", said))["message"] == said
