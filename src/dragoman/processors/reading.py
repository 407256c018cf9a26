"""Reading pictures and documents for one request: by whom, how many at once, and never the same twice.

Every result is kept by its content (store/results.py) and comes from there the next time, so the same history becomes
the same text from turn to turn. Work that has begun goes on when the client has gone: it will ask again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from dragoman.hub.answer import Answer
from dragoman.hub.pipeline import Pipeline
from dragoman.hub.problems import Problem
from dragoman.hub.request import Inline, Request
from dragoman.processors import asking
from dragoman.processors.content import Content, encoded, is_pdf
from dragoman.processors.notes import Source
from dragoman.processors.ports import Loaded, Ports, Purpose
from dragoman.protocols import media
from dragoman.store.results import Lasts, key_of
from dragoman.wire import jsons
from dragoman.workers.jobs import Page, Pdf

_log: Final = logging.getLogger("dragoman.processors")

AT_ONCE: Final = 5
NEW_IMAGES: Final = 10
_DAY: Final = 86_400.0
_LASTS: Final = 30 * _DAY
_LINK_LASTS: Final = _DAY
_FLAWED_LASTS: Final = 300.0  # seconds: a page may have taken too long only because much else was going on
_LONGEST_SIDE: Final = 2_048  # pixels
_LARGEST: Final = 2**20  # bytes of a picture as it is sent to a model
_LONGEST_LINE: Final = 500  # characters
# The kinds of picture that every vision model is shown as they are where they cannot be made smaller.
_SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})

Load = Callable[[], Awaitable[Loaded]]


class Said(NamedTuple):
    """What was read, and by what."""

    text: str
    source: Source


class Tally:
    """What one exchange came to: images described or read, pages of documents read, how much of it was known."""

    def __init__(self) -> None:
        self.images = 0
        self.pages = 0
        self.reused = 0


class Reading:
    """Make one per request. id: of the exchange, for the log."""

    def __init__(self, id: str, pipeline: Pipeline, ports: Ports, tally: Tally) -> None:  # noqa: A002 - as everywhere
        self.id: Final = id
        self.pipeline: Final = pipeline
        self.ports: Final = ports
        self.tally: Final = tally
        self.slots: Final = asyncio.Semaphore(AT_ONCE)
        self.unread: Final[list[tuple[str, str]]] = []  # where the client put it, and what it was
        self._new_images: Final[set[str]] = set()

    async def once(self, kind: str, key: str, work: Callable[[], Awaitable[str]], lasts: Lasts) -> str:
        """What the work comes to, or came to before."""
        done = False

        async def timed() -> str:
            nonlocal done
            done = True
            began = time.monotonic()
            _log.info("%s: %s", self.id, kind)
            text = await work()
            _log.info("%s: %s: %.1f s", self.id, kind, time.monotonic() - began)
            return text

        try:
            text = await self.ports.results.once(kind, key, timed, ttl=lasts)
        except Problem as problem:
            if done and problem.retry_after != 0:
                _log.warning("%s: %s failed: %s", self.id, kind, _line(problem))
            raise
        self.tally.reused += not done
        return text

    @property
    def room(self) -> int:
        """How many images may still be looked at that are not known yet."""
        return NEW_IMAGES - len(self._new_images)

    def _claim(self, content: Content) -> None:
        """This image is not known yet and has to be looked at. Raise Problem where there were enough of them."""
        if content.key not in self._new_images and not self.room:
            raise Problem(
                "rate_limited",
                f"a request may bring {NEW_IMAGES} new images to be described, and the newer ones came first",
                retry_after=0,
            )
        self._new_images.add(content.key)

    async def describe(self, content: Content, question: str) -> str:
        """Have the vision model say what is to be seen. Raise Problem if that fails."""
        model = self._vision()

        async def work() -> str:
            self._claim(content)
            shown = await self._fitted(await content.load())
            request = asking.to_describe(model, shown, question)
            return asking.description_of(await self._ask(model, request, "vision"), model)

        key = await key_of(content.key, self.ports.identity(model), asking.description_prompt(question))
        return await self.once("describing an image", key, work, _lasts(content))

    async def read_text(self, key: str, load: Load, lasts: float) -> Said:
        """The text in a picture, by the first that can read it. Raise Problem if none can; "" = there is none."""
        failure = Problem("unsupported", "nothing is set up here that reads text from images")
        for way in self._ways(load):
            try:
                text = await self.once(way.kind, await key_of(key, way.by), way.work, lasts)
            except Problem as problem:
                failure = problem
            else:
                return Said(text, way.source)
        raise failure

    async def read_image(self, content: Content) -> Said:
        """The text in an image that stands in the conversation."""

        async def load() -> Loaded:
            self._claim(content)
            return await content.load()

        return await self.read_text(content.key, load, _lasts(content))

    async def read_page(self, content: Content, page: int) -> Said:
        """A page of a document that has no text of its own: its text, else what a vision model sees there."""

        async def load() -> Loaded:
            picture = await self.ports.workers.render_page(
                (await content.load()).data, page, dpi=self.ports.workers.ocr_dpi
            )
            return Loaded(picture.media_type, picture.data)

        key, lasts = await key_of(content.key, f"page {page} at {self.ports.workers.ocr_dpi}"), _lasts(content)
        try:
            said = await self.read_text(key, load, lasts)
        except Problem:
            if self.pipeline.vision is None:
                raise
            said = Said("", "ocr")
        if said.text.strip() or self.pipeline.vision is None:
            return said
        return Said(await self._transcribed(key, load, lasts), "vision")

    async def _transcribed(self, key: str, load: Load, lasts: float) -> str:
        model = self._vision()

        async def work() -> str:
            shown = await self._fitted(await load())
            request = asking.to_transcribe(model, shown)
            return asking.description_of(await self._ask(model, request, "vision"), model)

        by = await key_of(key, self.ports.identity(model), asking.TRANSCRIBE)
        return await self.once("transcribing a page", by, work, lasts)

    async def show_page(self, content: Content, page: int) -> Inline:
        """A page as a picture, for a backend that sees."""

        async def work() -> str:
            picture = await self.ports.workers.render_page(
                (await content.load()).data, page, dpi=self.ports.workers.ocr_dpi
            )
            shown = await self._fitted(Loaded(picture.media_type, picture.data))
            return media.url(shown)

        key = await key_of(content.key, f"page {page} at {self.ports.workers.ocr_dpi}")
        shown = media.source(await self.once("drawing a page", key, work, _lasts(content)))
        assert isinstance(shown, Inline)
        return shown

    async def read_pdf(self, content: Content) -> Pdf:
        """The document's own text. Of a link that leads to plain text, one page of it. Raise Problem if it is neither."""
        key = await key_of(content.key, f"pages to {self.pipeline.pages}")

        def lasts(said: str) -> float:
            return _FLAWED_LASTS if any(page.problem for page in _read_pdf(said).pages) else _lasts(content)

        said = await self.once("reading a document", key, lambda: self._pdf(content), lasts)
        return _read_pdf(said)

    async def _pdf(self, content: Content) -> str:
        found = await content.load()
        if not is_pdf(found.data):
            return jsons.write_text(_plain(found))
        try:
            pdf = await self.ports.workers.read_pdf(found.data, (1, self.pipeline.pages))
        except Problem as problem:
            if problem.kind != "unsupported" or not self.pipeline.layout:
                raise
            pdf = await self._by_layout(found.data)
        return jsons.write_text(pdf)

    async def _by_layout(self, data: bytes) -> Pdf:
        texts = await self.ports.read_layout(data, "pdf")
        pages = tuple(Page(number, text, scanned=False) for number, text in enumerate(texts, 1))
        return Pdf(len(pages), "", pages)

    def _ways(self, load: Load) -> "Iterator[_Way]":
        pipeline, ports = self.pipeline, self.ports
        if (model := pipeline.ocr) is not None:

            async def by_model() -> str:
                shown = await self._fitted(await load())
                return asking.text_of(await self._ask(model, asking.to_read(model, shown), "ocr"))

            yield _Way("reading text with a model", f"ocr {ports.identity(model)} {asking.OCR}", "ocr", by_model)
        if pipeline.layout:

            async def by_layout() -> str:
                return "\n\n".join(await ports.read_layout((await load()).data, "image"))

            yield _Way("reading text with the layout service", "layout", "layout", by_layout)
        if pipeline.engine and (engine := ports.workers.ocr_engine) is not None:

            async def by_engine() -> str:
                return await ports.workers.read_text((await load()).data)

            yield _Way(f"reading text with {engine}", f"engine {engine}", "ocr", by_engine)

    def _vision(self) -> str:
        if self.pipeline.vision is None:
            raise Problem("unsupported", "no vision model is set up here; `processors.vision` names one")
        return self.pipeline.vision

    async def _ask(self, model: str, request: Request, purpose: Purpose) -> Answer:
        try:
            async with asyncio.timeout(self.pipeline.seconds):
                return await self.ports.ask(model, request, purpose)
        except TimeoutError:
            raise Problem("timeout", f"the model {model!r} took longer than {self.pipeline.seconds:g} s") from None
        except Problem as problem:
            raise _of_model(model, problem) from None

    async def _fitted(self, found: Loaded) -> Inline:
        """The picture in a size and form that models take."""
        try:
            picture = await self.ports.workers.fit_picture(found.data, longest_side=_LONGEST_SIDE, max_bytes=_LARGEST)
        except Problem as problem:
            if problem.kind != "unsupported" or found.media_type not in _SHOWN or len(found.data) > _LARGEST:
                raise
            return Inline(found.media_type, await encoded(found.data))
        return Inline(picture.media_type, await encoded(picture.data))


