"""What is read out of what, and how fast: `python -m tests.workers.table` prints the table of docs/documents.md."""

import asyncio
import importlib.metadata
import os
import resource
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.hub.problems import Problem
from dragoman.wire import jsons
from dragoman.workers.jobs import Pdf
from dragoman.workers.pool import Workers
from tests.workers import drawn, made

_PDFS: Final = Path(__file__).parent / "pdfs"
_TRUTH: Final[dict[str, str]] = jsons.read((_PDFS / "truth.json").read_bytes())


class Row(NamedTuple):
    """wrong: characters of a hundred, None where there is no right answer. seconds: as a clock sees them."""

    what: str
    how: str
    came_out: str
    wrong: float | None
    seconds: float


async def _rows(workers: Workers) -> list[Row]:
    rows = [await row for row in [*_documents(workers), *_hostile(workers)]]
    for engine in ("rapidocr", "tesseract"):
        workers.ocr_engine = engine
        for what, picture, text in _sheets():
            if engine == "rapidocr" or not what.startswith("Chinese"):  # for which it wants a package
                rows.append(await _recognised(workers, what, picture, text))
    return rows


def _documents(workers: Workers) -> Iterator[Awaitable[Row]]:
    what = {
        "twocol": "two columns, 2 pages",
        "table": "a table",
        "cjk_cid": "Chinese",
        "arabic": "Arabic",
        "enc_emptypw": "encrypted, no password needed",
        "noxref": "cross-reference table cut off",
    }
    for name, described in what.items():
        yield _read(workers, described, (_PDFS / f"{name}.pdf").read_bytes(), _TRUTH[name])
    lines = [f"Line {n} of a page that has forty of them, more or less." for n in range(40)]
    long = made.document([made.said(*lines)] * 300)
    yield _read(workers, "300 pages", long, "".join(lines) * 300)


def _hostile(workers: Workers) -> Iterator[Awaitable[Row]]:
    scan = drawn.pdf([drawn.scanned(drawn.page(drawn.ENGLISH, 150)[0])])
    yield _read(workers, "a page of text and a scanned one", made.joined(made.document([made.said("Text.")]), scan))
    for name, described in {
        "enc_userpw": "encrypted with a password",
        "trunc60": "cut off at 60 %",
        "garbage": "50 KB of noise",
        "html": "HTML that is called .pdf",
        "looptree": "pages that contain themselves",
        "formbomb": "a form bomb of 5 KB",
    }.items():
        yield _read(workers, described, (_PDFS / f"{name}.pdf").read_bytes())
    page = made.said("a page like others")
    yield _read(workers, "3 pages, the second 1 GiB when inflated", made.document([page, made.bomb(2**30), page]))
    yield _drawn(workers, "a page of 5 km by 5 km", (_PDFS / "hugepage.pdf").read_bytes())


def _sheets() -> Iterator[tuple[str, drawn.Picture, str]]:
    for dpi in (150, 200, 300):
        picture, text = drawn.page(drawn.ENGLISH, dpi)
        yield f"English, print, {dpi} dpi", picture, text
        yield f"English, scan, {dpi} dpi", drawn.scanned(picture), text
        picture, text = drawn.page(drawn.CHINESE.replace("\n", "\n\n"), dpi, drawn.CJK)
        yield f"Chinese, print, {dpi} dpi", picture, text
        yield f"Chinese, scan, {dpi} dpi", drawn.scanned(picture), text
    for points in (13, 14, 16, 20):
        yield f"code, dark, type of {points} pixels", drawn.screenshot(points=points), drawn.CODE
    yield "code, light, type of 14 pixels", drawn.screenshot(dark=False), drawn.CODE


async def _read(workers: Workers, what: str, data: bytes, text: str | None = None) -> Row:
    began = time.monotonic()
    try:
        pdf = await workers.read_pdf(data)
    except Problem as problem:
        return Row(what, "PDFium", f"“{problem.public}”", None, time.monotonic() - began)
    seconds = time.monotonic() - began
    found = "".join("".join(page.text.split()) for page in pdf.pages)
    right = None if text is None else float(found != "".join(text.split()))  # all or nothing: long texts take minutes
    return Row(what, "PDFium", _told(pdf, len(found)), right, seconds)


def _told(pdf: Pdf, characters: int) -> str:
    told = [f"{characters:,} characters"] if characters else []
    told += [f"page {page.number}: to be recognised" for page in pdf.pages if page.scanned]
    told += [f"page {page.number}: “{page.problem}”" for page in pdf.pages if page.problem]
    return "; ".join(told)


async def _drawn(workers: Workers, what: str, data: bytes) -> Row:
    began = time.monotonic()
    picture = await workers.render_page(data, 1)
    return Row(what, "PDFium", f"drawn, {picture.width} x {picture.height}", None, time.monotonic() - began)


async def _recognised(workers: Workers, what: str, picture: drawn.Picture, text: str) -> Row:
    given = drawn.written(picture)
    began = time.monotonic()
    found = await workers.read_text(given)
    seconds = time.monotonic() - began
    same = "exact, with its lines and indents" if found == text else f"{len(found):,} characters"
    return Row(what, workers.ocr_engine or "", same, drawn.error(found, text), seconds)


def _line(row: Row) -> str:
    wrong = "" if row.wrong is None else f"{100 * row.wrong:.1f} %"
    return f"| {row.what} | {row.how} | {row.came_out} | {wrong} | {row.seconds:.1f} |"


async def main() -> None:
    workers = Workers()
    rows = await _rows(workers)
    await workers.close()
    packages = ("pypdfium2", "rapidocr", "onnxruntime")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print("| What | Read by | What came out | Wrong | Seconds |\n|---|---|---|---|---|")
    print("\n".join(map(_line, rows)))
    took = f"The largest worker took {used:.0f} MiB (the one that was given a bomb)."
    print(f"\n{os.cpu_count()} cores, busy with other work, {versions}. {took}")


if __name__ == "__main__":
    asyncio.run(main())
