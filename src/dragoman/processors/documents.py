"""PDFs for backends that take none: their own text, and page by page what is read from those that are only scanned.

A page that nobody can read stays a picture where the backend sees.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.hub.pipeline import Needs
from dragoman.hub.problems import Problem
from dragoman.hub.request import Document, Image, Inline, Link, Part, Request
from dragoman.processors import notes, places
from dragoman.processors.content import Content, name_in
from dragoman.processors.notes import PageText
from dragoman.processors.places import Place
from dragoman.processors.reading import Reading
from dragoman.workers.jobs import Page

_PDF: Final = "application/pdf"
_NAME: Final = "document.pdf"


class _Read(Struct, frozen=True):
    """One page as it was read. shown: as a picture."""

    page: PageText
    shown: Inline | None = None


class Documents:
    def wants(self, request: Request, needs: Needs) -> bool:
        return needs.documents and places.has(request, _is_document)

    async def apply(self, request: Request, needs: Needs, reading: Reading) -> Request:
        found = list(places.find(request, _is_document))
        parts = await asyncio.gather(*(_in_words(place, needs, reading) for place in found))
        return places.with_(request, {id(place.part): new for place, new in zip(found, parts, strict=True)})


def _is_document(part: Part) -> bool:
    """A PDF, or what may be one. What only its vendor holds, and other kinds of files, are left to the codecs."""
    match part:
        case Document(source=Inline(media_type=media_type)):
            return media_type == _PDF
        case Document(source=Link()):
            return True
        case _:
            return False


async def _in_words(place: Place, needs: Needs, reading: Reading) -> tuple[Part, ...]:
    document = place.part
    assert isinstance(document, Document)
    source = document.source
    assert isinstance(source, Inline | Link)
    name = document.title or (name_in(source.url) if isinstance(source, Link) else "") or _NAME
    try:
        content = await Content.of(source, reading.ports)
        async with reading.slots:
            pdf = await reading.read_pdf(content)
    except Problem as problem:
        reading.unread.append((place.path, "a document"))
        return places.in_place_of(document, [notes.unread_document(name, problem)])
    read = await _pages(content, pdf.pages, needs, reading)
    if any(page.page.failed for page in read):
        reading.unread.append((place.path, "a page of a document"))
    text, left_out = _within(reading.pipeline.characters, [page.page for page in read])
    left_out += _unread(pdf.total, pdf.pages, reading)
    reading.tally.pages += len(text)
    shown = [
        part for page in read if page.shown is not None for part in (notes.shown_page(name, page.page), page.shown)
    ]
    words = [Image(part) if isinstance(part, Inline) else part for part in shown]
    return places.in_place_of(document, [*words, notes.pdf_content(name, pdf.total, text, left_out)])


async def _pages(content: Content, pages: Sequence[Page], needs: Needs, reading: Reading) -> list[_Read]:
    """Every page, those that are scanned as far as there may be of them."""
    scans = _scans(pages)[: reading.pipeline.scans]
    reading_them = [_scan(content, page, needs, reading) for page in pages if page.number in scans]
    read = dict(zip(scans, await asyncio.gather(*reading_them), strict=True))
    return [read.get(page.number) or _Read(_own(page)) for page in pages]


def _scans(pages: Sequence[Page]) -> list[int]:
    """Pages to be looked at. One without any text may show text that is drawn as lines, or be empty."""
    return [page.number for page in pages if page.scanned or not (page.text.strip() or page.problem)]


def _own(page: Page) -> PageText:
    if page.problem:
        return PageText(page.number, notes.unread_page(page.problem), None, failed=True)
    if not page.text.strip():
        return PageText(page.number, notes.PAGE_EMPTY, None)
    return PageText(page.number, page.text, "text")


async def _scan(content: Content, page: Page, needs: Needs, reading: Reading) -> _Read:
    """A page without text, or with too little of it to be all that is to be read there."""
    number = page.number
    async with reading.slots:
        try:
            said = await reading.read_page(content, number)
            if said.text.strip():
                return _Read(PageText(number, said.text, said.source))
            failed = ""
        except Problem as problem:
            failed = problem.public
        if not needs.images:
            try:
                return _Read(PageText(number, notes.PAGE_SHOWN, "vision"), await reading.show_page(content, number))
            except Problem as problem:
                failed = failed or problem.public
    if page.text.strip():
        return _Read(PageText(number, page.text, "text"))
    if failed:
        return _Read(PageText(number, notes.unread_page(failed), None, failed=True))
    return _Read(PageText(number, notes.PAGE_EMPTY, None))


def _within(characters: int, pages: Sequence[PageText]) -> tuple[list[PageText], list[str]]:
    """As many pages as there is room for, the last one cut if need be, and a note of what is missing."""
    kept: list[PageText] = []
    for place, page in enumerate(pages):
        if len(page.text) > characters:
            cut = page.text[:characters]
            kept.append(PageText(page.number, cut, page.source))
            missing = [notes.cut_page(page.number, len(page.text) - len(cut))]
            if rest := pages[place + 1 :]:
                missing.append(notes.too_long(rest))
            return kept, missing
        kept.append(page)
        characters -= len(page.text)
    return kept, []


def _unread(total: int, pages: Sequence[Page], reading: Reading) -> list[str]:
    """Notes of the pages that were not even looked at."""
    missing = []
    if scans := _scans(pages)[reading.pipeline.scans :]:
        missing.append(notes.too_many_scans(scans, reading.pipeline.scans))
    last = pages[-1].number if pages else 0
    if last < total:
        missing.append(notes.too_many_pages(last + 1, total, reading.pipeline.pages))
    return missing
