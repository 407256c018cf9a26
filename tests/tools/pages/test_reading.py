"""What was fetched, as text: by its type, in its coding."""

import asyncio
from pathlib import Path

import pytest

from dragoman.hub.problems import Problem
from dragoman.net.fetch import Found
from dragoman.tools.pages.markdown import Page
from dragoman.tools.pages.reading import decoded, read_page
from dragoman.workers.pool import Workers

URL = "https://example.com/"
PDFS = Path(__file__).parents[2] / "workers" / "pdfs"


def read(media_type: str, body: bytes, charset: str = "") -> Page:
    async def main() -> Page:
        workers = Workers()
        try:
            return await read_page(Found(URL, media_type, charset, body), workers)
        finally:
            await workers.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("media_type", "body", "page"),
    [
        ("text/html", b"<title>T</title><p>x", Page("T", "x")),
        ("application/xhtml+xml", b"<p>x</p>", Page("", "x")),
        ("text/plain", b"<p>x", Page("", "<p>x")),
        ("text/markdown", b"# x", Page("", "# x")),
        ("application/json", b'{"a": 1}', Page("", '{"a": 1}')),
        ("application/ld+json", b"{}", Page("", "{}")),
        ("application/xml", b"<x/>", Page("", "<x/>")),
        ("application/octet-stream", b"plain", Page("", "plain")),
    ],
)
def test_texts(media_type: str, body: bytes, page: Page) -> None:
    assert read(media_type, body) == page


@pytest.mark.parametrize(
    ("media_type", "body"),
    [("image/png", b"\x89PNG"), ("application/zip", b"PK"), ("application/octet-stream", b"a\0b")],
)
def test_what_is_no_text(media_type: str, body: bytes) -> None:
    with pytest.raises(Problem, match=media_type) as caught:
        read(media_type, body)
    assert caught.value.code == "unsupported_content_type"


def test_large_pages_are_read_beside_the_loop_and_cut() -> None:
    page = read("text/html", b"<title>T</title>" + b"<p>word</p>" * 50_000)
    assert page.title == "T"
    assert 200_000 < len(page.text) <= 400_000
    assert len(read("text/plain", b"x" * 500_000).text) == 400_000


@pytest.mark.parametrize("media_type", ["application/pdf", "application/octet-stream"])
def test_pdfs_are_read_page_by_page(media_type: str) -> None:
    page = read(media_type, (PDFS / "enc_emptypw.pdf").read_bytes())
    assert page.text.startswith("[page 1 of ")


def test_a_pdf_that_cannot_be_read() -> None:
    with pytest.raises(Problem) as caught:
        read("application/pdf", (PDFS / "garbage.pdf").read_bytes())
    assert caught.value.code == "unsupported_content_type"


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("h\u00e9".encode(), "", "h\u00e9"),
        ("h\u00e9".encode("latin-1"), "", "h\u00e9"),
        ("h\u00e9".encode("latin-1"), "iso-8859-1", "h\u00e9"),
        (b"\x93x\x94", "latin1", "\u201cx\u201d"),
        ("\u4e2d\u6587".encode("gb18030"), "gb18030", "\u4e2d\u6587"),
        ("\u4e2d\u6587".encode(), "gb2312", "\u4e2d\u6587"),
        ("\ufeffx".encode(), "latin1", "x"),
        ("x".encode("utf-16"), "", "x"),
        ("h\u00e9".encode(), "no-such-coding", "h\u00e9"),
        ("h\u00e9".encode(), "rot13", "h\u00e9"),
        ("h\u00e9".encode(), "a\0b", "h\u00e9"),
        (b"x\xff", "shift_jis", "x\ufffd"),
    ],
)
def test_codings(body: bytes, charset: str, text: str) -> None:
    assert decoded(body, charset) == text


def test_a_page_may_name_its_coding_itself() -> None:
    html = "<meta charset='windows-1251'><p>\u0441\u043b\u043e\u0432\u043e".encode("cp1251")
    assert read("text/html", html).text == "\u0441\u043b\u043e\u0432\u043e"
    html = (
        b"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>"
        + "\u0441\u043b\u043e\u0432\u043e".encode("koi8-r")
    )
    assert read("text/html", html).text == "\u0441\u043b\u043e\u0432\u043e"
