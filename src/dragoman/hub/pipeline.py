"""What may be done for one model to what it cannot read itself: who describes images, who reads pages."""

from __future__ import annotations

from msgspec import Struct


class Pipeline(Struct, frozen=True, kw_only=True):
    """vision, ocr: names of models that clients could ask for as well; None = there is none for this model.

    layout: a PaddleOCR service may read pages. engine: so may the OCR engine of this machine, if it has one.
    documents: PDFs are read for a backend that does not take them.
    sees: whether the operator says that the model sees; None = not said.
    asked: other models have their images or pages read by this one, so it is taken to see.
    forced: what the backend could do itself is done here all the same.
    seconds: the longest that one image or page may take. pages, scans: of one document that are read at most, and how
    many of those without text of their own. characters: of one document's text.
    """

    vision: str | None = None
    ocr: str | None = None
    layout: bool = False
    engine: bool = True
    documents: bool = True
    sees: bool | None = None
    asked: bool = False
    forced: bool = False
    seconds: float = 120.0
    pages: int = 200
    scans: int = 20
    characters: int = 200_000

    @property
    def reads(self) -> bool:
        """Whether anything but a vision model may read text from a picture."""
        return self.ocr is not None or self.layout or self.engine


class Needs(Struct, frozen=True):
    """What one backend cannot read itself. images: to be put into words. documents: to be put into text."""

    images: bool = False
    documents: bool = False

    def both(self, other: Needs) -> Needs:
        """What neither of the two can read."""
        return Needs(images=self.images and other.images, documents=self.documents and other.documents)
