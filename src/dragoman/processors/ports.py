"""What a processor may ask of the outside. It is told nothing of HTTP, of routes, or of whoever is waiting."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from dragoman.hub.answer import Answer
from dragoman.hub.request import Request
from dragoman.store.results import Results
from dragoman.workers.jobs import Pdf, Picture

Purpose = Literal["vision", "ocr"]


class Loaded(Struct, frozen=True):
    """media_type: as whoever gave it says."""

    media_type: str
    data: bytes


class Workers(Protocol):
    """What is asked of `workers/pool.py`."""

    @property
    def ocr_engine(self) -> str | None: ...

    @property
    def ocr_dpi(self) -> int: ...

    async def read_pdf(self, data: bytes, pages: tuple[int, int] | None = None) -> Pdf: ...

    async def render_page(self, data: bytes, page: int, *, dpi: int = 150) -> Picture: ...

    async def read_text(self, picture: bytes) -> str: ...

    async def fit_picture(self, data: bytes, *, longest_side: int, max_bytes: int) -> Picture: ...


class Ports(Protocol):
    """Everything raises Problem for what goes wrong, in words that may be shown to the client's model."""

    @property
    def workers(self) -> Workers: ...

    @property
    def results(self) -> Results: ...

    def identity(self, model: str) -> str:
        """What tells this model from another that had its name before."""

    async def ask(self, model: str, request: Request, purpose: Purpose) -> Answer:
        """Ask a model of this house, whatever its backends speak, and the next backend if one fails."""

    async def fetch(self, url: str) -> Loaded:
        """What a URL from outside leads to, through the guard and within limits."""

    async def read_layout(self, data: bytes, kind: Literal["pdf", "image"]) -> list[str]:
        """The pages of a file as the PaddleOCR service reads them, as Markdown."""
