"""Errors in the Messages dialect."""

import re
from collections.abc import Mapping
from typing import Any, Final

from dragoman.hub.problems import Kind, Problem
from dragoman.protocols.codec import Refused
from dragoman.protocols.redaction import redacted, retry_after, said_in, seconds_to_wait
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
_STATUS: Final[dict[Kind, int]] = {"overloaded": 529, "bad_request": 400, "unsupported": 400, "context_overflow": 400}

_KIND: Final[dict[str, Kind]] = {
    "authentication_error": "backend_refused_us",
    "permission_error": "backend_refused_us",
    "billing_error": "out_of_credit",
    "not_found_error": "unknown_model",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "timeout",
    "api_error": "backend_failed",
}
_BY_STATUS: Final[dict[int, Kind]] = {
    401: "backend_refused_us",
    402: "out_of_credit",
    403: "backend_refused_us",
    404: "unknown_model",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}
_OVERFLOW: Final = re.compile(
    r"prompt is too long|exceed(s)? (the )?context|context window|maximum context length", re.IGNORECASE
)


def error_object(problem: Problem) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _TYPE[problem.kind], "message": problem.public}}


def write_problem(problem: Problem, request_id: str) -> Refused:
    headers = [("request-id", request_id)]
    if problem.retry_after is not None:
        headers.append(("retry-after", retry_after(problem.retry_after)))
    body = jsons.write({**error_object(problem), "request_id": request_id})
    return Refused(_STATUS.get(problem.kind, problem.status), headers, body)


def stream_problem(problem: Problem) -> bytes:
    """An error inside a stream, which ends it. Open blocks stay open: a polite end would make the client run them."""
    return sse.write("error", jsons.write(error_object(problem)))


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """A backend's error answer. status 0: an error inside a stream."""
    said = said_in(body)
    message = redacted(said.message)
    kind = _KIND.get(said.type) or _BY_STATUS.get(status)
    if kind is None or kind == "backend_failed":
        kind = "bad_request" if said.type == "invalid_request_error" or 400 <= status < 500 else "backend_failed"
    if kind == "bad_request" and _OVERFLOW.search(message):
        kind = "context_overflow"
    if kind == "backend_refused_us":
        message = f"the backend rejected the proxy's credentials: {message}" if message else _REFUSED
    return Problem(
        kind,
        message or f"the backend answered with HTTP {status} and no readable message",
        private=said.raw,
        status=status if kind in ("backend_failed", "timeout") and status >= 500 else None,
        retry_after=said.retry_after or seconds_to_wait(headers),
    )


_REFUSED: Final = "the backend rejected the proxy's credentials; check the api_key of this model's backend"
