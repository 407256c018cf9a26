"""Which of the pages that were found does the model name?

Models name their sources as they please: as a link, in Markdown or bare. Wherever the address of a page that was found
stands in the text, whole, that is a citation. The text itself is never changed, and an address that was not found is
none, so nothing is made up.
"""

import re
from collections.abc import Iterable
from typing import Final

from dragoman.hub.request import Citation, Fetched, Hit, Searched

_LONGEST_QUOTE: Final = 150  # characters, as Anthropic quotes
_GOES_ON: Final = re.compile(
    r"[/?.:,;!]*[A-Za-z0-9_~%=&#@+-]"
)  # behind an address: it was the beginning of a longer one


class Citing:
    """What was found so far, by its address."""

    def __init__(self) -> None:
        self._pages: Final[dict[str, Hit]] = {}
        self._address: re.Pattern[str] | None = None

    def found(self, part: Searched | Fetched) -> None:
        hits: Iterable[Hit] = part.hits if isinstance(part, Searched) else ()
        if isinstance(part, Fetched) and part.problem is None:
            hits = (Hit(part.url, part.title, part.text),)
        for hit in hits:
            if hit.url.startswith(("http://", "https://")):
                self._pages.setdefault(_bare(hit.url), hit)
                self._address = None

    def __bool__(self) -> bool:
        return bool(self._pages)

    def citations(self, text: str, offset: int) -> list[Citation]:
        """offset: where in the answer's text this one begins. Of a link in Markdown the whole is what cites."""
        if not self._pages or "://" not in text:
            return []
        if self._address is None:
            longest_first = sorted(self._pages, key=len, reverse=True)
            self._address = re.compile("|".join(map(re.escape, longest_first)))
        said = []
        for match in self._address.finditer(text):
            if _GOES_ON.match(text, match.end()):
                continue
            hit = self._pages[match[0]]
            start, end = _span(text, match.start(), match.end())
            said.append(
                Citation(hit.url, hit.title or hit.url, hit.text[:_LONGEST_QUOTE], start + offset, end + offset)
            )
        return said


def _bare(url: str) -> str:
    """A page with a slash at its end is the page without it."""
    return url.rstrip("/")


def _span(text: str, start: int, end: int) -> tuple[int, int]:
    if text.startswith("/", end):
        end += 1
    if text.startswith("](", max(0, start - 2)) and text.startswith(")", end):
        label = text.rfind("[", 0, start - 2)
        if label >= 0 and "\n" not in text[label:start]:
            return label, end + 1
    return start, end
