"""HTML cut into texts, start tags and end tags.

Pages are whatever strangers write. Here each character is looked at a bounded number of times, whatever stands around
it, which the standard library's parser promises in its newer releases only: a page of a megabyte of "<!--" keeps an
older one busy for minutes.
"""

import html
import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias


class Start(NamedTuple):
    """name and names of attributes: in lower case. The first of attributes with one name counts."""

    name: str
    attributes: dict[str, str]


class End(NamedTuple):
    name: str


Token: TypeAlias = str | Start | End

VOID: Final = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
# Nothing inside of these is a tag, but for their own end.
_RAW: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
_NAME: Final = re.compile(r"[A-Za-z][^\s/>]*")
_GAP: Final = re.compile(r"[\s/]*")
_ATTRIBUTE: Final = re.compile(r"[^\s/>=][^\s/>=]*|=[^\s/>=]*")
_EQUALS: Final = re.compile(r"\s*=\s*")
_BARE: Final = re.compile(r"[^\s>]*")


def tokens(page: str) -> Iterator[Token]:
    return _Cutter(page).cut()


class _Cutter:
    def __init__(self, page: str) -> None:
        self._page: Final = page
        self._lowered: str | None = None
        self._last: Final = {quote: page.rfind(quote) for quote in "\"'"}

    def cut(self) -> Iterator[Token]:
        page, place = self._page, 0
        while (tag := page.find("<", place)) >= 0:
            if tag > place:
                yield _unescaped(page[place:tag])
            place = self._after(tag)
            if place < 0:
                return
            if place == tag:  # a "<" that begins nothing
                yield "<"
                place += 1
            elif (name := _NAME.match(page, tag + 1)) is not None:
                start, place = self._start(name)
                yield start
                if start.name in _RAW:
                    end = self._end_of(start.name, place)
                    text = page[place : end if end >= 0 else len(page)]
                    yield _unescaped(text) if start.name in ("title", "textarea") else text
                    if end < 0:
                        return
                    place = end
            elif page.startswith("</", tag):
                found = _NAME.match(page, tag + 2)
                if found is not None:
                    yield End(found[0].lower())
        yield _unescaped(page[place:])

    def _after(self, tag: int) -> int:
        """Where what begins here ends; `tag` itself if nothing begins, -1 if it never ends.

        Of start tags only that one begins: where it ends depends on its attributes.
        """
        page = self._page
        if page.startswith("<!--", tag):
            end = page.find("-->", tag + 4)
            return end + 3 if end >= 0 else -1
        following = page[tag + 1 : tag + 2]
        if following in ("!", "?", "/"):
            end = page.find(">", tag)
            return end + 1 if end >= 0 else -1
        return tag + 1 if following.isascii() and following.isalpha() else tag

    def _start(self, name: "re.Match[str]") -> tuple[Start, int]:
        page, attributes, place = self._page, dict[str, str](), name.end()
        while True:
            place = _end(_GAP, page, place)
            if place >= len(page) or page[place] == ">":
                return Start(name[0].lower(), attributes), place + 1
            found = _ATTRIBUTE.match(page, place)
            if found is None:  # an "=" that nothing stands before
                place += 1
                continue
            value, place = self._value(found.end())
            attributes.setdefault(found[0].lower(), value)

    def _value(self, place: int) -> tuple[str, int]:
        page = self._page
        equals = _EQUALS.match(page, place)
        if equals is None:
            return "", place
        place = equals.end()
        quote = page[place : place + 1]
        if quote in self._last and self._last[quote] > place:
            end = page.find(quote, place + 1)
            return _unescaped(page[place + 1 : end]), end + 1
        end = _end(_BARE, page, place)
        return _unescaped(page[place:end]), end

    def _end_of(self, name: str, place: int) -> int:
        if self._lowered is None:
            lowered = self._page.lower()
            # A few letters of other scripts are longer in lower case, so that places would not fit.
            self._lowered = lowered if len(lowered) == len(self._page) else self._page
        return self._lowered.find(f"</{name}", place)


def _end(pattern: "re.Pattern[str]", page: str, place: int) -> int:
    found = pattern.match(page, place)
    return found.end() if found is not None else place


def _unescaped(text: str) -> str:
    return html.unescape(text) if "&" in text else text
