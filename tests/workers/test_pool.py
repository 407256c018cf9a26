"""What comes out of documents and pictures, through real worker processes."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import pytest

from dragoman.hub.problems import Problem
from dragoman.wire import jsons
from dragoman.workers.pool import Workers

pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
Image = pytest.importorskip("PIL.Image", reason="needs the extra `pdf`")

T = TypeVar("T")
PDFS: Final = Path(__file__).parent / "pdfs"
TRUTH: Final[dict[str, str]] = jsons.read((PDFS / "truth.json").read_bytes())


def pdf(name: str) -> bytes:
    return (PDFS / f"{name}.pdf").read_bytes()


def run(ask: Callable[[Workers], Awaitable[T]]) -> T:
    async def main() -> T:
        workers = Workers()
        try:
            return await ask(workers)
        finally:
            await workers.close()

    return asyncio.run(main())


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_text_is_the_documents() -> None:
    async def ask(workers: Workers) -> dict[str, str]:
        found = {}
        for name in TRUTH:
            read = await workers.read_pdf(pdf(name))
            assert [page.number for page in read.pages] == list(range(1, read.total + 1))
            assert not any(page.problem or page.scanned for page in read.pages)
            found[name] = squeezed("".join(page.text for page in read.pages))
        return found

    assert run(ask) == {name: squeezed(text) for name, text in TRUTH.items()}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("enc_userpw", "password"),
        ("garbage", "damaged"),
        ("trunc60", "cut off"),
        ("html", "no PDF"),
        ("looptree", "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, why: str) -> None:
    with pytest.raises(Problem, match=why):
        run(lambda workers: workers.read_pdf(pdf(name)))


def test_a_range_of_pages() -> None:
    assert [page.number for page in run(lambda workers: workers.read_pdf(pdf("twocol"), (2, 9))).pages] == [2]
    with pytest.raises(Problem, match="no page 3, but 2"):
        run(lambda workers: workers.read_pdf(pdf("twocol"), (3, 3)))
    with pytest.raises(Problem, match="no range"):
        run(lambda workers: workers.read_pdf(pdf("twocol"), (2, 1)))


def test_a_page_is_shown_no_larger_than_can_be() -> None:
    plain = run(lambda workers: workers.render_page(pdf("twocol"), 2))
    assert (plain.media_type, plain.width, plain.height) == ("image/png", 1241, 1754)
    assert Image.open(io.BytesIO(plain.data)).size == (1241, 1754)
    huge = run(lambda workers: workers.render_page(pdf("hugepage"), 1, dpi=300))
    assert 1_000 < huge.width * huge.height <= 12_100_000
