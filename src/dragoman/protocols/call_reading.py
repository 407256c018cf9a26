"""A text that is read while it is still being said, for grammars that are written straight down.

A grammar is a generator: where it needs more than has come it yields, and goes on from there. Nothing is read twice,
so that reading takes as long as the text is, however it is cut. What does not fit raises NotACallError at once.
"""

import re
from collections.abc import Collection, Generator
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

# Yields where more is needed; returns what was read.
Reading: TypeAlias = Generator[None, None, T]

_SPACE: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[\w.-]*", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]*")
_BETWEEN: Final = re.compile(r'[^"{}\[\]]*')
_INSIDE: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR: Final = re.compile(r"[-+.\w]*", re.ASCII)
_OPENS: Final = {"{": "}", "[": "]"}
_LONGEST_NAME: Final = 200  # characters


class NotACallError(Exception):
    """What is said is no call, whatever may still come."""


class Unread:
    """What was said and not read yet. over: nothing more will be said.

    names: of the tools that may be called.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names: Final = names
        self._text = ""
        self._at = 0
        self.over = False

    def add(self, text: str) -> None:
        self._text, self._at = self._text[self._at :] + text, 0

    def is_all(self) -> bool:
        """Whether everything has been read."""
        return self.over and self._at == len(self._text)

    def peek(self) -> Reading[str]:
        """The next character; "" at the end."""
        while self._at == len(self._text) and not self.over:
            yield
        return self._text[self._at : self._at + 1]

    def space(self) -> Reading[None]:
        yield from self._run(_SPACE)

    def digits(self) -> Reading[str]:
        return (yield from self._run(_DIGITS))

    def skip(self, *literals: str) -> Reading[str]:
        """Read the literal that comes next. "": it is none of these, of which none begins another."""
        longest = max(map(len, literals))
        while True:
            rest = self._text[self._at : self._at + longest]
            for literal in literals:
                if rest.startswith(literal):
                    self._at += len(literal)
                    return literal
            if self.over or not any(literal.startswith(rest) for literal in literals):
                return ""
            yield

    def expect(self, *literals: str) -> Reading[str]:
        found = yield from self.skip(*literals)
        if not found:
            raise NotACallError
        return found

    def name(self) -> Reading[str]:
        """The name of a tool that may be called, as far as it goes. Kimi and GPT-OSS say "functions." before it."""
        yield from self.skip("functions.")
        said = ""
        while True:
            found = _NAME.match(self._text, self._at)
            said += found[0] if found else ""
            self._at += len(found[0]) if found else 0
            if len(said) > _LONGEST_NAME or not any(name.startswith(said) for name in self._names):
                raise NotACallError
            if self._at < len(self._text) or self.over:
                break
            yield
        if said not in self._names:
            raise NotACallError
        return said

    def until(self, ending: str) -> Reading[str]:
        """What stands before `ending`, which is read too."""
        pieces: list[str] = []
        while True:
            at = self._text.find(ending, self._at)
            if at >= 0:
                pieces.append(self._text[self._at : at])
                self._at = at + len(ending)
                return "".join(pieces)
            certain = max(self._at, len(self._text) - len(ending) + 1)
            pieces.append(self._text[self._at : certain])
            self._at = certain
            if self.over:
                raise NotACallError
            yield

    def value(self) -> Reading[str]:
        """One JSON value, as it is spelled. Objects and arrays end where their brackets do."""
        first = yield from self.peek()
        if first == '"':
            return (yield from self.string())
        if first not in _OPENS:
            return (yield from self._run(_SCALAR))
        pieces: list[str] = []
        closers: list[str] = []
        while True:
            pieces.append((yield from self._run(_BETWEEN)))
            character = yield from self.peek()
            if character == '"':
                pieces.append((yield from self.string()))
                continue
            if character in _OPENS:
                closers.append(_OPENS[character])
            elif not character or closers.pop() != character:
                raise NotACallError
            self._at += 1
            pieces.append(character)
            if not closers:
                return "".join(pieces)

    def string(self) -> Reading[str]:
        """A JSON string with its quotes."""
        pieces = [(yield from self.expect('"'))]
        while True:
            pieces.append((yield from self._run(_INSIDE)))
            character = yield from self.peek()
            if not character:
                raise NotACallError
            self._at += 1
            pieces.append(character)
            if character == '"':
                return "".join(pieces)
            pieces.append((yield from self._one()))

    def _one(self) -> Reading[str]:
        character = yield from self.peek()
        self._at += len(character)
        return character

    def _run(self, pattern: re.Pattern[str]) -> Reading[str]:
        """What matches a pattern that matches any number of characters, nothing included."""
        pieces: list[str] = []
        while True:
            if found := pattern.match(self._text, self._at):
                pieces.append(found[0])
                self._at = found.end()
            if self._at < len(self._text) or self.over:
                return "".join(pieces)
            yield
