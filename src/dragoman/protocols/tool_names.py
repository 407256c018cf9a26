"""Tool names: most backends take 64 characters of `[A-Za-z0-9_-]`, clients use more.

A name that does not fit is shortened by a pure function; the way back is a table made from the request's own tools.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Final

from dragoman.hub.request import HostedTool, Tool

_LEGAL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_-]")


def fit(name: str) -> str:
    """Return the name itself where it is legal, else a readable start and a digest."""
    if _LEGAL.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{_ILLEGAL.sub('_', name)[:57]}_{digest}"


def originals(tools: Iterable[Tool]) -> dict[str, str]:
    """Return the names that had to be changed: fitted name -> the client's."""
    changed: dict[str, str] = {}
    for tool in tools:
        if not isinstance(tool, HostedTool) and (fitted := fit(tool.name)) != tool.name:
            changed[fitted] = tool.name
    return changed
