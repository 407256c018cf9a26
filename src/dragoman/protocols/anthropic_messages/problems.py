"""Errors as a Messages client expects to hear them."""

import re
from typing import Any, Final

from dragoman.hub.problems import STATUS, Kind, Problem
from dragoman.protocols import overflow
from dragoman.protocols.anthropic_messages.threads import details_of
from dragoman.protocols.codec import Refused
from dragoman.protocols.waiting import headers_of
from dragoman.wire import jsons, sse

_TYPE: Final[dict[Kind, str]] = {
    "bad_request": "invalid_request_error",
    "unsupported": "invalid_request_error",
    "context_overflow": "invalid_request_error",
    "policy": "invalid_request_error",
    "unauthorized": "authentication_error",
    "out_of_credit": "billing_error",
    "forbidden": "permission_error",
    "unknown_model": "not_found_error",
    "unknown_path": "not_found_error",
    "wrong_method": "invalid_request_error",
    "too_large": "request_too_large",
    "bad_encoding": "invalid_request_error",
    "rate_limited": "rate_limit_error",
    "internal": "api_error",
    "backend_failed": "api_error",
    "backend_refused_us": "api_error",
    "unreachable": "api_error",
    "truncated": "api_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
}
_STATUS: Final[dict[Kind, int]] = {**STATUS, "overloaded": 529}
# Claude Code (2.1) starts compaction on these words, or asks for fewer tokens. Others follow it.
_TOO_LONG: Final = re.compile(r"prompt is too long|exceed context limit", re.IGNORECASE)


def error_object(problem: Problem) -> dict[str, Any]:
    said = {"type": _TYPE[problem.kind], "message": _message(problem)}
    return {"type": "error", "error": {**said, **details_of(problem)}}


def _message(problem: Problem) -> str:
    """An overflow in the dialect's own words, the backend's behind them."""
    if problem.kind != "context_overflow" or _TOO_LONG.search(problem.public):
        return problem.public
    sizes = overflow.sizes_in(problem.public)
    if sizes is None:
        return f"prompt is too long: {problem.public}"
    prompt, limit, output = sizes
    if output is not None and prompt <= limit:
        return f"input length and `max_tokens` exceed context limit: {prompt} + {output} > {limit} ({problem.public})"
    return f"prompt is too long: {prompt} tokens > {limit} maximum ({problem.public})"


def write_problem(problem: Problem, request_id: str) -> Refused:
    """The status follows from the kind alone."""
    body = jsons.write({**error_object(problem), "request_id": request_id})
    return Refused(_STATUS[problem.kind], headers_of(problem), body)


def stream_problem(problem: Problem) -> bytes:
    """An error inside a stream, which ends it. Open blocks stay open: a polite end would make the client run them."""
    return sse.write("error", jsons.write(error_object(problem)))
