"""What of a backend's error text may reach a client: its meaning, without addresses and keys.

Agents act on the wording (they start compaction on "maximum context length", drop a feature they are told of), so a
message is never replaced, only cleaned.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dragoman.wire import jsons

_PATTERNS: Final = (
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>)\]}]+", re.IGNORECASE), "[url]"),
    (re.compile(r"\b(?:sk|pk|rk|key|tvly|gsk|xai|hf|AIza|eyJ)[-_A-Za-z0-9.]{12,}"), "[key]"),
    (re.compile(r"\bBearer\s+\S+", re.IGNORECASE), "Bearer [key]"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "[address]"),
    (re.compile(r"(?<![\w:])\[?(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\]?(?::\d+)?", re.IGNORECASE), "[address]"),
    (
        re.compile(
            r"\b(?:localhost|[\w-]+(?:\.[\w-]+)*\.(?:local|internal|lan|svc|cluster))(?::\d+)?\b", re.IGNORECASE
        ),
        "[host]",
    ),
)
_LIMIT: Final = 2_000


class Said(NamedTuple):
    """What a backend's error body says, whatever its form."""

    message: str
    type: str = ""
    code: str = ""
    param: str | None = None
    retry_after: float | None = None
    raw: str = ""


def redacted(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text if len(text) <= _LIMIT else text[:_LIMIT] + " ..."


def said_in(body: bytes) -> Said:
    """Read an error body: OpenAI's and Anthropic's objects, vLLM's and SGLang's flat one, FastAPI's `detail`, Ollama's
    and others' bare strings, MiniMax's `base_resp`, Gemini's list around the object. HTML and the rest say nothing.
    """
    raw = body[:4_000].decode("utf-8", "replace")
    try:
        value = jsons.read(body)
    except jsons.JSONError:
        text = raw.strip()
        return Said("" if text.startswith("<") or len(text) > 500 else text, raw=raw)
    return said_by(value)._replace(raw=raw)


def said_by(value: Any) -> Said:
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Said(value if isinstance(value, str) else "")
    error = value.get("error")
    if isinstance(error, str):
        return Said(error)
    if isinstance(error, dict):
        return _from_object(error)
    if isinstance(base := value.get("base_resp"), dict):
        return Said(str(base.get("status_msg") or ""), code=str(base.get("status_code") or ""))
    if "detail" in value:
        detail = value["detail"]
        return Said(detail if isinstance(detail, str) else jsons.write_text(detail))
    return _from_object(value)


def _from_object(error: dict[str, Any]) -> Said:
    message = error.get("message")
    if isinstance(message, dict | list):
        message = jsons.write_text(message)
    if isinstance(metadata := error.get("metadata"), dict) and isinstance(metadata.get("raw"), str):
        message = f"{message}: {metadata['raw']}"  # OpenRouter puts the vendor's own words there
    param, wait = error.get("param"), error.get("retry_after")
    return Said(
        str(message or ""),
        str(error.get("type") or error.get("object") or ""),
        str(error.get("code") or ""),
        param if isinstance(param, str) else None,
        wait if isinstance(wait, int | float) and not isinstance(wait, bool) else None,
    )


def retry_after(seconds: float) -> str:
    """The value of a `retry-after` header: whole seconds, never too early."""
    return str(max(0, math.ceil(seconds)))


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """What `retry-after-ms` or `retry-after` ask for; None if neither says a number."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
    return None
