"""Errors inside a relayed answer: the one thing in it that is not passed on as it is.

They may name the backend's address or quote a key, as error answers do.
"""

import re
from typing import Any, Final

from dragoman.gateway.entry import Entry
from dragoman.hub.problems import Problem
from dragoman.protocols.backend_problems import said_in
from dragoman.protocols.codec import BackendSide
from dragoman.protocols.redaction import redacted
from dragoman.wire import jsons, sse

# Seldom there without an error: in a text the quotes would be escaped.
_ERROR: Final = re.compile(rb'"error"\s*:\s*[{"]|"(type|object)"\s*:\s*"error"')
_NOTHING: Final = (b"null", b"[]")


def first_of(events: bytes, side: BackendSide) -> Problem | None:
    """The error that a stream begins with: nothing was said yet, so that it is the answer's, whatever its status."""
    if not _ERROR.search(events):
        return None
    frame = next(iter(sse.SSEReader().feed(events)), None)
    try:
        error = None if frame is None else _error_in(jsons.read(frame.data))
    except jsons.JSONError:
        return None
    return None if error is None else side.read_problem(0, {}, jsons.write({"error": error}))


def instead_of(members: jsons.Members, body: bytes, side: BackendSide) -> Problem | None:
    """The error that stands in an answer's place, whatever its status: MiniMax has a member of its own for it."""
    if "output" not in members and jsons.value_of(members.get("error")):
        return side.read_problem(0, {}, body)
    substance = members.get("choices") or members.get("content") or members.get("output") or b"null"
    return side.read_problem(0, {}, body) if bytes(substance) in _NOTHING and said_in(body).message else None


def cleaned(data: bytes, side: BackendSide, entry: Entry) -> bytes:
    """data: whole events. Where none of them is an error, they come back as they are."""
    if data.find(b'"error"') < 0 or not _ERROR.search(data):
        return data
    frames = sse.SSEReader().feed(data)
    said = [cleaned_whole(frame.data, side, entry) for frame in frames]
    if all(clean is frame.data for frame, clean in zip(frames, said, strict=True)):
        return data
    return b"".join(
        sse.write(frame.event, clean) if frame.event else sse.write_data(clean)
        for frame, clean in zip(frames, said, strict=True)
    )


def cleaned_whole(data: bytes, side: BackendSide, entry: Entry) -> bytes:
    """data: one event's, or a whole answer."""
    if b'"error"' not in data or not _ERROR.search(data):
        return data
    try:
        value = jsons.read(data)
    except jsons.JSONError:
        return data
    error = _error_in(value)
    if error is None:
        return data
    entry.failed(side.read_problem(0, {}, jsons.write({"error": error})))
    return jsons.write(_with_clean_error(value))


def _error_in(value: Any) -> Any:
    """The error this event is, or that of the response that has failed; None if it tells of none."""
    if not isinstance(value, dict):
        return None
    if error := value.get("error"):
        return error if isinstance(error, dict | str) else None
    if "error" in (value.get("type"), value.get("object")):
        return value
    return _error_in(value.get("response"))


def _with_clean_error(value: dict[str, Any]) -> dict[str, Any]:
    """The rest of a failed response is the answer as far as it got, and stays as it is."""
    if error := value.get("error"):
        return {**value, "error": _redacted(error)}
    if "error" in (value.get("type"), value.get("object")):
        return {key: _redacted(item) for key, item in value.items()}
    return {**value, "response": _with_clean_error(value["response"])}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {key: _redacted(item) for key, item in value.items()}
    return value
