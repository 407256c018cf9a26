"""GPT-OSS's channels, where a server let their tokens through: what was thought becomes Thinking, the rest text.

    <|channel|>analysis<|message|>...<|end|><|start|>assistant<|channel|>final<|message|>...

A filter over events, and off for good where the answer's text does not begin with such a token. A call keeps its
channel: it is text that `protocols/said_calls.py` may know for what it is. Blocks are numbered below all that were heard.
"""

import re
from typing import Final, Literal

import msgspec

from dragoman.hub.events import Cited, Closed, Event, Grew, Opened, Showed
from dragoman.hub.request import Text, Thinking, ToolCall

_CHANNEL: Final = "<|channel|>"
_MESSAGE: Final = "<|message|>"
_BEGINNINGS: Final = (_CHANNEL, "<|start|>assistant")
_END: Final = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_ENDS: Final = ("<|end|>", "<|return|>", "<|call|>", "<|start|>", _CHANNEL)
_LONGEST_END: Final = max(map(len, _ENDS))
_TOKEN: Final = re.compile(r"<\|\w+\|>")
_RECIPIENT: Final = re.compile(r"\bto=([\w.-]+)", re.ASCII)
_LONGEST_HEAD: Final = 300  # characters

# "raw": these are no channels after all.
_Kind = Literal["thinking", "text", "call", "raw"]


class Channels:
    """off: nothing is changed any more but the names of calls, to which some servers add the channel's token."""

    cut: Final = False
    off = False
    _text: Opened | None = None  # the block that is heard
    _on = False
    _held = ""
    _kind: _Kind | None = None  # of the message that is said; None = between two
    _open: _Kind | None = None  # of the block that is said
    _block = 0  # the last block's number

    def feed(self, event: Event) -> list[Event]:
        if type(event) is Grew:  # the hot path first
            if self.off or self._text is None or self._text.block != event.block:
                return [event]
            self._held += event.text
            return self._run() if self._on else self._decide()
        if type(event) is Opened and type(call := event.part) is ToolCall and "<|" in call.name:
            self.off = True
            return [Opened(event.block, msgspec.structs.replace(call, name=call.name.partition("<|")[0]))]
        if self.off:
            return [event]
        if type(event) is Opened and type(event.part) is Text:
            self._text = event
            return []
        if type(event) is Opened or type(event) is Showed:
            self._block = min(self._block, event.block)
        elif type(event) is Cited and self._hears(event.block):
            return []
        elif type(event) is Closed and self._hears(event.block):
            return self._closed(event)
        return [event]

    def _hears(self, block: int) -> bool:
        return self._text is not None and self._text.block == block

    def _decide(self) -> list[Event]:
        """Does the text begin as one with channels?"""
        visible = self._held.lstrip()
        if visible.startswith(_BEGINNINGS):
            self._on = True
            return self._run()
        for beginning in _BEGINNINGS:
            if beginning.startswith(visible):
                return []
        self.off = True
        text = self._text
        return [] if text is None else [text, Grew(text.block, self._held)]

    def _pass(self) -> list[Event]:
        self.off = True
        if self._text is None:
            return []
        return [self._text, *([Grew(self._text.block, self._held)] if self._held else [])]

    def _run(self) -> list[Event]:
        said: list[Event] = []
        while (more := self._step()) is not None:
            said += more
        return said

    def _step(self) -> list[Event] | None:
        """Say what is certain up to the next token; None where there is nothing to say yet."""
        return self._head() if self._kind is None else self._message(self._kind)

    def _head(self) -> list[Event] | None:
        head, found, behind = self._held.partition(_MESSAGE)
        if not found and len(head) < _LONGEST_HEAD + len(_MESSAGE):
            return None
        if len(head) > _LONGEST_HEAD:
            self._kind = "raw"
            return self._end()
        self._held = behind
        recipient = _RECIPIENT.search(head)
        self._kind = "call" if recipient else "thinking" if f"{_CHANNEL}analysis" in head else "text"
        # Several calls are one text; every other message is a block of its own.
        ended = [] if self._open == self._kind == "call" else self._end()
        if recipient is None:
            return ended
        return [*ended, *self._say("call", f"{_CHANNEL}commentary to={recipient[1]} <|constrain|>json{_MESSAGE}")]

    def _message(self, kind: _Kind) -> list[Event] | None:
        found = _END.search(self._held) if kind != "raw" else None
        if found is None:
            certain = len(self._held) - (_uncertain(self._held) if kind != "raw" else 0)
            said, self._held = self._held[:certain], self._held[certain:]
            return self._say(kind, said) if said else None
        said = self._held[: found.start()]
        self._held, self._kind = self._held[found.end() if found[0] != _CHANNEL else found.start() :], None
        return self._say(kind, f"{said}<|call|>" if kind == "call" else said)

    def _say(self, kind: _Kind, text: str) -> list[Event]:
        if not text:
            return []
        if self._open is not None:
            return [Grew(self._block, text)]
        self._open = kind
        self._block -= 1
        return [Opened(self._block, Thinking("") if kind == "thinking" else Text("")), Grew(self._block, text)]

    def _end(self) -> list[Event]:
        if self._open is None:
            return []
        self._open = None
        return [Closed(self._block)]

    def _closed(self, event: Closed) -> list[Event]:
        if not self._on:
            shown = self._pass()
            return [*shown, event]
        self.off = True
        if self._kind is not None:
            return [*self._say(self._kind, self._held), *self._end()]
        rest = _TOKEN.sub("", self._held.partition(_CHANNEL)[0]).strip()  # behind the last message
        return [*self._end(), *(self._say("text", rest) if rest != "assistant" else []), *self._end()]


def _uncertain(text: str) -> int:
    """How many characters at the end may be the beginning of a token that ends a message."""
    at = text.rfind("<", max(0, len(text) - _LONGEST_END + 1))
    return len(text) - at if at >= 0 and any(end.startswith(text[at:]) for end in _ENDS) else 0
