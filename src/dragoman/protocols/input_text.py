"""The text of a tool that takes free text, found in the JSON arguments of the function it was lowered to."""

import re
from typing import Final, Literal

from dragoman.protocols import arguments
from dragoman.wire import jsons

_OPENING: Final = re.compile(r'\s*\{\s*"input"\s*:\s*"')
_SQUEEZED: Final = '{"input":"'
_SPECIAL: Final = re.compile(r'["\\]')
_HEX: Final = re.compile(r"[0-9A-Fa-f]{0,4}")
_LETTERS: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_NO_CHARACTER: Final = "\ufffd"
# What models call the one argument, if not `input`.
_OTHER_NAMES: Final = ("input", "patch", "text", "content", "code", "arguments")

_State = Literal["opening", "inside", "behind", "raw", "held"]


class InputText:
    """Finds the text in `{"input": "<text>"}` while the JSON is still coming, and decodes it piece by piece.

    Escapes and surrogate pairs may be cut anywhere. Text that is no JSON passes as it is. Other JSON is kept to its end
    and understood then: the only string of an object that has one, a string itself, else the JSON as it stands.

    Models forget to escape: a quote that does not end the string, for no comma or brace follows, is part of the text,
    and so is a backslash that begins no escape.
    """

    def __init__(self) -> None:
        self._state: _State = "opening"
        self._rest = ""  # what is not understood yet
        self._held: list[str] = []

    def feed(self, piece: str) -> str:
        """Return what can be said of the text by now."""
        if self._state == "opening":
            self._rest += piece
            piece = self._open()
        match self._state:
            case "inside":
                return self._decode(piece)
            case "held":
                self._held.append(piece)
                return ""
            case "raw":
                return piece
            case _:
                return ""

    def finish(self) -> str:
        """What is left to say when nothing more comes. Half an escape says nothing."""
        if self._state == "held":
            return _understood("".join(self._held))
        return _understood(self._rest) if self._state == "opening" else ""

    @property
    def is_open(self) -> bool:
        """Whether the string has not ended. Where its quote came last, only what follows could have made it text."""
        return self._state == "inside" and not self._rest.startswith('"')

    def _open(self) -> str:
        """Decide what it is, if that can be seen yet. Return what then is to be read."""
        text = self._rest
        if (found := _OPENING.match(text)) is not None:
            self._state, text = "inside", text[found.end() :]
        elif not text.strip():
            return ""
        elif text.lstrip()[0] not in '{"':
            self._state = "raw"
        elif not _SQUEEZED.startswith("".join(text.split())):
            self._state = "held"
        else:
            return ""
        self._rest = ""
        return text

    def _decode(self, piece: str) -> str:
        text, said, at = self._rest + piece, list[str](), 0
        self._rest = ""
        while (found := _SPECIAL.search(text, at)) is not None:
            here = found.start()
            said.append(text[at:here])
            token = _quote(text, here) if found[0] == '"' else _escape(text, here)
            if token is None:
                self._rest = text[here:]
                return "".join(said)
            decoded, size = token
            if not size:
                self._state = "behind"
                return "".join(said)
            said.append(decoded)
            at = here + size
        said.append(text[at:])
        return "".join(said)


def _quote(text: str, at: int) -> tuple[str, int] | None:
    """The quote as text, with its size; size 0 if it ends the string, None if that cannot be seen yet."""
    following = text[at + 1 :].lstrip()
    if not following:
        return None
    return ("", 0) if following[0] in ",}" else ('"', 1)


def _escape(text: str, at: int) -> tuple[str, int] | None:
    """What the escape at `at` stands for, and its size; None if it is not all there."""
    if at + 1 >= len(text):
        return None
    if text[at + 1] != "u":
        return _LETTERS.get(text[at + 1], text[at : at + 2]), 2
    digits = _HEX.match(text, at + 2)
    code = digits[0] if digits else ""
    if len(code) < 4:
        return None if at + 2 + len(code) == len(text) else ("\\u", 2)
    number = int(code, 16)
    if 0xD800 <= number < 0xDC00:
        return _pair(text, at, number)
    return (_NO_CHARACTER if 0xDC00 <= number < 0xE000 else chr(number)), 6


def _pair(text: str, at: int, high: int) -> tuple[str, int] | None:
    """A character beyond the first 65,536 is two escapes."""
    following = text[at + 6 : at + 12]
    digits = following[2:]
    if not "\\u".startswith(following[:2]) or not re.fullmatch(_HEX, digits):
        return _NO_CHARACTER, 6
    if len(following) < 6:
        return None
    low = int(digits, 16)
    if not 0xDC00 <= low < 0xE000:
        return _NO_CHARACTER, 6
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12


def _understood(text: str) -> str:
    if text.lstrip().startswith('"'):
        return _string_in(text)
    found = arguments.repaired(text) if text.strip() else {}
    if found is None:
        return text
    for name in _OTHER_NAMES:
        if isinstance(found.get(name), str):
            return str(found[name])
    strings = [value for value in found.values() if isinstance(value, str)]
    if not found:
        return ""
    return strings[0] if len(strings) == 1 and len(found) == 1 else text


def _string_in(text: str) -> str:
    try:
        value = jsons.read(text)
    except jsons.JSONError:
        return text
    return value if isinstance(value, str) else text
