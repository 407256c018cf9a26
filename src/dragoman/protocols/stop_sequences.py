"""Stop sequences for backends that take none, or not that many: the answer is cut where one of them appears.

A filter over events. It looks at visible text only, not at reasoning or arguments, and holds back as many characters
as may be the beginning of a sequence.
"""

from collections.abc import Callable
from typing import Final

from dragoman.hub.events import Closed, Ended, Event, Grew, Noted, Opened
from dragoman.hub.request import Text, ToolCall
from dragoman.hub.usage import Usage

_CHARACTERS_PER_TOKEN: Final = 4


class StopSequences:
    """cut: a sequence has appeared; what the backend says after that is not passed on, and need not be said.

    prompt_tokens: an estimate, where the backend has not told them by then.
    """

    def __init__(self, sequences: tuple[str, ...], prompt_tokens: Callable[[], int]) -> None:
        self._sequences: Final = tuple(sequence for sequence in sequences if sequence)
        self._longest: Final = max(map(len, self._sequences), default=0)
        self._held: dict[int, str] = {}  # by text block
        self._others: set[int] = set()  # blocks of other kinds that are open
        self._calls: set[int] = set()  # those of them that a cut would leave half said
        self._prompt_tokens: Final = prompt_tokens
        self._usage = Usage()  # as far as it was told
        self._said = 0
        self.cut = False

    def feed(self, event: Event) -> list[Event]:
        if self.cut:
            return []
        if type(event) is Opened:
            if type(event.part) is Text:
                self._held[event.block] = ""
            else:
                self._others.add(event.block)
                if type(event.part) is ToolCall:
                    self._calls.add(event.block)
        elif type(event) is Grew and event.block in self._held:
            return self._grew(event)
        elif type(event) is Closed:
            self._others.discard(event.block)
            self._calls.discard(event.block)
            held = self._held.pop(event.block, "")
            return [Grew(event.block, held), event] if held else [event]
        elif type(event) is Noted:
            self._usage = self._usage.updated(event.usage)
        return [event]

    def _grew(self, event: Grew) -> list[Event]:
        text = self._held[event.block] + event.text
        found = [(at, sequence) for sequence in self._sequences if (at := text.find(sequence)) >= 0]
        if found and not self._calls:
            return self._cut(event.block, text, *min(found))
        keep = _uncertain(text, self._sequences, self._longest)
        certain, self._held[event.block] = text[: len(text) - keep], text[len(text) - keep :]
        self._said += len(certain)
        return [Grew(event.block, certain)] if certain else []

    def _cut(self, block: int, text: str, at: int, sequence: str) -> list[Event]:
        """The backend would tell its usage at an end that is not waited for: what it has not told is estimated."""
        self.cut = True
        before: list[Event] = [Grew(block, text[:at])] if at else []
        rest: list[Event] = [Closed(other) for other in (*self._held, *self._others)]
        told = self._usage
        usage = Usage(
            input=self._prompt_tokens() if told.input is None else told.input,
            output=max(told.output or 0, (self._said + at) // _CHARACTERS_PER_TOKEN),
        )
        return [*before, *rest, Noted(usage), Ended("stop_sequence", None, sequence)]


def _uncertain(text: str, sequences: tuple[str, ...], longest: int) -> int:
    """How many characters at the end may be the beginning of a sequence."""
    for size in range(min(longest - 1, len(text)), 0, -1):
        tail = text[-size:]
        if any(sequence.startswith(tail) for sequence in sequences):
            return size
    return 0
