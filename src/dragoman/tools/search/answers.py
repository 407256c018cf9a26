"""What the answers of search engines have in common: JSON or a refusal, and texts, some of which are HTML."""

import html
import re
from typing import Any, Final

from dragoman.hub.problems import Kind, Problem
from dragoman.tools.search.engine import Heard
from dragoman.wire import jsons

_KINDS: Final[dict[int, Kind]] = {
    400: "bad_request",
    401: "backend_refused_us",
    402: "out_of_credit",
    403: "backend_refused_us",
    413: "bad_request",
    414: "bad_request",
    422: "bad_request",
    429: "rate_limited",
    503: "overloaded",
}
# What the model is told, after the engine's name.
_WORDS: Final[dict[Kind, str]] = {
    "bad_request": "does not take this query",
    "backend_refused_us": "refuses the proxy's key",
    "out_of_credit": "says that the proxy's credit is used up",
    "rate_limited": "asks to come back later",
    "overloaded": "is overloaded",
}
# `error_code` of a `web_search_tool_result_error` for what the query itself causes.
_CODES: Final[dict[int, str]] = {413: "request_too_large", 414: "query_too_long"}
_STRESS: Final = re.compile(r"</?(?:b|strong|em|i|mark|span|br)\b[^<>]*>", re.IGNORECASE)
_PRIVATE: Final = 500  # characters


def answer_of(name: str, heard: Heard) -> dict[str, Any]:
    """The object that a good answer is; else raise the Problem it tells of."""
    if not 200 <= heard.status < 300:
        raise refusal(name, heard)
    said = said_in(heard)
    if not isinstance(said, dict):
        raise Problem("backend_failed", f"{name} did not answer in JSON", private=quoted(heard))
    return said


def said_in(heard: Heard) -> Any:
    """What the body says; None if it is not JSON."""
    try:
        return jsons.read(heard.body)
    except jsons.JSONError:
        return None


def refusal(name: str, heard: Heard, kind: Kind | None = None, retry_after: float | None = None) -> Problem:
    """The problem of a status that is not good. kind: where the status alone does not tell, or not the truth."""
    found = kind or _KINDS.get(heard.status, "backend_failed")
    words = _WORDS.get(found, f"answered with HTTP status {heard.status}")
    wait = retry_after if retry_after is not None else seconds_in(heard.headers.get("retry-after"))
    code = _CODES.get(heard.status, "invalid_tool_input") if found == "bad_request" else None
    return Problem(found, f"{name} {words}", private=quoted(heard), code=code, retry_after=wait)


def seconds_in(text: str | None) -> float | None:
    """`retry-after` as a number; its other form, a date, is not worth reading here."""
    text = (text or "").strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def quoted(heard: Heard) -> str:
    return f"HTTP {heard.status}: {heard.body[:_PRIVATE].decode('utf-8', 'replace')}"


def items_in(answer: Any, *path: str) -> list[dict[str, Any]]:
    """The objects of the list at this path; none if there is no such list."""
    for name in path:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return [item for item in answer if isinstance(item, dict)] if isinstance(answer, list) else []


def text_in(item: dict[str, Any], *names: str) -> str:
    """The first of these members that is a text with something in it."""
    return next((tidy(value) for name in names if isinstance(value := item.get(name), str) and value.strip()), "")


def tidy(text: str) -> str:
    """Without blank lines and needless spaces. What looks like a tag stays: pages are about code, too."""
    return "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


def unstressed(text: str) -> str:
    """HTML as text, where the only tags are those that stress words of the query."""
    return html.unescape(_STRESS.sub("", text))


def with_sites(text: str, allowed: tuple[str, ...], blocked: tuple[str, ...], longest: int) -> str:
    """The query with the domains as search operators, as far as there is room for all of them."""
    sites = " OR ".join(f"site:{domain}" for domain in allowed)
    without = " ".join(f"-site:{domain}" for domain in blocked)
    full = " ".join(piece for piece in (text, f"({sites})" if len(allowed) > 1 else sites, without) if piece)
    return full if len(full) <= longest else text
