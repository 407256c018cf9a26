"""Errors in the Chat Completions dialect, and in the many forms its backends give them."""

import re
from collections.abc import Mapping
from typing import Any, Final

from dragoman.hub.problems import Kind, Problem
from dragoman.protocols.codec import Refused
from dragoman.protocols.redaction import redacted, retry_after, said_in, seconds_to_wait
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
# An empty account is a 429 in this dialect, and 422 or 404 of a backend would make OpenCode (1.18) retry for ever.
_STATUS: Final[dict[Kind, int]] = {
    "out_of_credit": 429,
    "bad_request": 400,
    "unsupported": 400,
    "context_overflow": 400,
}


def error_object(problem: Problem) -> dict[str, Any]:
    kind, code = _TYPE_AND_CODE[problem.kind]
    return {"message": problem.public, "type": kind, "param": problem.param, "code": problem.code or code}


def write_problem(problem: Problem, request_id: str) -> Refused:
    headers = [("x-request-id", request_id)]
    if problem.retry_after is not None:
        headers.append(("retry-after", retry_after(problem.retry_after)))
    body = jsons.write({"error": error_object(problem)})
    return Refused(_STATUS.get(problem.kind, problem.status), headers, body)


_OVERFLOW: Final = re.compile(
    r"maximum context length|context_length_exceeded|exceed_context_size|exceeds the (available )?context (size|window|length)"
    r"|prompt is too long|longer than the (model's )?(maximum )?context|input is too long|context window exceeds"
    r"|too many tokens|reduce the length of the (messages|prompt)|greater than the context length|context length of only",
    re.IGNORECASE,
)
_UNKNOWN_MODEL: Final = re.compile(
    r"model.{0,80}(not found|does not exist|not exist|is not available)|no such model|unknown model|model_not_found",
    re.IGNORECASE | re.DOTALL,
)
_POLICY: Final = re.compile(
    r"content_policy|content_filter|content management policy|data_inspection_failed", re.IGNORECASE
)


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """A backend's error answer. status 0: an error inside a stream, where there is no status."""
    said = said_in(body)
    message = redacted(said.message)
    kind = _kind(status or _status_of(said.code, said.type), f"{said.message} {said.type} {said.code}", said.type)
    if kind == "backend_refused_us":
        message = f"the backend rejected the proxy's credentials: {message}" if message else ""
    code = said.code if kind in ("bad_request", "unsupported", "policy") and not said.code.isdigit() else None
    return Problem(
        kind,
        message or _empty_message(kind, status),
        private=said.raw,
        status=status
        if status in (500, 502, 503, 504) and kind in ("backend_failed", "overloaded", "timeout")
        else None,
        param=said.param,
        code=code or None,
        retry_after=said.retry_after or seconds_to_wait(headers),
    )


def _kind(status: int, words: str, error_type: str) -> Kind:
    if status in (400, 413, 422, 500) and _OVERFLOW.search(words):
        return "context_overflow"
    if status in (401, 403) or error_type == "authentication_error":
        return "backend_refused_us"
    if status == 402 or "insufficient_quota" in words:
        return "out_of_credit"
    if status == 404 or (status == 400 and _UNKNOWN_MODEL.search(words)):
        return "unknown_model" if _UNKNOWN_MODEL.search(words) else "backend_failed"
    if status == 413:
        return "too_large"
    if status == 429:
        return "rate_limited"
    if status in (503, 529) or "overloaded" in error_type or "slow_down" in words:
        return "overloaded"
    if status in (408, 504):
        return "timeout"
    if status in (400, 405, 409, 422):
        return "policy" if _POLICY.search(words) else "bad_request"
    # llama.cpp says 500 where a text model is shown an image, and where a chat template fails.
    return "unsupported" if "image input is not supported" in words else "backend_failed"


def _status_of(code: str, error_type: str) -> int:
    """The status an in-stream error would have had."""
    if code.isdigit():
        return int(code)
    words = f"{code} {error_type}"
    if "rate_limit" in words:
        return 429
    if "overloaded" in words:
        return 503
    return 400 if "invalid" in words or "context" in words else 500


def _empty_message(kind: Kind, status: int) -> str:
    if kind == "backend_refused_us":
        return "the backend rejected the proxy's credentials; check the api_key of this model's backend"
    return f"the backend answered with HTTP {status} and no readable message" if status else "the backend failed"
