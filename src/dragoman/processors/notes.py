"""What the model reads in the place of a picture or a document, and what it reads where that could not be done.

The same words for the same thing each time: they stand in the history from then on, and prefix caches go by it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

from dragoman.hub.problems import Problem

Source = Literal["text", "layout", "ocr", "vision"]
_TAGS: Final = re.compile(r"<(?=/?(?:image_description|page_text|pdf_content)\b)", re.IGNORECASE)
_LONGEST_NAME: Final = 200
_LONGEST_REASON: Final = 300


class PageText(Struct, frozen=True):
    """One page of a document as it was read. text: what it says; a note where it says nothing or, failed, is not read."""

    number: int
    text: str
    source: Source | None
    failed: bool = False


def description(text: str) -> str:
    return f"<image_description>\n{_quoted(text)}\n</image_description>"


def page_text(text: str) -> str:
    return f"<page_text>\n{_quoted(text)}\n</page_text>"


def unread_image(problem: Problem) -> str:
    return f"[an image stood here that could not be read: {_why(problem)}]"


def empty_image() -> str:
    return "[an image stood here; there is no text in it, and nobody here can describe it]"


def unread_document(name: str, problem: Problem) -> str:
    return f"[the document {_name(name)} stood here and could not be read: {_why(problem)}]"


def unread_page(why: str) -> str:
    return f"({why})" if why.startswith("this page") else f"(this page could not be read: {why})"


PAGE_EMPTY: Final = "(there is no text on this page)"
PAGE_SHOWN: Final = "(this page has no text of its own; it stands above as an image)"


def shown_page(name: str, page: PageText) -> str:
    return f"[page {page.number} of {_name(name)}:]"


def cut_page(number: int, characters: int) -> str:
    return f"page {number} is cut here: {characters} more characters of it are left out"


def too_long(pages: Sequence[PageText]) -> str:
    return f"{_are(page.number for page in pages)} left out: the document is too long"


def too_many_scans(numbers: Sequence[int], most: int) -> str:
    return f"{_are(numbers)} scanned and not read: of one document {most} such pages are"


def too_many_pages(first: int, last: int, most: int) -> str:
    return f"{_are(range(first, last + 1))} left out: of one document {most} pages are read"


def pdf_content(name: str, total: int, pages: Sequence[PageText], left_out: Iterable[str] = ()) -> str:
    """The document. left_out: what of it is missing, and why."""
    head = f'<pdf_content filename="{_name(name)}" source="{_source(pages)}" pages="{_pages(pages)} of {total}">'
    body = [f"--- page {page.number} ---\n{_quoted(page.text.strip())}" for page in pages]
    return "\n".join([head, *body, *(f"[{note}]" for note in left_out), "</pdf_content>"])


def _are(numbers: Iterable[int]) -> str:
    each = list(numbers)
    return f"page {each[0]} is" if len(each) == 1 else f"pages {ranges(each)} are"


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in words: 1-3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _pages(pages: Iterable[PageText]) -> str:
    return ranges(page.number for page in pages) or "none"


def _source(pages: Iterable[PageText]) -> str:
    sources = {page.source for page in pages if page.source is not None}
    return sources.pop() if len(sources) == 1 else "mixed" if sources else "none"


def _why(problem: Problem) -> str:
    """It may be what a backend says, at any length."""
    said = " ".join(problem.public.split())
    return _quoted(said if len(said) <= _LONGEST_REASON else f"{said[:_LONGEST_REASON]}...")


def _quoted(text: str) -> str:
    """What stands in a picture may not end the quotation it stands in."""
    return _TAGS.sub("&lt;", text)


def _name(name: str) -> str:
    clean = "".join(c if c.isprintable() and c not in '<>"' else "_" for c in name)
    return clean if len(clean) <= _LONGEST_NAME else f"{clean[:_LONGEST_NAME]}..."
