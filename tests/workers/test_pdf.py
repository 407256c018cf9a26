"""What a page is taken for: text, a scan, neither. Inside the process of the tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from dragoman.hub.problems import Problem
from dragoman.workers.jobs import Drawn, Opened, Page, PageRead

pypdfium2 = pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
Image = pytest.importorskip("PIL.Image", reason="needs the extra `pdf`")
from dragoman.workers import pdf  # noqa: E402
from tests.workers import drawn, made  # noqa: E402

LINES: Final = ["A ledger of the harbour office,", "kept by its clerk since 1871."]
SCAN: Final = drawn.pdf([Image.effect_noise((600, 800), 60)], dpi=72)


def pages(data: bytes, first: int = 1, last: int = 1_000) -> list[Page]:
    return [reply.page for reply, _ in pdf.read(data, first, last) if isinstance(reply, PageRead)]


def test_a_page_has_its_lines() -> None:
    assert pages(made.document([made.said(*LINES)])) == [Page(1, "\n".join(LINES))]


def test_a_hyphen_at_the_end_of_a_line_stays_there() -> None:
    [page] = pages(made.document([made.said("of the har-", "bour office")]))
    assert page.text == "of the har-\nbour office"


def test_a_title_and_a_number_of_pages() -> None:
    replies = [reply for reply, _ in pdf.read(made.document([b"", b""]), 2, 5)]
    assert replies == [Opened(2, ""), PageRead(Page(2))]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_mixed_document_is_told_apart_page_by_page(degrees: int) -> None:
    text, empty = made.document([made.said(*LINES)]), made.document([b""])
    found = pages(made.joined(text, SCAN, empty, text, SCAN, rotations=[degrees] * 5))
    assert [page.scanned for page in found] == [False, True, False, False, True]
    assert [bool(page.text) for page in found] == [True, False, False, True, False]


DOT: Final = made.stream(
    b"\0" * 3, b"/Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceRGB"
)


@pytest.mark.parametrize(
    ("width", "height", "lines", "is_scan"),
    [
        (612, 792, [], True),
        (612, 792, ["7"], True),
        (612, 792, ["Scanned by the harbour office, 14 March 1871"], True),  # a stamp
        (612, 792, LINES * 3, False),  # text before a background
        (400, 500, LINES, False),  # a figure and its caption
        (500, 700, ["Fig. 3"], True),
        (200, 200, [], False),  # an ornament on an empty page
        (200, 200, LINES, False),
    ],
)
def test_pictures_and_little_text_are_a_scan(width: int, height: int, lines: Sequence[str], is_scan: bool) -> None:
    shown = b"q %d 0 0 %d 0 0 cm /X0 Do Q " % (width, height) + made.said(*lines)
    [page] = pages(made.document([shown], forms=[DOT]))
    assert page.scanned is is_scan


def test_strips_of_a_scan_count_together() -> None:
    strips = b" ".join(b"q 612 0 0 99 0 %d cm /X0 Do Q" % (99 * n) for n in range(8))
    [page] = pages(made.document([strips], forms=[DOT]))
    assert page.scanned


def test_letters_that_were_drawn_are_to_be_read_by_eye() -> None:
    shapes = b" ".join(b"%d %d m %d %d l 1 1 l f" % (n, n, n + 9, n) for n in range(150))
    assert pages(made.document([shapes]))[0].scanned
    assert not pages(made.document([b"0 0 m 612 792 l S"]))[0].scanned


def test_fonts_without_meaning_are_to_be_read_by_eye() -> None:
    assert pdf._is_rubbish("\ue001\ue002\ue003 \ue004\r\n\ue005 a")
    assert pdf._is_rubbish("\x01\x02\x03\x04 the")
    assert not pdf._is_rubbish("a\r\nb\r\nc\r\nd")
    assert not pdf._is_rubbish("exam\ufffeple")
    assert not pdf._is_rubbish("")
    assert pdf._clean(" a\x00b\r\nc\rd\te\x1b ") == "ab\nc\nd\te"


def test_a_page_that_is_damaged_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise pypdfium2.PdfiumError("broken")

    monkeypatch.setattr(pdf, "_is_scanned", fail)
    assert pages(made.document([made.said("x")])) == [Page(1, problem="it is damaged")]


@pytest.mark.parametrize(
    ("box", "dpi", "size"),
    [
        (b"0 0 612 792", 150, (1275, 1651)),
        (b"0 0 612 792", 300, (2550, 3301)),
        (b"0 0 612 792", 1_200, (3046, 3941)),
        (b"0 0 14400000 14400000", 150, (3465, 3465)),
        (b"0 0 14400000 9", 150, (10_000, 1)),
    ],
)
def test_a_page_is_drawn_within_the_limits(box: bytes, dpi: int, size: tuple[int, int]) -> None:
    [(reply, data)] = pdf.render(made.document([made.said("x")], box), 1, dpi)
    assert reply == Drawn("image/png", *size)
    assert data.startswith(b"\x89PNG")


def test_a_page_that_is_not_there_cannot_be_drawn() -> None:
    with pytest.raises(Problem, match="no page 2, but 1 in all"):
        list(pdf.render(made.document([b""]), 2, 150))


def test_why_a_file_cannot_be_opened() -> None:
    folder = Path(__file__).parent / "pdfs"
    with pytest.raises(Problem, match="password"):
        pages((folder / "enc_userpw.pdf").read_bytes())
    with pytest.raises(Problem, match="no PDF"):
        pages(b"<html>")
    with pytest.raises(Problem, match="damaged"):
        pages(made.document([b""])[:300])
