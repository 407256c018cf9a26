"""What is wrong, or worth knowing, in a configuration file: every finding names its place and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

Level = Literal["error", "warning", "notice"]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][\w-]*")


class Finding(Struct, frozen=True):
    """path: as in `models[2].backends[0].url`, "" for the whole file. line: counted from 1, None = not in the file.

    unless: paths at which what is missing here may stand. If one of them could not be read, nothing is missing.
    """

    path: str
    message: str
    level: Level = "error"
    line: int | None = None
    unless: tuple[str, ...] = ()

    def render(self, filename: str) -> str:
        place = filename if self.line is None else f"{filename}:{self.line}"
        level = "" if self.level == "error" else self.level
        return ": ".join(part for part in (place, level, self.path, self.message) if part)


class Findings:
    """The findings of one reading, as they are made.

    broken: paths whose value could not be read at all. Checks that come later say nothing about them: what is wrong
    there has been said, and the value they would see is only a stand-in.
    """

    def __init__(self) -> None:
        self.made: list[Finding] = []
        self.broken: set[str] = set()

    def error(self, path: str, line: int | None, message: str) -> None:
        self.made.append(Finding(path, message, "error", line))

    def unreadable(self, path: str, line: int | None, message: str) -> None:
        self.error(path, line, message)
        self.broken.add(path)

    def is_broken(self, path: str) -> bool:
        """Whether the value at this path, or one it lies in, could not be read."""
        return any(part in self.broken for part in lineage(path))


def lineage(path: str) -> Iterator[str]:
    """The path itself, then each one it lies in: `a[0].b`, `a[0]`, `a`."""
    while path:
        yield path
        cut = max(path.rfind("."), path.rfind("["))
        path = path[: max(cut, 0)]


def child(path: str, key: str) -> str:
    """The path of a member: `models` and `name` make `models.name`; odd keys are quoted."""
    if _PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f'{path}["{key}"]'


def item(path: str, index: int) -> str:
    return f"{path}[{index}]"


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.level == "error" for finding in findings)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By line, each said once."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: finding.line or 0))


def render_findings(findings: Iterable[Finding], filename: str) -> str:
    """One line a finding, as compilers write them: `config.yaml:14: models[2].backends[0].url: ...`."""
    return "\n".join(finding.render(filename) for finding in findings)
