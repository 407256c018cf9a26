"""What makes requests belong together: those that begin alike should meet the same backend, whose cache knows the prefix.

The session, if the client names one; else what the conversation begins with, up to the user's first message. Marks for
caches wander from message to message, so only texts count.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from dragoman.protocols.sessions import session_in, session_in_user
from dragoman.wire import jsons

_TEXTS: Final = frozenset({"text", "content"})
_DEEPEST: Final = 8  # levels in which a text may lie
_MOST_BEFORE_THE_USER: Final = 8  # messages


def affinity_in(headers: Mapping[str, str], members: jsons.Members) -> str | None:
    """headers: names in lower case. members: of the request's body. None: nothing speaks for any backend."""
    if session := session_in(headers):
        return session
    try:
        return _session(members) or "\n".join(_opening(members)) or None
    except jsons.JSONError:
        return None  # whoever reads the request says what is wrong with it


def _session(members: jsons.Members) -> str | None:
    key = jsons.value_of(members.get("prompt_cache_key"))
    if isinstance(key, str) and key:
        return key
    metadata = jsons.value_of(members.get("metadata"))
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return session_in_user(user) if isinstance(user, str) else None


def _opening(members: jsons.Members) -> Iterator[str]:
    for name in ("system", "instructions"):
        yield from _texts(jsons.value_of(members.get(name)))
    said = members.get("messages", members.get("input"))
    if said is None:
        return
    messages = jsons.elements(said)
    if messages is None:
        yield from _texts(jsons.value_of(said))
        return
    for raw in messages[:_MOST_BEFORE_THE_USER]:
        message = jsons.read(bytes(raw))
        yield from _texts(message)
        if isinstance(message, dict) and message.get("role") == "user":
            return


def _texts(value: Any, deepest: int = _DEEPEST) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and deepest:
        for each in value:
            yield from _texts(each, deepest - 1)
    elif isinstance(value, dict) and deepest:
        for name in sorted(_TEXTS & value.keys()):
            yield from _texts(value[name], deepest - 1)
