"""The outside of a processor, scripted: what models say, what URLs lead to, what is in a file."""

import asyncio
import base64
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Literal, TypeVar

from dragoman.hub.answer import Answer
from dragoman.hub.pipeline import Needs, Pipeline
from dragoman.hub.problems import Problem
from dragoman.hub.request import Document, Image, Inline, Link, Part, Request, Text, ToolResult, Turn
from dragoman.processors import PROCESSORS
from dragoman.processors.ports import Loaded, Purpose, Workers
from dragoman.processors.reading import Reading, Tally
from dragoman.store.database import Database
from dragoman.store.results import RESULTS, Results
from dragoman.workers.jobs import Page, Pdf, Picture

T = TypeVar("T")
PNG: Final = b"\x89PNG\r\n\x1a\n"
BLIND: Final = Needs(images=True, documents=True)
VISION: Final = Pipeline(vision="eyes", engine=False)


class ScriptedWorkers:
    """pdf: what every document is. text: what is written in every picture; None = there is no OCR."""

    def __init__(self) -> None:
        self.pdf: Pdf | Problem = Problem("unsupported", "PDFs cannot be read here")
        self.text: str | Problem | None = None
        self.fits: Callable[[bytes], bytes] | Problem = lambda data: data
        self.asked: list[str] = []
        self.under_way = self.most_under_way = 0  # documents
        self.crowd: Final = asyncio.Event()  # five at once
        self.gate: asyncio.Event | None = None

    @property
    def ocr_engine(self) -> str | None:
        return None if self.text is None else "scripted"

    @property
    def ocr_dpi(self) -> int:
        return 150

    async def read_pdf(self, data: bytes, pages: tuple[int, int] | None = None) -> Pdf:
        self.asked.append("pdf")
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        if self.under_way == 5:
            self.crowd.set()
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()
        self.under_way -= 1
        if isinstance(self.pdf, Problem):
            raise self.pdf
        first, last = pages or (1, self.pdf.total)
        return Pdf(self.pdf.total, self.pdf.title, self.pdf.pages[first - 1 : last])

    async def render_page(self, data: bytes, page: int, *, dpi: int = 150) -> Picture:
        self.asked.append(f"page {page}")
        return Picture("image/png", PNG + b"page %d" % page, 10, 10)

    async def read_text(self, picture: bytes) -> str:
        self.asked.append("text")
        if isinstance(self.text, Problem):
            raise self.text
        return self.text or ""

    async def fit_picture(self, data: bytes, *, longest_side: int, max_bytes: int) -> Picture:
        self.asked.append("fit")
        if isinstance(self.fits, Problem):
            raise self.fits
        return Picture("image/png", self.fits(data), 10, 10)


Says = Callable[[Request], str | Problem]


class ScriptedPorts:
    """Models say what `says` makes of what they are asked; `asked` has that."""

    def __init__(self, says: Says | str = "a cat") -> None:
        self._database: Final = Database(None, (RESULTS,))
        self.edition = "first"  # of all models
        self.seconds = 1_000_000.0
        self._results: Final = Results(self._database, now=lambda: self.seconds)
        self.scripted: Final = ScriptedWorkers()
        self.says: Says = says if callable(says) else lambda _: says
        self.asked: list[tuple[str, Purpose, Request]] = []
        self.urls: dict[str, Loaded] = {}
        self.fetched: list[str] = []
        self.layout: list[str] | Problem = Problem("backend_failed", "the layout service is ill")
        self.laid_out: list[str] = []
        self.began: Final = asyncio.Event()
        self.gate: asyncio.Event | None = None
        self.crowd: Final = asyncio.Event()  # five at once
        self.under_way = self.most_under_way = 0

    @property
    def workers(self) -> Workers:
        return self.scripted

    @property
    def results(self) -> Results:
        return self._results

    def identity(self, model: str) -> str:
        return f"{model} {self.edition}"

    async def ask(self, model: str, request: Request, purpose: Purpose) -> Answer:
        self.asked.append((model, purpose, request))
        self.began.set()
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        if self.under_way == 5:
            self.crowd.set()
        try:
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self.under_way -= 1
        said = self.says(request)
        if isinstance(said, Problem):
            raise said
        return Answer(parts=(Text(said),), reason="stop")

    async def fetch(self, url: str) -> Loaded:
        self.fetched.append(url)
        if url not in self.urls:
            raise Problem("backend_failed", "there is no such page")
        return self.urls[url]

    async def read_layout(self, data: bytes, kind: Literal["pdf", "image"]) -> list[str]:
        self.laid_out.append(kind)
        if isinstance(self.layout, Problem):
            raise self.layout
        return self.layout

    async def wait(self, seconds: float) -> None:
        """Let so much time pass for what is kept."""
        await asyncio.to_thread(self._database.flush)
        self.seconds += seconds

    async def close(self) -> None:
        await self._results.close()
        await asyncio.to_thread(self._database.close)


class Processed:
    """What came of a request. parts: of all turns, tool results opened. unread: what stayed so."""

    def __init__(self, request: Request, tally: Tally, unread: Sequence[tuple[str, str]]) -> None:
        self.request: Final = request
        self.tally: Final = tally
        self.unread: Final = [what for _, what in unread]

    @property
    def parts(self) -> list[Part]:
        return [
            inner
            for turn in self.request.turns
            for part in turn.parts
            for inner in (part.parts if isinstance(part, ToolResult) else (part,))
        ]

    @property
    def texts(self) -> list[str]:
        return [part.text for part in self.parts if isinstance(part, Text)]


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


async def processed(
    request: Request, ports: ScriptedPorts, pipeline: Pipeline = VISION, needs: Needs = BLIND
) -> Processed:
    """As the gateway does it, in the order in which processors stand."""
    tally = Tally()
    reading = Reading("req_test", pipeline, ports, tally)
    for processor in PROCESSORS:
        if processor.wants(request, needs):
            request = await processor.apply(request, needs, reading)
    return Processed(request, tally, reading.unread)


def once(
    request: Request, ports: ScriptedPorts | None = None, pipeline: Pipeline = VISION, needs: Needs = BLIND
) -> Processed:
    """The same, with everything put away afterwards."""

    async def main() -> Processed:
        used = ports or ScriptedPorts()
        try:
            return await processed(request, used, pipeline, needs)
        finally:
            await used.close()

    return run(main())


def image(content: str = "cat", **more: Any) -> Image:
    return Image(Inline("image/png", base64.b64encode(PNG + content.encode()).decode()), **more)


def pdf(content: str = "doc", title: str | None = "doc.pdf", **more: Any) -> Document:
    return Document(
        Inline("application/pdf", base64.b64encode(b"%PDF-1.7 " + content.encode()).decode()), title, **more
    )


def linked(url: str, title: str | None = None) -> Document:
    return Document(Link(url), title)


def user(*parts: Part | str) -> Turn:
    return Turn("user", tuple(Text(part) if isinstance(part, str) else part for part in parts), path="messages[0]")


def result(*parts: Part, call_id: str = "call_1") -> Turn:
    return Turn("user", (ToolResult(call_id, parts),), path="messages[2]")


def request(*turns: Turn) -> Request:
    return Request(dialect="openai-chat", model="m", turns=turns)


def pages(*texts: str, scanned: Sequence[int] = ()) -> Pdf:
    """A document of these pages. scanned: the numbers of those that are scans."""
    made = tuple(Page(number, text, scanned=number in scanned) for number, text in enumerate(texts, 1))
    return Pdf(len(made), "", made)
