"""Tool arguments in pieces, on their way to a client that parses them while they come.

What is passed on is at every moment the beginning of one JSON object: official SDKs parse the pieces and die of the
first wrong character. Repaired is what cannot change the meaning, as in `arguments.repaired`: a code fence around it, a
trailing comma, raw control characters in a string, whatever stands behind the object. An open string or bracket is
never closed: that would run half a file write.
"""

import re
from collections.abc import Callable
from typing import Final

from dragoman.wire import jsons

_SPACE: Final = " \t\n\r"
_RUN: Final = re.compile(r"[ \t\n\r]+")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]+')
_INSIDE: Final = re.compile(r'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt])*+')
_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_BEGUN_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")
# Half a surrogate pair is no character: it is passed on as U+FFFD, as everywhere.
_HALF: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_BEGUN_PAIR: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?\Z")
_LITERAL: Final = re.compile(r"[-+.0-9A-Za-z]+")
_VALUE: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null", re.ASCII)
_FENCE: Final = re.compile(r"```\w*[ \t\r]*\n")
_BEGUN_FENCE: Final = re.compile(r"(?:`{1,3}|```\w*[ \t\r]*)\Z")
_CLOSES: Final = {"}": "{", "]": "["}


class Strainer:
    """broken: a character came that no repair explains; nothing is passed on behind it."""

    def __init__(self) -> None:
        self._open: list[str] = []  # the brackets
        self._in_string = False
        self._in_key = False  # the string that is being said is a member's name
        self._comma = ""  # a comma, and the white space behind it, until it is known to be needed
        self._held = ""  # the beginning of something that is not decided yet
        # Of the class, not bound: with itself in it each strainer would be left to the garbage collector.
        self._step: Callable[[Strainer, str, int], int] = Strainer._before
        self._said: list[str] = []
        self.broken = False

    def feed(self, text: str) -> str:
        """Return what can be passed on now."""
        if self._in_string and not self._held and not self.broken and _INSIDE.fullmatch(text):
            return text  # the hot path: more of a string
        text, at = self._held + text, 0
        self._held, self._said = "", []
        while at < len(text) and not self.broken and not self._held:
            at = self._step(self, text, at)
        return "".join(self._said)

    @property
    def sound(self) -> bool:
        """Whether what was passed on is one whole object, or nothing at all."""
        if self.broken or self._held:
            return False
        return self._step in (Strainer._before, Strainer._behind, Strainer._nothing)

    # Each step hears what may come next: it returns the place behind what it heard, or holds the rest of the text.

    def _before(self, text: str, at: int) -> int:
        if text[at] == "{":
            return self._enter(text, at)
        if (fence := _FENCE.match(text, at)) is not None:
            return fence.end()
        if _BEGUN_FENCE.match(text, at):
            self._held = text[at:]
            return at
        if (run := _RUN.match(text, at)) is None:  # white space begins no object
            self.broken = True
            return at
        return run.end()

    def _member(self, text: str, at: int) -> int:
        """A member's name, or the end of the object."""
        if text[at] == '"':
            self._in_key = True
            return self._begin_string(at)
        return self._leave(text, at) if text[at] == "}" else self._space(text, at)

    def _colon(self, text: str, at: int) -> int:
        if text[at] == ":":
            self._step = Strainer._value
            return self._pass(":", at)
        return self._space(text, at)

    def _value(self, text: str, at: int) -> int:
        character = text[at]
        if character == '"':
            self._in_key = False
            return self._begin_string(at)
        if character in "{[":
            return self._enter(text, at)
        if character == "]" and self._open[-1] == "[":
            return self._leave(text, at)
        if (found := _LITERAL.match(text, at)) is not None:
            return self._literal(text, found)
        return self._space(text, at)

    def _literal(self, text: str, found: re.Match[str]) -> int:
        """A number, or true, false, null. It is over only when something else follows."""
        if found.end() == len(text):
            self._held = found[0]
        elif _VALUE.fullmatch(found[0]):
            self._say_comma()
            self._said.append(found[0])
            self._step = Strainer._rest
        else:
            self.broken = True
        return found.end()

    def _begin_string(self, at: int) -> int:
        self._say_comma()
        self._in_string, self._step = True, Strainer._string
        return self._pass('"', at)

    def _string(self, text: str, at: int) -> int:
        if (plain := _PLAIN.match(text, at)) is not None:
            self._said.append(plain[0])
            return plain.end()
        character = text[at]
        if character == '"':
            self._in_string, self._step = False, Strainer._colon if self._in_key else Strainer._rest
            return self._pass('"', at)
        if character != "\\":  # a raw line break or the like: it can only mean itself
            return self._pass(jsons.write_text(character)[1:-1], at)
        return self._escape(text, at)

    def _escape(self, text: str, at: int) -> int:
        if _BEGUN_ESCAPE.match(text, at) or _BEGUN_PAIR.match(text, at):
            self._held = text[at:]
            return at
        escape = _PAIR.match(text, at) or _ESCAPE.match(text, at)
        if escape is None:
            self.broken = True
            return at
        self._said.append(_HALF.sub(r"\\ufffd", escape[0]) if escape.re is _ESCAPE else escape[0])
        return escape.end()

    def _rest(self, text: str, at: int) -> int:
        """Behind a value: another one, or the end of what holds it."""
        if text[at] == ",":
            self._comma = ","
            self._step = Strainer._member if self._open[-1] == "{" else Strainer._value
            return at + 1
        return self._leave(text, at) if text[at] in "}]" else self._space(text, at)

    def _behind(self, text: str, at: int) -> int:
        """Behind the object: only white space is passed on."""
        run = _RUN.match(text, at)
        if run is None:
            self._step = Strainer._nothing
            return len(text)
        self._said.append(run[0])
        return run.end()

    def _nothing(self, text: str, at: int) -> int:  # noqa: ARG002 - wherever it is
        return len(text)

    def _enter(self, text: str, at: int) -> int:
        self._say_comma()
        self._open.append(text[at])
        self._step = Strainer._member if text[at] == "{" else Strainer._value
        return self._pass(text[at], at)

    def _leave(self, text: str, at: int) -> int:
        if self._open.pop() != _CLOSES[text[at]]:
            self.broken = True
            return at
        self._said.append(self._comma[1:])
        self._comma = ""
        self._step = Strainer._rest if self._open else Strainer._behind
        return self._pass(text[at], at)

    def _space(self, text: str, at: int) -> int:
        run = _RUN.match(text, at)
        if run is None:
            self.broken = True
            return at
        if self._comma:
            self._comma += run[0]
        else:
            self._said.append(run[0])
        return run.end()

    def _say_comma(self) -> None:
        self._said.append(self._comma)
        self._comma = ""

    def _pass(self, said: str, at: int) -> int:
        self._said.append(said)
        return at + 1
