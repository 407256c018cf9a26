"""Rendered and scanned pages are read with at most one character in a hundred wrong, by each engine that is here.

One worker reads them all, as it would: its start costs more than a page.
"""

import asyncio
import shutil
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import pytest

from dragoman.hub.problems import Problem
from dragoman.workers.pool import Workers

Image = pytest.importorskip("PIL.Image", reason="needs the extra `ocr`")
pytest.importorskip("rapidocr", reason="needs the extra `ocr`")
from tests.workers import drawn  # noqa: E402

MOST_WRONG: Final = 0.01
BEGINNING: Final = drawn.ENGLISH.split("\n\n", maxsplit=1)[0]


class Sheet(NamedTuple):
    picture: drawn.Picture
    text: str


def printed(dpi: int, text: str = BEGINNING) -> Sheet:
    return upper_half(Sheet(*drawn.page(text, dpi)))


def chinese(dpi: int) -> Sheet:
    return upper_half(Sheet(*drawn.page(drawn.CHINESE.replace("\n", "\n\n"), dpi, drawn.CJK)))


def upper_half(sheet: Sheet) -> Sheet:
    """There is nothing on the lower, which takes as long to be looked at."""
    width, height = sheet.picture.size
    return sheet._replace(picture=sheet.picture.crop((0, 0, width, height // 2)))


def scan(sheet: Sheet, degrees: float = 0.7) -> Sheet:
    return sheet._replace(picture=drawn.scanned(sheet.picture, degrees))


def turned(sheet: Sheet, degrees: int) -> Sheet:
    return sheet._replace(picture=sheet.picture.rotate(degrees, expand=True))


SHEETS: Final[Mapping[str, Callable[[], Sheet]]] = {
    "English, 150 dpi": lambda: Sheet(*drawn.page(drawn.ENGLISH, 150)),
    "English, 300 dpi": lambda: printed(300),
    "English, scanned, 150 dpi": lambda: scan(printed(150)),
    "English, scanned askew, 200 dpi": lambda: scan(printed(200), -2.5),
    "English, upside down": lambda: turned(printed(150), 180),
    "English, on its side": lambda: turned(printed(150), 90),
    "Chinese, 150 dpi": lambda: chinese(150),
    "Chinese, scanned, 200 dpi": lambda: scan(chinese(200)),
    "code, dark, 14 pixels": lambda: Sheet(drawn.screenshot(), drawn.CODE),
    "code, light, 20 pixels": lambda: Sheet(drawn.screenshot(points=20, dark=False), drawn.CODE),
    "code, a tall window": lambda: Sheet(
        drawn.screenshot(f"{drawn.CODE}\n\n\n{drawn.CODE}", 14), f"{drawn.CODE}\n\n\n{drawn.CODE}"
    ),
}
WITHOUT_TEXT: Final[Mapping[str, drawn.Picture]] = {
    "blank": Image.new("RGB", (800, 600), "white"),
    "tiny": Image.new("L", (1, 1)),
    "flat": Image.new("RGB", (3_000, 2)),
    "high": Image.new("RGB", (2, 3_000)),
    "noise": Image.effect_noise((640, 480), 80),
}
EXACT: Final = ("English, 150 dpi", "code, dark, 14 pixels")  # to the last space and blank line
HAS_FONTS: Final = drawn.SERIF.exists() and drawn.CJK.exists()
needs_fonts: Final = pytest.mark.skipif(
    not HAS_FONTS, reason="needs the Debian packages fonts-dejavu-core, fonts-noto-cjk"
)
needs_tesseract: Final = pytest.mark.skipif(
    not shutil.which("tesseract"), reason="needs the Debian package tesseract-ocr"
)


def read(engine: str, pictures: Mapping[str, drawn.Picture]) -> dict[str, str]:
    async def main() -> dict[str, str]:
        workers = Workers()
        workers.ocr_engine = engine
        try:
            return {name: await workers.read_text(drawn.written(picture)) for name, picture in pictures.items()}
        finally:
            await workers.close()

    return asyncio.run(main())


@pytest.fixture(scope="module")
def readings() -> dict[str, str]:
    sheets = {name: sheet().picture for name, sheet in SHEETS.items()} if HAS_FONTS else {}
    return read("rapidocr", {**sheets, **WITHOUT_TEXT})


@needs_fonts
@pytest.mark.parametrize("name", SHEETS)
def test_what_is_written_is_read(name: str, readings: dict[str, str]) -> None:
    assert drawn.error(readings[name], SHEETS[name]().text) <= MOST_WRONG


@needs_fonts
@pytest.mark.parametrize("name", EXACT)
def test_lines_and_indents_are_kept(name: str, readings: dict[str, str]) -> None:
    assert readings[name] == SHEETS[name]().text


@needs_fonts
@needs_tesseract
def test_tesseract_does_where_the_other_is_not_installed() -> None:
    sheets = {"print": printed(200), "code": Sheet(drawn.screenshot(), drawn.CODE)}
    found = read("tesseract", {name: sheet.picture for name, sheet in sheets.items()})
    assert drawn.error(found["print"], sheets["print"].text) <= MOST_WRONG
    assert drawn.error(found["code"], sheets["code"].text) <= 2 * MOST_WRONG
    indents = [len(line) - len(line.lstrip()) for line in found["code"].split("\n") if line]
    assert indents == [len(line) - len(line.lstrip()) for line in drawn.CODE.split("\n") if line]


@pytest.mark.parametrize("name", WITHOUT_TEXT)
def test_a_picture_without_text_has_none(name: str, readings: dict[str, str]) -> None:
    assert readings[name] == ""


def test_what_is_no_picture_is_said() -> None:
    async def main() -> None:
        workers = Workers()
        try:
            with pytest.raises(Problem, match="no picture"):
                await workers.read_text(b"%PDF-1.7 is none")
        finally:
            await workers.close()

    asyncio.run(main())


def test_without_an_engine_the_remedy_is_said() -> None:
    async def main() -> None:
        workers = Workers()
        workers.ocr_engine = None
        with pytest.raises(Problem, match=r"pip install 'dragoman\[ocr\]'"):
            await workers.read_text(b"")

    asyncio.run(main())
