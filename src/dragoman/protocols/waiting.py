"""How long to wait: what backends ask for, and how it is passed on."""

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from dragoman.hub.problems import Problem, WrongMethod

# "Please try again in 1.5s", "try again in 2m30.5s", "retry in 900ms": OpenAI, Groq and others say it only in words.
_IN_WORDS: Final = re.compile(
    r"(?:try again|retry)(?: after| in) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?(ms|s\b|sec|seconds?\b))?",
    re.IGNORECASE,
)
_LONGEST: Final = 24 * 3600.0
_USUAL: Final = 5.0


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """What `retry-after-ms` or `retry-after` ask for, in seconds; None if neither says so.

    headers: names in lower case. A date counts from the answer's own `date`; where it has none, from now.
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = headers.get(name, "")
        if (seconds := sensible(_number(said), scale)) is not None:
            return seconds
    until, now = _date(headers.get("retry-after", "")), _date(headers.get("date", ""))
    if until is None:
        return None
    return sensible(max(0.0, until - (time.time() if now is None else now)))


def seconds_in(message: str) -> float | None:
    """How long a message asks to wait in words; None if it does not."""
    found = _IN_WORDS.search(message)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, number, unit = found.groups()
    scale = 0.001 if unit and unit.lower() == "ms" else 1.0
    return sensible(3600 * float(hours or 0) + 60 * float(minutes or 0) + scale * float(number or 0))


def sensible(said: Any, scale: float = 1.0) -> float | None:
    """A number of seconds from 0 to a day; None for anything else."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    seconds = said * scale
    return seconds if 0 <= seconds <= _LONGEST else None


def headers_of(problem: Problem) -> list[tuple[str, str]]:
    """`retry-after` for a problem that passes: whole seconds, never too early. `allow` for a wrong method.

    A rate limit always says one: without it Codex (0.169) ends its turn at once.
    """
    if isinstance(problem, WrongMethod):
        return [("allow", problem.allow)]
    seconds = problem.retry_after
    if seconds is None and problem.kind == "rate_limited":
        seconds = _USUAL
    return [] if seconds is None else [("retry-after", str(math.ceil(sensible(seconds) or 0)))]


def _number(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None


def _date(said: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, OverflowError):
        return None
