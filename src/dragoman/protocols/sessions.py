"""Which conversation does a request belong to? The agents say it in headers, or inside the user's id."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from dragoman.hub.request import Request
from dragoman.wire import jsons

_HEADERS: Final = (
    "x-claude-code-session-id",  # Claude Code 2.1, the same on sub-agents' requests
    "x-session-affinity",  # OpenCode 1.18
    "x-session-id",
    "session-id",  # Codex 0.169
    "session_id",
)
_NAMES: Final = frozenset(_HEADERS)
_SUBAGENT: Final = "x-claude-code-agent-id"  # only on sub-agents' requests
_OLDER_CLAUDE_CODE: Final = re.compile(r"_session_([0-9a-f-]{36})\Z")


def session_in(headers: Mapping[str, str]) -> str | None:
    if _NAMES.isdisjoint(headers):
        return None
    for name in _HEADERS:
        if session := headers.get(name):
            return session
    return None


def subagent_in(headers: Mapping[str, str]) -> str | None:
    """Which of a session's sub-agents asks. A thread of Codex that is not its session's first is one too."""
    thread, session = headers.get("thread-id"), headers.get("session-id")
    return headers.get(_SUBAGENT) or (thread if session and thread != session else None)


def session_in_user(user: str | None) -> str | None:
    """Claude Code (2.1) sends a JSON string {device_id, account_uuid, session_id} as its user id; older releases sent
    "user_..._account_..._session_<uuid>".
    """
    if not user:
        return None
    if found := _OLDER_CLAUDE_CODE.search(user):
        return found[1]
    if not user.startswith("{"):
        return None
    try:
        value = jsons.read(user)
    except jsons.JSONError:
        return None
    session = value.get("session_id") if isinstance(value, dict) else None
    return session if isinstance(session, str) else None


def cache_key(request: Request, beginning: list[Any]) -> str:
    """What leads requests with a common prefix to the same cache: the client's own key, the session, else the prompt's
    beginning.
    """
    if request.cache_key:
        return request.cache_key
    key = jsons.write(beginning) if request.session is None else request.session.encode()
    return hashlib.sha256(key).hexdigest()[:32]
