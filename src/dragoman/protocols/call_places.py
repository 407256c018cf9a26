"""Where in a Markdown text something stands: in code, or where a model would begin to call a tool."""

import re
from typing import Final, Literal

_FENCE: Final = re.compile(r"[\s>*+\d.)-]*(`{3,}|~{3,})")  # within lists and quotations, too
_INDENT: Final = re.compile(r" {0,3}\Z")
_KEPT: Final = 80  # characters of a line: its beginning tells whether it opens or closes a block of code


class Place:
    """The place behind everything that was passed over."""

    def __init__(self) -> None:
        self._line = ""  # how the line begins
        self._ticks = 0  # backticks in it
        self._fence = ""  # what has opened the block of code

    def pass_over(self, text: str) -> None:
        if "\n" in text:
            *lines, text = text.split("\n")
            for line in lines:
                self._grow(line)
                self._end_line()
        self._grow(text)

    def is_for(self, where: Literal["anywhere", "line", "answer"]) -> bool:
        """Whether something may begin here that begins anywhere, or else at the beginning of a line, but not in code."""
        if self._fence or self._ticks % 2:
            return False
        return where == "anywhere" or _INDENT.match(self._line) is not None

    def _grow(self, piece: str) -> None:
        if "`" in piece:
            self._ticks += piece.count("`")
        if len(self._line) < _KEPT:
            self._line += piece[:_KEPT]

    def _end_line(self) -> None:
        found = _FENCE.match(self._line)
        if found is not None and not self._fence:
            self._fence = found[1]
        elif found is not None and found[1].startswith(self._fence) and not self._line[found.end() :].strip():
            self._fence = ""
        self._line, self._ticks = "", 0
