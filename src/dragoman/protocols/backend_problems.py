"""Reading a backend's error, whatever its form, into a Problem whose public text is fit for a client.

Backends of one dialect do not agree on the form of their errors (a Messages endpoint may be LiteLLM's, a Chat endpoint
OpenRouter's in front of Anthropic), so there is one reader for all. What is wrong is told from the status, the type,
the code and the words; the words are kept, without keys and addresses.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dragoman.hub.problems import Kind, Problem
from dragoman.protocols import overflow, waiting
from dragoman.protocols.redaction import redacted, without_keys
from dragoman.wire import jsons, sse

_PRIVATE: Final = 4_000  # bytes of an error body that are kept for the log
_PRIVATE_PIECE: Final = 200  # bytes, of what should be an answer
_DEEPEST: Final = 4  # how far an error may be wrapped in others
_EVENT: Final = re.compile(rb"\s*(?:data|event)?:")
_LONGEST_TEXT: Final = 500  # of a body that is no JSON: what is longer is a page, not a message
# What a server says that has no such path, whatever was asked for there.
_NO_ENDPOINT: Final = re.compile(
    r"(?:404\b:? ?)?(?:(?:file|page|path|url|route|resource) )?not found\W*|method not allowed\W*|", re.IGNORECASE
)
_PAGE: Final = "the backend answers with a web page; check the url of this model's backend: most end in /v1"
_REFUSED: Final = "the backend rejected the proxy's credentials; check the api_key of this model's backend"


class Said(NamedTuple):
    """What an error body says. type, code: in the backend's own words."""

    message: str = ""
    type: str = ""
    code: str = ""
    param: str | None = None
    wait: float | None = None


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """status 0: an error inside a stream, where there is no status. headers: names in lower case."""
    said = said_in(body)
    kind = kind_of(status or _status_of(said), said)
    return Problem(
        kind,
        _public(kind, status, said),
        private=without_keys(body[:_PRIVATE].decode("utf-8", "replace")),
        status=status if status >= 500 and kind in ("backend_failed", "overloaded", "timeout") else None,
        param=said.param and redacted(said.param),
        code=said.code if re.fullmatch(r"[A-Za-z][\w.-]{0,63}", said.code) else None,
        retry_after=_wait(kind, headers, said),
    )


def unreadable(what: str, data: bytes, error: jsons.JSONError) -> Problem:
    """For what is no JSON where some was to be. what: says so, of which the error is the reason."""
    public = _PAGE if data.lstrip().startswith(b"<") else f"{what}: {error}"
    return Problem("backend_failed", public, private=data[:_PRIVATE_PIECE].decode("utf-8", "replace"))


def _public(kind: Kind, status: int, said: Said) -> str:
    if kind == "backend_refused_us":
        # Words about a key may quote the key; those about a right (403) say which one is missing.
        message = redacted(said.message) if status == 403 else ""
        return f"the backend rejected the proxy's credentials: {message}" if message else _REFUSED
    message = redacted(said.message).strip()
    if status in (404, 405) and kind == "backend_failed" and _NO_ENDPOINT.fullmatch(message):
        return f"{message or f'HTTP {status}'}: the backend has no such endpoint; check the url of this model's backend"
    if message:
        return message
    if 200 <= status < 300:
        return _PAGE
    if status == 0:
        return "the backend reported an error and did not say which"
    return f"the backend answered with HTTP {status} and no readable message"


def _wait(kind: Kind, headers: Mapping[str, str], said: Said) -> float | None:
    asked = waiting.seconds_to_wait(headers)
    if asked is None:
        asked = said.wait
    if asked is None and kind in ("rate_limited", "overloaded"):
        asked = waiting.seconds_in(said.message)
    return asked


# What the body says.


def said_in(body: bytes) -> Said:
    """Read an error body, which may be an event. HTML, and pages of text, say nothing."""
    if _EVENT.match(body) and (frames := sse.SSEReader().feed(body + b"\n\n")):
        said = (_said_in_one(frame.data) for frame in frames if frame.data != b"[DONE]")
        return next((one for one in said if one.message), Said())
    return _said_in_one(body)


def _said_in_one(body: bytes) -> Said:
    try:
        value = jsons.read(body)
    except jsons.JSONError:
        text = body[:_PRIVATE].decode("utf-8", "replace").removeprefix("\ufeff").strip()
        page = len(text) > _LONGEST_TEXT or text.startswith(("<", "{", "[")) or "<html" in text.lower()
        return Said("" if page else text)
    return said_by(value)


def said_by(value: Any, depth: int = 0) -> Said:
    """The forms met: OpenAI's and Anthropic's objects, vLLM's and SGLang's flat one, FastAPI's `detail`, Ollama's bare
    string, Cloudflare's `errors`, MiniMax's `base_resp`, Gemini's list around the object.
    """
    if isinstance(value, str):
        return Said(value)
    if isinstance(value, list) and value and depth < _DEEPEST:
        return said_by(value[0], depth + 1)
    if not isinstance(value, dict) or depth >= _DEEPEST:
        return Said()
    error = value.get("error")
    if isinstance(error, dict):
        return _from_object(error, depth)
    if isinstance(error, str) and error:
        if isinstance(message := value.get("message"), str) and message:
            return _from_object({**value, "type": value.get("type") or error}, depth)
        return Said(error, _word(value.get("type")), _word(value.get("code")))
    if isinstance(base := value.get("base_resp"), dict):
        return Said(_word(base.get("status_msg")), code=_word(base.get("status_code")))
    if value.get("detail"):
        return _from_detail(value["detail"], depth)
    if isinstance(errors := value.get("errors"), list) and errors:
        return said_by(errors[0], depth + 1)
    return _from_object(value, depth)


