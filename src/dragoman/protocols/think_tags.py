"""Reasoning that comes as tags in the text: `<think>...</think>` at its very start becomes Thinking.

A filter over events, and off for good as soon as anything visible was said or the backend used a reasoning field of
its own: code that contains the tag is safe. The newlines next to the tags go, and the white space before the first
one, and nothing else. Empty tags (Qwen3 says `<think>\\n\\n</think>` when it does not think) are no Thinking at all.
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dragoman.hub.events import Cited, Closed, Event, Grew, Opened, Showed
from dragoman.hub.request import Text, Thinking

_NEWLINES: Final = "\r\n"


class ThinkTags:
    """tags: names ("think") or bracketed forms ("[THINK]"). implicit_open: the text starts inside, without a tag.

    A text block is held back until it is certain what it begins with. Thinking blocks have negative numbers, which no
    reader uses.
    """

    def __init__(self, tags: tuple[str, ...], *, implicit_open: bool = False) -> None:
        self._closing: Final = _pairs(tags)  # opening tag -> closing tag
        self._implicit = implicit_open
        self._text: Opened | None = None  # the text block that is held back
        self._held = ""
        self._cited: list[Event] = []
        self._close_tag = ""  # set while inside
        self._behind_tag = False  # a closing tag was the last thing heard, but for newlines
        self._thinking = 0  # the last thinking block's number
        self._thinks = False  # it is open
        self.off = not tags

    def passes(self, text: str) -> bool:
        """Whether a text block that begins so is nothing but text, as nearly all are; nothing is held back any more."""
        visible = text.lstrip()
        if self._implicit or not visible:
            return False
        for opening in self._closing:
            if opening[0] == visible[0]:
                return False
        self.off = True
        return True

    def feed(self, event: Event) -> list[Event]:
        if self.off:
            return [event]
        match event:
            case Opened(part=Text()):
                self._text, self._held, self._cited, self._behind_tag = event, "", [], False
                return []
            case Opened(part=Thinking()) | Showed(part=Thinking()):
                self.off = True
                return [event]
            case Grew() if self._text is not None and self._text.block == event.block:
                self._held += event.text
                return self._inside() if self._close_tag else self._outside()
            case Cited() if self._holds(event.block):
                self._cited.append(event)
                return []
            case Closed() if self._holds(event.block):
                return self._closed(event)
            case _:
                return [event]

    def _holds(self, block: int) -> bool:
        return self._text is not None and self._text.block == block

    def _outside(self) -> list[Event]:
        """Before anything visible: is this a tag, or may it become one?"""
        if self._behind_tag:
            self._held = self._held.lstrip(_NEWLINES)
            self._behind_tag = not self._held
        visible = self._held.lstrip()
        may_be = not visible
        for opening, closing in self._closing.items():
            if visible.startswith(opening):
                self._held = visible[len(opening) :]
                return self._enter(closing)
            may_be = may_be or opening.startswith(visible)
        if may_be:
            return []
        if self._implicit:
            return self._enter(next(iter(self._closing.values())))
        self.off = True
        return self._show()

    def _enter(self, closing: str) -> list[Event]:
        self._close_tag, self._implicit = closing, False
        return self._inside()

    def _inside(self) -> list[Event]:
        if not self._thinks:
            self._held = self._held.lstrip(_NEWLINES)
        before, tag, behind = self._held.partition(self._close_tag)
        if not tag:
            certain = len(self._held) - _uncertain(self._held, self._close_tag)
            said, self._held = self._held[:certain], self._held[certain:]
            return self._think(said)
        self._held, self._close_tag, self._behind_tag = behind, "", True
        return [*self._think(before.rstrip(_NEWLINES)), *self._stop_thinking(), *self._outside()]

    def _think(self, text: str) -> list[Event]:
        if not text:
            return []
        if self._thinks:
            return [Grew(self._thinking, text)]
        self._thinks = True
        self._thinking -= 1
        return [Opened(self._thinking, Thinking("")), Grew(self._thinking, text)]

    def _stop_thinking(self) -> list[Event]:
        if not self._thinks:
            return []
        self._thinks = False
        return [Closed(self._thinking)]

    def _show(self) -> list[Event]:
        """Say what was held back as what it is: text."""
        if self._text is None or not self._held:
            return []
        shown: list[Event] = [self._text, Grew(self._text.block, self._held), *self._cited]
        self._held, self._cited = "", []
        return shown

    def _closed(self, event: Closed) -> list[Event]:
        """The text block ends while it is held back."""
        if self._close_tag:
            said = [*self._think(self._held), *self._stop_thinking()]
            self._close_tag = ""
        else:
            said = [*shown, event] if (shown := self._show()) else []
        self._text = None
        return said


@functools.lru_cache(maxsize=64)
def _pairs(tags: tuple[str, ...]) -> Mapping[str, str]:
    return MappingProxyType(dict(map(_pair, tags)))


def _pair(tag: str) -> tuple[str, str]:
    if tag.startswith("["):
        return tag, "[/" + tag[1:]
    return f"<{tag}>", f"</{tag}>"


def _uncertain(text: str, tag: str) -> int:
    """How many characters at the end may belong to the closing tag or to the newlines before it."""
    partial = next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)
    before = text[: len(text) - partial]
    return partial + len(before) - len(before.rstrip(_NEWLINES))
