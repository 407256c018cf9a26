"""Threads: conversations that Anthropic's API holds between two turns (`thread`), of which a turn says only what is new.

Nobody else does. The SDKs (Python 2.14, TypeScript 1.14) hold them for every tool runner, and say the whole conversation
once more where a thread is told to be lost.
"""

from typing import Any, Final

from dragoman.hub.problems import Problem

_LOST: Final = "thread_not_found"
_CODES: Final = "thread_"  # what all codes begin with that the SDKs act on


def demand_all_of(thread: Any) -> None:
    """thread: that member of a request. Raise Problem if the conversation it goes on with stays unsaid."""
    if isinstance(thread, dict) and thread.get("type") == "continue":
        why = "thread: this backend keeps no threads; send the whole conversation"
        raise Problem("unsupported", why, param="thread", code=_LOST)


def details_of(problem: Problem) -> dict[str, Any]:
    """What stands beside an error's message if the error is of threads, Anthropic's own ones too."""
    code = problem.code
    return {"details": {"error_code": code}} if code is not None and code.startswith(_CODES) else {}
