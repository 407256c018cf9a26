"""Which conversation does a request belong to? The agents say it in headers of their own."""

from collections.abc import Mapping
from typing import Final

_HEADERS: Final = (
    "x-claude-code-session-id",  # Claude Code 2.1, the same on sub-agents' requests
    "x-session-affinity",  # OpenCode 1.18
    "x-session-id",
    "session-id",  # Codex 0.169
    "session_id",
)


def session_in(headers: Mapping[str, str]) -> str | None:
    return next((headers[name] for name in _HEADERS if headers.get(name)), None)
