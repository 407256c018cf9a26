"""A file of an agent without our values, where the agent or its user has changed it since they were put there.

Three texts tell what is whose: the file before us, what we made of it, and what it is now. A value that is still ours
gives way to the one before it; one that has changed since is somebody else's, and stays.
"""

from collections.abc import Mapping
from typing import Any

from dragoman.agents import jsonc
from dragoman.agents.agent import File


def undone(file: File, now: str, written: str, before: str = "") -> str:
    """Return `now` as it would be without us. Raise UnreadableError if one of the texts is not of the file's form."""
    if file.form == "json":
        restored, gone = _back(*(jsonc.read(text) for text in (now, written, before)))
        return jsonc.without(jsonc.merged(now, restored) if restored else now, gone)
    from dragoman.agents import toml  # noqa: PLC0415 - a library that a running proxy seldom needs

    restored, gone = _back(*(toml.read(text) for text in (now, written, before)))
    return toml.without(toml.merged(now, restored), gone)


def _back(
    now: Mapping[str, Any], written: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what to put back, and what to take out: name -> what of it, None = all."""
    restored = {name: value for name, value in before.items() if name not in written and name not in now}
    gone: dict[str, Any] = {}
    for name in [name for name in written if name in now and (name not in before or before[name] != written[name])]:
        is_new = name not in before
        ours, was = written[name], {} if is_new else before[name]
        if all(isinstance(each, Mapping) for each in (now[name], ours, was)):
            inner, outer = _back(now[name], ours, was)
            if is_new and set(outer) == set(now[name]) and not any(outer.values()):
                gone[name] = None
                continue
            restored |= {name: inner} if inner else {}
            gone |= {name: outer} if outer else {}
        elif now[name] == ours and is_new:
            gone[name] = None
        elif now[name] == ours:
            restored[name] = was
    return restored, gone
