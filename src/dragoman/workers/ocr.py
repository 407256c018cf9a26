"""What is written in a picture, inside a worker, by the engine that is installed."""

from collections.abc import Iterator
from typing import Final

from dragoman.workers import pictures
from dragoman.workers.jobs import Reply, TextRead

_LONGEST: Final = 6_000  # pixels; more is no help


def read(data: bytes, engine: str) -> Iterator[tuple[Reply, bytes]]:
    picture = pictures.on_white(pictures.upright(pictures.opened(data), _LONGEST)).convert("RGB")
    if engine == "rapidocr":
        from dragoman.workers import rapid  # noqa: PLC0415

        text = rapid.read(picture)
    else:
        from dragoman.workers import tesseract  # noqa: PLC0415

        text = tesseract.read(picture)
    yield TextRead(text), b""
