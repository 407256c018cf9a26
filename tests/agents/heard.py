"""A request as the scripted backend heard it, whatever dialect it came in."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from dragoman.wire import jsons

_KEPT: Final = frozenset({"type", "role", "name", "model", "tool_choice", "media_type", "detail", "effort"})
_LONGEST: Final = 60


@dataclasses.dataclass(frozen=True)
class Heard:
    """Only what scripts and verdicts need. `calls` and `results` are by tool-call id, in the order they came."""

    model: str
    stream: bool
    tools: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    results: Mapping[str, str] = dataclasses.field(default_factory=dict)
    images: tuple[bytes, ...] = ()
    asked: str = ""
    complaints: tuple[str, ...] = ()

    def unpaired(self) -> list[str]:
        """Say which calls have no result and which results no call; backends refuse both."""
        lonely = [f"tool call {name} has no result" for name in self.calls if name not in self.results]
        return lonely + [f"tool result {name} answers no call" for name in self.results if name not in self.calls]


@dataclasses.dataclass(frozen=True)
class Recorded:
    """One request. `body` lives in memory only: agents' prompts are their makers' and go into no file."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    heard: Heard

    def shape(self) -> Any:
        """Return the request without its prose, for messages about failures."""
        return {"path": self.path, "body": shape(jsons.read(self.body))}


def shape(value: Any, key: str = "") -> Any:
    """Return the same structure, with names kept and every other text replaced by its length."""
    if isinstance(value, str):
        return value if key in _KEPT and len(value) <= _LONGEST else f"<{len(value)} characters>"
    if key == "tools" and isinstance(value, list):
        return [_tool_name(tool) for tool in value]
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in value.items()}
    return value


def _tool_name(tool: Any) -> Any:
    return tool.get("name") or (tool.get("function") or {}).get("name") or shape(tool)