class _Way(NamedTuple):
    """One way to read text. by: what the result depends on besides the picture."""

    kind: str
    by: str
    source: Source
    work: Callable[[], Awaitable[str]]


def _of_model(model: str, problem: Problem) -> Problem:
    """The problem in words that say whose it is: they are read where a picture stood, by whoever talks to another model."""
    said = f"the model {model!r} failed: {problem.public}"
    return Problem(problem.kind, said, private=problem.private, retry_after=problem.retry_after)


def _lasts(content: Content) -> float:
    return _LINK_LASTS if content.is_link else _LASTS


def _read_pdf(said: str) -> Pdf:
    return msgspec.convert(jsons.read(said), Pdf)


def _plain(found: Loaded) -> Pdf:
    """What a link to a document led to, if it is text."""
    if found.media_type == "text/html" or b"\0" in found.data[:1024]:
        raise Problem("unsupported", f"it is no PDF but {found.media_type}")
    try:
        text = found.data.decode()
    except UnicodeDecodeError:
        raise Problem("unsupported", f"it is neither a PDF nor text, but {found.media_type}") from None
    return Pdf(1, "", (Page(1, text, scanned=False),))


def _line(problem: Problem) -> str:
    """For the log: it comes from outside, and may be anything."""
    said = f"{problem.public} ({problem.private})" if problem.private else problem.public
    return "".join(c if c.isprintable() else " " for c in said[:_LONGEST_LINE])
