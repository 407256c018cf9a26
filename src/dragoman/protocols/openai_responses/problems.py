"""Errors in the Responses dialect, as Codex (0.169) acts on them."""

import math
from typing import Any, Final

from dragoman.hub.problems import STATUS, Kind, Problem
from dragoman.protocols import waiting
from dragoman.protocols.codec import Refused, Stamp
from dragoman.protocols.openai_responses.response import ResponseObject
from dragoman.protocols.overflow import in_openais_words
from dragoman.wire import jsons, sse

_TYPE_AND_CODE: Final[dict[Kind, tuple[str, str | None]]] = {
    "bad_request": ("invalid_request_error", None),
    "unsupported": ("invalid_request_error", "unsupported_parameter"),
    "context_overflow": ("invalid_request_error", "context_length_exceeded"),
    "policy": ("invalid_request_error", "content_policy_violation"),
    "unauthorized": ("invalid_request_error", "invalid_api_key"),
    "out_of_credit": ("insufficient_quota", "insufficient_quota"),
    "forbidden": ("invalid_request_error", "permission_denied"),
    "unknown_model": ("invalid_request_error", "model_not_found"),
    "unknown_path": ("invalid_request_error", "unknown_path"),
    "wrong_method": ("invalid_request_error", "method_not_allowed"),
    "too_large": ("invalid_request_error", "request_too_large"),
    "bad_encoding": ("invalid_request_error", "unsupported_encoding"),
    "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
    "internal": ("server_error", "server_error"),
    "backend_failed": ("server_error", "server_error"),
    "backend_refused_us": ("server_error", "server_error"),
    "unreachable": ("server_error", "server_error"),
    "truncated": ("server_error", "server_error"),
    "overloaded": ("server_error", "server_is_overloaded"),
    "timeout": ("server_error", "server_error"),
}
# Codex asks five times more after a 404, and gives up at once on a 400; an empty account is a 429 in this dialect.
_STATUS: Final[dict[Kind, int]] = {**STATUS, "unknown_model": 400, "out_of_credit": 429}
_BEHIND_ALL: Final = 999_999  # the AI SDK takes no event of this type without a number
# Inside a stream only these codes mean something to Codex; whatever else it takes for worth trying again.
_STREAM_CODE: Final[dict[Kind, str]] = {
    "bad_request": "invalid_prompt",
    "unsupported": "invalid_prompt",
    "policy": "invalid_prompt",
    "unknown_model": "invalid_prompt",
    "context_overflow": "context_length_exceeded",
    "rate_limited": "rate_limit_exceeded",
    "out_of_credit": "insufficient_quota",
    "overloaded": "server_is_overloaded",
}


def _message(problem: Problem) -> str:
    return in_openais_words(problem.public) if problem.kind == "context_overflow" else problem.public


def write_problem(problem: Problem, request_id: str) -> Refused:
    """The status follows from the kind alone, as Codex acts on it."""
    kind, code = _TYPE_AND_CODE[problem.kind]
    headers = [("x-request-id", request_id), *waiting.headers_of(problem)]
    error = {"message": _message(problem), "type": kind, "param": problem.param, "code": code or problem.code}
    return Refused(_STATUS[problem.kind], headers, jsons.write({"error": error}))


def stream_error(problem: Problem) -> dict[str, Any]:
    """The `error` of a failed response. Codex reads the pause from the words "try again in Ns"."""
    message = _message(problem)
    if problem.kind == "rate_limited" and problem.retry_after is not None and "try again in" not in message:
        message = f"{message} Please try again in {math.ceil(problem.retry_after)}s."
    return {"code": _STREAM_CODE.get(problem.kind, "server_error"), "message": message}


def relayed_problem(problem: Problem) -> bytes:
    """For a stream that was relayed so far, whose response object we do not know, nor how far it has counted."""
    response = ResponseObject({}, "", Stamp("0" * 24, 0)).write("failed", [], error=stream_error(problem))
    said = b'{"type":"response.failed","sequence_number":%d,"response":%b}' % (_BEHIND_ALL, response)
    return sse.write("response.failed", said)