def _from_object(error: dict[str, Any], depth: int) -> Said:
    message = next((m for key in ("message", "Message", "msg") if (m := error.get(key))), "")
    if isinstance(message, dict | list):
        message = said_by(message, depth + 1).message or jsons.write_text(message)
    details = error.get("details")
    code = error.get("code") or (details.get("error_code") if isinstance(details, dict) else None)
    param = error.get("param")
    return Said(
        _with_vendors_words(str(message), error.get("metadata")),
        _word(error.get("type") or error.get("status") or error.get("__type") or error.get("object")),
        _word(code),
        param if isinstance(param, str) else None,
        waiting.sensible(error.get("retry_after")),
    )


def _with_vendors_words(message: str, metadata: Any) -> str:
    """OpenRouter says "Provider returned error" and puts the vendor's own body beside it."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str) or not raw:
        return message
    return f"{message}: {said_in(raw.encode()).message or raw}"


def _from_detail(detail: Any, depth: int) -> Said:
    """FastAPI: a text, an object, or a list of what is wrong where."""
    if isinstance(detail, list):
        lines = [_complaint(item) for item in detail if isinstance(item, dict)]
        return Said("; ".join(line for line in lines if line) or jsons.write_text(detail))
    if isinstance(detail, dict):
        said = said_by(detail, depth + 1)
        return said if said.message else said._replace(message=jsons.write_text(detail))
    return Said(str(detail))


def _complaint(item: dict[str, Any]) -> str:
    place = item.get("loc")
    where = ".".join(str(step) for step in place if step != "body") if isinstance(place, list) else ""
    what = _word(item.get("msg"))
    return f"{where}: {what}" if where else what


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


# What it means.

_OUT_OF_CREDIT: Final = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|credit balance is too low|billing_"
    r"|arrearage|payment required|out of credits?",
    re.IGNORECASE,
)
_UNKNOWN_MODEL: Final = re.compile(
    r"(model|deployment)\b.{0,120}?(not found|not exist|not available)|not a valid model|no such model|unknown model"
    r"|invalid model name"
    r"|model_not_(found|supported)|requested model is not supported|no endpoints found|^model: ",
    re.IGNORECASE | re.DOTALL,
)
_POLICY: Final = re.compile(
    r"content.?(policy|filter|management policy)|data_inspection_failed|responsibleai|requires moderation"
    r"|moderation_blocked|(was|been) flagged|new_sensitive|sensitive (content|word)",
    re.IGNORECASE,
)
_OVERLOADED: Final = re.compile(
    r"overloaded|slow_down|server_is_busy|over capacity|model is (currently )?loading", re.IGNORECASE
)
_RATE: Final = re.compile(r"rate.?limit|too many requests|throttl|resource_exhausted", re.IGNORECASE)
_NOT_SEEN: Final = re.compile(r"image input is not supported|mmproj", re.IGNORECASE)
_INVALID: Final = re.compile(r"\d+ validation errors?:")

_BY_TYPE: Final[dict[str, Kind]] = {
    "authentication_error": "backend_refused_us",
    "permission_error": "backend_refused_us",
    "no_db_connection": "backend_refused_us",  # LiteLLM without a database, of every key that is not its master key
    "billing_error": "out_of_credit",
    "request_too_large": "too_large",
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "timeout_error": "timeout",
}
_BY_STATUS: Final[dict[int, Kind]] = {
    401: "backend_refused_us",
    402: "out_of_credit",
    403: "backend_refused_us",
    408: "timeout",
    413: "too_large",
    429: "rate_limited",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


def kind_of(status: int, said: Said) -> Kind:
    words = f"{said.message} {said.type} {said.code}"
    if status in (400, 413, 422, 500) and overflow.is_overflow(words):
        return "context_overflow"
    if status != 401 and _OUT_OF_CREDIT.search(words):
        return "out_of_credit"
    if status == 403 and _POLICY.search(words):
        return "policy"
    if (kind := _BY_TYPE.get(said.type) or _BY_STATUS.get(status)) is not None:
        return kind
    if status == 404 or said.type == "not_found_error":
        return "unknown_model" if _UNKNOWN_MODEL.search(words) else "backend_failed"
    if status == 405:
        return "backend_failed"  # it has no such endpoint, which is no fault of the request's
    if 400 <= status < 500:
        return _kind_of_bad_request(words)
    if _OVERLOADED.search(words):
        return "overloaded"
    # llama.cpp says 500 where a text model is shown an image, llama-cpp-python where a field is not what it takes.
    if _NOT_SEEN.search(words):
        return "unsupported"
    return "bad_request" if _INVALID.match(words) else "backend_failed"


def _kind_of_bad_request(words: str) -> Kind:
    if _UNKNOWN_MODEL.search(words) and not _NOT_SEEN.search(words):
        return "unknown_model"
    if _RATE.search(words):
        return "rate_limited"
    return "policy" if _POLICY.search(words) else "bad_request"


def _status_of(said: Said) -> int:
    """The status an in-stream error would have had."""
    if re.fullmatch(r"[45]\d\d", said.code):
        return int(said.code)
    words = f"{said.code} {said.type} {said.message}"
    for pattern, status in _BY_WORDS:
        if pattern.search(words):
            return status
    return 500


_BY_WORDS: Final = (
    (_RATE, 429),
    (_OVERLOADED, 503),
    (re.compile(r"authentication|unauthorized|api.?key", re.IGNORECASE), 401),
    (re.compile(r"permission|forbidden", re.IGNORECASE), 403),
    (re.compile(r"not_found|not found", re.IGNORECASE), 404),
    (re.compile(r"time(d )?.?out", re.IGNORECASE), 504),
    (re.compile(r"invalid|bad.?request|context|unsupported|policy|filter|too long", re.IGNORECASE), 400),
)
