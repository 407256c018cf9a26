"""Reasoning that comes as tags in the text: `<think>...</think>` at its very start becomes Thinking.

A filter over events, and off for good as soon as anything visible was said or the backend used a reasoning field of
its own: code that contains the tag is safe. Newlines next to the tags go, and nothing else.
"""

from typing import Final

from dragoman.hub.events import Closed, Event, Grew, Opened, Showed
from dragoman.hub.request import Text, Thinking


class ThinkTags:
    """tags: names ("think") or bracketed forms ("[THINK]"). implicit_open: the text starts inside, without a tag.

    Blocks it adds have negative numbers, which no reader uses.
    """

    def __init__(self, tags: tuple[str, ...], *, implicit_open: bool = False) -> None:
        pairs = [_pair(tag) for tag in tags]
        self._opening: Final = tuple(opening for opening, _ in pairs)
        self._closing: Final = dict(pairs)
        self._implicit: Final = implicit_open and bool(pairs)
        self._text_block: int | None = None  # the text block that is held back
        self._held = ""
        self._close_tag = ""  # set while inside
        self._think_block = 0
        self._said_inside = False
        self._after = False  # behind the closing tag, before anything visible
        self.off = not pairs

    def feed(self, event: Event) -> list[Event]:
        if self.off:
            return [event]
        if isinstance(event, Grew) and event.block == self._text_block:
            self._held += event.text
            return self._advance()
        if isinstance(event, Opened) and isinstance(event.part, Text):
            self._text_block, self._held, self._after = event.block, "", False
            if self._implicit and not self._think_block:
                return self._go_inside(self._closing[self._opening[0]])
            return []
        if isinstance(event, Closed) and event.block == self._text_block:
            return self._close(event)
        if isinstance(event, Opened | Showed) and isinstance(event.part, Thinking):
            return [*self._show_text(), event]
        return [event]

    def _advance(self) -> list[Event]:
        """Say as much of the held text as is certain."""
        if self._close_tag:
            return self._inside()
        if self._after:
            self._held = self._held.lstrip("\r\n")
            return self._show_text() if self._held else []
        visible = self._held.lstrip()
        if not visible or any(tag.startswith(visible) for tag in self._opening):
            return []
        for tag in self._opening:
            if visible.startswith(tag):
                self._held = visible[len(tag) :]
                return [*self._go_inside(self._closing[tag]), *self._inside()]
        return self._show_text()

    def _go_inside(self, close_tag: str) -> list[Event]:
        self._close_tag = close_tag
        self._think_block -= 1
        return [Opened(self._think_block, Thinking(""))]

    def _inside(self) -> list[Event]:
        if not self._said_inside:
            self._held = self._held.lstrip("\r\n")
        before, tag, behind = self._held.partition(self._close_tag)
        if not tag:
            keep = _uncertain(self._held, self._close_tag)
            certain, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
            return self._think(certain)
        self._held = behind
        said = [*self._think(before.rstrip("\r\n")), Closed(self._think_block)]
        self._close_tag, self._after, self._said_inside = "", True, False
        return [*said, *self._advance()]

    def _think(self, text: str) -> list[Event]:
        if not text:
            return []
        self._said_inside = True
        return [Grew(self._think_block, text)]

    def _show_text(self) -> list[Event]:
        """Something visible: say what was held, and be off."""
        self.off = True
        if self._text_block is None:
            return []
        held: list[Event] = [Grew(self._text_block, self._held)] if self._held else []
        return [Opened(self._text_block, Text("")), *held]

    def _close(self, event: Closed) -> list[Event]:
        """The text block ends while it is held back."""
        block, self._text_block = event.block, None
        if self._close_tag:
            said = [*self._think(self._held), Closed(self._think_block)]
            self._close_tag, self._held, self._said_inside = "", "", False
            return said
        if not self._held:
            return []
        held, self._held = self._held, ""
        return [Opened(block, Text("")), Grew(block, held), event]


def _pair(tag: str) -> tuple[str, str]:
    if tag.startswith("["):
        return tag, "[/" + tag[1:]
    return f"<{tag}>", f"</{tag}>"


def _uncertain(text: str, tag: str) -> int:
    """How many characters at the end may belong to the closing tag or to the newlines before it."""
    for size in range(min(len(tag) - 1, len(text)), 0, -1):
        if text.endswith(tag[:size]):
            text, partial = text[:-size], size
            return partial + len(text) - len(text.rstrip("\r\n"))
    return len(text) - len(text.rstrip("\r\n"))
