"""What the rest of Dragoman asks of workers. One `Workers` for a process; nothing is started before there is work.

Every failure is a Problem whose public text is a clause that fits into a note in the place of the page: "it is
protected with a password", "it took too long to read".
"""

import asyncio
import functools
import shutil
from contextlib import aclosing
from importlib.util import find_spec
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.workers.crew import Crew
from dragoman.workers.jobs import (
    Drawn,
    FitPicture,
    Job,
    Opened,
    Page,
    PageRead,
    Pdf,
    Picture,
    ReadPdf,
    ReadText,
    RenderPage,
    TextRead,
)
from dragoman.workers.worker import Trade

_DOCUMENTS: Final = Trade("documents", memory=1_024, cpu=15, wall=45.0, workers=2)
_OCR: Final = Trade("ocr", memory=4_096, cpu=90, wall=240.0, jobs=50)
_MAX_BYTES: Final = 128 * 2**20  # of a document or a picture
_LAST: Final = 2**31 - 1  # no document has more pages
_MAX_PAGES: Final = 1_000
_MAX_CHARACTERS: Final = 8_000_000  # of the text of one document
_MAX_SECONDS: Final = 180.0  # for one document
_MAX_BAD_PAGES: Final = 3  # that a worker died of


class Workers:
    """documents, ocr: the two trades, where others than the usual are wanted."""

    def __init__(self, documents: Trade = _DOCUMENTS, ocr: Trade = _OCR) -> None:
        self._documents: Final = Crew(documents)
        self._ocr: Final = Crew(ocr)

    @functools.cached_property
    def ocr_engine(self) -> str | None:
        """ "rapidocr", "tesseract", or None where neither is installed."""
        if _is_installed("rapidocr", "onnxruntime", "PIL"):
            return "rapidocr"
        return "tesseract" if shutil.which("tesseract") else None

    @property
    def ocr_dpi(self) -> int:
        """How finely a page is to be rendered for that engine."""
        return 200 if self.ocr_engine == "tesseract" else 150

    async def read_pdf(self, data: bytes, pages: tuple[int, int] | None = None) -> Pdf:
        """Return the text of each page.

        pages: the first and the last, from 1; None = all. What cannot be read of a document that can be opened is a
        page with a `problem`. Raise Problem where nothing can be read.
        """
        _demand("pdf", "PDFs cannot be read here", "pypdfium2")
        _demand_size(data)
        first, last = pages or (1, _LAST)
        if not 1 <= first <= last:
            raise Problem("bad_request", f"pages {first} to {last} are no range")
        reading = _Reading(first, last)
        while not reading.is_over:
            try:
                await self._read_on(reading, data)
            except Problem as problem:
                reading.stumble(problem)
        return reading.pdf

    async def _read_on(self, reading: "_Reading", data: bytes) -> None:
        async with self._documents.hired() as worker, aclosing(worker.ask(reading.job, data)) as replies:
            async for reply, _ in replies:
                if isinstance(reply, Opened):
                    reading.open(reply)
                elif isinstance(reply, PageRead):
                    reading.take(reply.page)
                if reading.is_cut:
                    return  # the worker is at the next page already: it is killed

    async def render_page(self, data: bytes, page: int, *, dpi: int = 150) -> Picture:
        """Return the page as a PNG, less finely than asked where it would be too large. page: from 1."""
        _demand("pdf", "PDFs cannot be shown here", "pypdfium2", "PIL")
        return await self._picture(RenderPage(page, dpi), data)

    async def fit_picture(self, data: bytes, *, longest_side: int, max_bytes: int) -> Picture:
        """Return the picture upright and within these limits, as PNG, JPEG, GIF or WebP; as it is, if it fits.

        Of one that moves it is the first frame.
        """
        _demand("pdf", "pictures cannot be read here", "PIL")
        return await self._picture(FitPicture(longest_side, max_bytes), data)

    async def read_text(self, picture: bytes) -> str:
        """Return what is written in the picture, in the order of reading, lines and indents kept."""
        engine = self.ocr_engine
        if engine is None:
            raise Problem(
                "unsupported", "there is no OCR here: pip install 'dragoman[ocr]', or install tesseract, to have it"
            )
        _demand("ocr", "pictures cannot be read here", "PIL")
        _demand_size(picture)
        text = ""
        async with self._ocr.hired() as worker, aclosing(worker.ask(ReadText(engine), picture)) as replies:
            async for reply, _ in replies:
                if isinstance(reply, TextRead):
                    text = reply.text
        return text

    async def close(self) -> None:
        await self._documents.close()
        await self._ocr.close()

    async def _picture(self, job: Job, data: bytes) -> Picture:
        _demand_size(data)
        picture: Picture | None = None
        async with self._documents.hired() as worker, aclosing(worker.ask(job, data)) as replies:
            async for reply, more in replies:
                if isinstance(reply, Drawn):
                    picture = Picture(reply.media_type, more, reply.width, reply.height)
        assert picture is not None
        return picture


class _Reading:
    """A PDF as far as it is read. A page that a worker dies of is noted, and another one goes on behind it."""

    def __init__(self, first: int, last: int) -> None:
        self._next = first
        self._last = last
        self._opened: Opened | None = None
        self._pages: Final[list[Page]] = []
        self._characters = 0
        self._bad = 0
        self._ends: Final = asyncio.get_running_loop().time() + _MAX_SECONDS
        self.is_cut = False

    @property
    def is_over(self) -> bool:
        return self.is_cut or self._next > self._last

    @property
    def job(self) -> ReadPdf:
        return ReadPdf(self._next, self._last)

    @property
    def pdf(self) -> Pdf:
        assert self._opened is not None
        return Pdf(self._opened.total, self._opened.title, tuple(self._pages))

    def open(self, opened: Opened) -> None:
        if self._next > opened.total:
            raise Problem("bad_request", f"it has no page {self._next}, but {opened.total} in all")
        self._opened = opened
        self._last = min(self._last, opened.total)

    def take(self, page: Page) -> None:
        self._pages.append(page)
        self._characters += len(page.text)
        self._next = page.number + 1
        if self.is_over:
            return
        if len(self._pages) >= _MAX_PAGES:
            self._cut("they are too many")
        elif self._characters >= _MAX_CHARACTERS:
            self._cut("the text is too long")
        elif asyncio.get_running_loop().time() >= self._ends:
            self._cut("the pages before took too long")

    def stumble(self, problem: Problem) -> None:
        """Note why the next page cannot be read; raise the problem again where none can."""
        if self._opened is None or problem.kind in {"internal", "overloaded"}:
            raise problem
        self._bad += 1
        self.take(Page(self._next, problem=problem.public))
        if self._bad == _MAX_BAD_PAGES and not self.is_over:
            self._cut("too many pages before could not be read")

    def _cut(self, why: str) -> None:
        self._pages.append(Page(self._next, problem=f"this page and all after it were left out: {why}"))
        self.is_cut = True


def _demand(extra: str, what: str, *packages: str) -> None:
    if not _is_installed(*packages):
        raise Problem("unsupported", f"{what}: pip install 'dragoman[{extra}]' to have it")


def _demand_size(data: bytes) -> None:
    if len(data) > _MAX_BYTES:
        raise Problem("too_large", f"it is larger than {_MAX_BYTES >> 20} MiB")


@functools.cache
def _is_installed(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)
