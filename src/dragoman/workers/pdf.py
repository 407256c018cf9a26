"""PDFs, inside a worker: the text of their pages, and pages as pictures, by PDFium."""

import itertools
import math
import unicodedata
from collections.abc import Iterator
from typing import Final

import pypdfium2
from pypdfium2 import raw

from dragoman.hub.problems import Problem
from dragoman.workers.jobs import Drawn, Opened, Page, PageRead, Reply

_POINTS: Final = 72  # an inch
_MAX_PIXELS: Final = 12_000_000
_MAX_SIDE: Final = 10_000
_MAX_TITLE: Final = 300
# A page is taken for a scan if it has fewer characters than are a text and pictures cover half of it, or fewer than are
# more than a stamp and pictures cover all of it.
_FEW: Final = 20
_HALF: Final = 0.5
_STAMP: Final = 100
_FULL: Final = 0.9
_DRAWING: Final = 100  # shapes that may be letters, on a page without text
_MOST_THINGS: Final = 5_000  # that are looked at on one page
_UNKNOWN: Final = 0.3  # of the characters
_NO_CHARACTER: Final = frozenset({"Cc", "Cn", "Co", "Cs"})
_HYPHEN: Final = "\ufffe"  # what PDFium puts for one at the end of a line, and the next line right behind it
_UNSEEN: Final = {code: None for code in range(32) if chr(code) not in "\n\t"}


def read(data: bytes, first: int, last: int) -> Iterator[tuple[Reply, bytes]]:
    with _opened(data) as pdf:
        total = len(pdf)
        title = pdf.get_metadata_value("Title") or ""
        yield Opened(total, " ".join(title.split())[:_MAX_TITLE]), b""
        for number in range(first, min(last, total) + 1):
            yield PageRead(_page(pdf, number)), b""


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise _refusal(data, error) from None


def _refusal(data: bytes, error: pypdfium2.PdfiumError) -> Problem:
    if error.err_code == raw.FPDF_ERR_PASSWORD:
        return Problem("bad_request", "it is protected with a password")
    if error.err_code == raw.FPDF_ERR_SECURITY:
        return Problem("bad_request", "it is encrypted in a way that is not known here")
    if b"%PDF-" not in data[:1024]:
        return Problem("bad_request", "it is no PDF")
    return Problem("bad_request", "it is damaged, or was cut off", private=str(error))


def _page(pdf: pypdfium2.PdfDocument, number: int) -> Page:
    try:
        page = pdf[number - 1]
        found = page.get_textpage().get_text_range(errors="replace")
        if _is_rubbish(found):
            return Page(number, scanned=True)
        text = _clean(found)
        return Page(number, text, scanned=_is_scanned(page, text))
    except pypdfium2.PdfiumError:
        return Page(number, problem="it is damaged")


def _is_rubbish(text: str) -> bool:
    """Whether the fonts do not tell what their characters mean, so that only the eye can."""
    shown = [character for character in text if not character.isspace() and character != _HYPHEN]
    unknown = sum(unicodedata.category(character) in _NO_CHARACTER or character == "\ufffd" for character in shown)
    return unknown > _UNKNOWN * len(shown)


def _clean(text: str) -> str:
    lines = text.replace(_HYPHEN, "-\n").replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN)
    return lines.strip()


def _is_scanned(page: pypdfium2.PdfPage, text: str) -> bool:
    """A scan has no text of its own, at most what was stamped on it. Text may also have been drawn, letter by letter."""
    length = len("".join(text.split()))
    if length >= _STAMP:
        return False
    covered, drawn = _seen(page)
    return covered >= _FULL or (length < _FEW and (covered >= _HALF or drawn >= _DRAWING))


def _seen(page: pypdfium2.PdfPage) -> tuple[float, int]:
    """The part of the page that pictures cover, as far as they do not overlap; and how many shapes are drawn on it."""
    width, height = page.get_size()
    if page.get_rotation() in {90, 270}:
        width, height = height, width
    area, shapes = 0.0, 0
    for thing in itertools.islice(
        page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_PATH]), _MOST_THINGS
    ):
        if thing.type == raw.FPDF_PAGEOBJ_PATH:
            shapes += 1
            continue
        left, bottom, right, top = thing.get_bounds()
        area += max(0.0, min(right, width) - max(left, 0.0)) * max(0.0, min(top, height) - max(bottom, 0.0))
    return area / (width * height or 1.0), shapes


def render(data: bytes, page: int, dpi: int) -> Iterator[tuple[Reply, bytes]]:
    from dragoman.workers import pictures  # noqa: PLC0415

    with _opened(data) as pdf:
        if not 1 <= page <= len(pdf):
            raise Problem("bad_request", f"it has no page {page}, but {len(pdf)} in all")
        shown = pdf[page - 1]
        width, height = shown.get_size()
        picture = shown.render(scale=_scale(width, height, dpi), rev_byteorder=True).to_pil()
    yield Drawn("image/png", *picture.size), pictures.png(picture)


def _scale(width: float, height: float, dpi: int) -> float:
    """Pixels for a point, before any is drawn: so many that the picture keeps to the limits."""
    wanted = dpi / _POINTS
    most = math.sqrt(_MAX_PIXELS / (width * height or 1.0))
    return min(wanted, most, _MAX_SIDE / (max(width, height) or 1.0))
