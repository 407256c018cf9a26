"""PDFs, inside a worker: the text of their pages, and pages as pictures, by PDFium."""

import math
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
_SCANNED: Final = 20  # a page with fewer characters may be one
_COVERED: Final = 0.5  # of it by pictures


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
        text = page.get_textpage().get_text_range().replace("\r\n", "\n").strip()
    except pypdfium2.PdfiumError:
        return Page(number, problem="it is damaged")
    return Page(number, text, scanned=len(text) < _SCANNED and _covered(page) >= _COVERED)


def _covered(page: pypdfium2.PdfPage) -> float:
    """The part of the page that pictures cover, as far as they do not overlap."""
    width, height = page.get_size()
    sizes = (image.get_bounds() for image in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]))
    area = sum((right - left) * (top - bottom) for left, bottom, right, top in sizes)
    return float(area / (width * height or 1.0))


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
