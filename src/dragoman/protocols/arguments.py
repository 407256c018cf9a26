"""Tool arguments: strings that should hold one JSON object, and do not always."""

import re
from typing import Any, Final

from dragoman.wire import jsons

_FENCE: Final = "```"
_TRAILING_COMMA: Final = re.compile(r",(\s*[}\]]\s*)\Z")
# A string with its escapes, or one bracket; an open string matches nothing, and so hides every bracket behind it.
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[{}\[\]]', re.DOTALL)


def as_object(arguments: str) -> dict[str, Any] | None:
    """Return the object the arguments say, `{}` for none at all, None if they say anything else."""
    if not arguments.strip():
        return {}
    try:
        value = jsons.read(arguments)
    except jsons.JSONError:
        return None
    return value if isinstance(value, dict) else None


def repaired(arguments: str) -> dict[str, Any] | None:
    """Return the object after repairs that cannot change its meaning, None where there are none.

    A code fence around it, a trailing comma, text behind the first complete object. An open string or bracket is never
    closed: that would run half a file write.
    """
    found = as_object(arguments)
    if found is not None:
        return found
    text = _without_fence(arguments)
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text), _first_object(text)):
        if candidate.strip() and (found := as_object(candidate)) is not None:
            return found
    return None


def _without_fence(text: str) -> str:
    """The lines between a first and a last line of three backticks; the text itself if there are none."""
    stripped = text.strip()
    head, _, body = stripped.partition("\n")
    if not head.startswith(_FENCE) or (not head[3:].strip().isalnum() and head[3:].strip()):
        return text
    return body.removesuffix(_FENCE) if body.endswith(_FENCE) else text


def _first_object(text: str) -> str:
    """The text up to the brace that closes the first one; empty if none does."""
    text = text.lstrip()
    if not text.startswith("{"):
        return ""
    depth = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return text[: token.end()]
    return ""


def for_history(arguments: str) -> str:
    """Return arguments a backend accepts in a past call: always one JSON object.

    One malformed call poisons a session: vLLM and llama.cpp answer every later turn with 400 or 500 (vllm#43995).
    """
    if jsons.is_object(arguments):
        return arguments
    found = repaired(arguments)
    return jsons.write_text({"_raw": arguments} if found is None else found)
