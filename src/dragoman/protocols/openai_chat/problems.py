"""Errors as a Chat Completions client expects to hear them."""

import re
from typing import Any, Final

from dragoman.hub.problems import STATUS, Kind, Problem
from dragoman.protocols.codec import Refused
from dragoman.protocols.overflow import in_openais_words
from dragoman.protocols.waiting import headers_of
from dragoman.wire import jsons

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
    "internal": ("server_error", None),
    "backend_failed": ("server_error", None),
    "backend_refused_us": ("server_error", None),
    "unreachable": ("server_error", "backend_unreachable"),
    "truncated": ("server_error", "upstream_truncated"),
    "overloaded": ("server_error", "server_is_overloaded"),
    "timeout": ("server_error", "timeout"),
}
# An empty account is a 429 in this dialect.
_STATUS: Final[dict[Kind, int]] = {**STATUS, "out_of_credit": 429}
_NAMED: Final = re.compile(r"model.*not found", re.IGNORECASE | re.DOTALL)


def error_object(problem: Problem) -> dict[str, Any]:
    kind, code = _TYPE_AND_CODE[problem.kind]
    return {"message": _message(problem), "type": kind, "param": problem.param, "code": code or problem.code}


def _message(problem: Problem) -> str:
    """OpenCode (1.18) gives up at once on "model ... not found", and asks any other 404 again for minutes."""
    if problem.kind == "unknown_model" and not _NAMED.search(problem.public):
        return f"model not found: {problem.public}"
    return in_openais_words(problem.public) if problem.kind == "context_overflow" else problem.public


def write_problem(problem: Problem) -> Refused:
    """The status follows from the kind alone: a backend's own 404 or 422 would make some clients ask for ever."""
    body = jsons.write({"error": error_object(problem)})
    return Refused(_STATUS[problem.kind], headers_of(problem), body)
