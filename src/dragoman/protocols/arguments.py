"""Tool arguments: strings that should hold one JSON object, and do not always."""

import re
from typing import Any, Final

from dragoman.wire import jsons

_FENCE: Final = re.compile(r"\A\s*```[a-z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_TRAILING_COMMA: Final = re.compile(r",(\s*[}\]]\s*)\Z")


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
    text = arguments
    if fenced := _FENCE.match(text):
        text = fenced[1]
    for candidate in (text, _TRAILING_COMMA.sub(r"\1", text), _first_object(text)):
        if candidate and (found := as_object(candidate)) is not None:
            return found
    return None


def _first_object(text: str) -> str:
    """The text up to the brace that closes the first one; empty if none does."""
    start = text.find("{")
    if start < 0 or text[:start].strip():
        return ""
    depth, in_string, escaped = 0, False, False
    for position in range(start, len(text)):
        character = text[position]
        if escaped:
            escaped = False
        elif in_string:
            escaped, in_string = character == "\\", character != '"'
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return text[start : position + 1]
    return ""


def for_history(arguments: str) -> str:
    """Return arguments a backend accepts in a past call: always one JSON object.

    One malformed call poisons a session: vLLM and llama.cpp answer every later turn with 400 or 500 (vllm#43995).
    """
    found = repaired(arguments)
    if found is not None:
        return arguments if as_object(arguments) is not None and arguments.strip() else jsons.write_text(found)
    return jsons.write_text({"_raw": arguments})
