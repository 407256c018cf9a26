"""Data URLs and what the bytes really are."""

import base64

import pytest

from dragoman.hub.request import Inline, Link
from dragoman.protocols import media

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
WEBP = base64.b64encode(b"RIFF\x00\x00\x00\x00WEBPVP8 ").decode()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBP", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVE", "image/bmp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"plain", "image/bmp"),
        (b"", "image/bmp"),
    ],
)
def test_first_bytes_say_what_it_is(head: bytes, kind: str) -> None:
    assert media.sniffed("image/bmp", base64.b64encode(head + bytes(30)).decode()) == kind


@pytest.mark.parametrize("data", ["!!!", "a", "日本語"])
def test_what_is_no_base64_keeps_its_label(data: str) -> None:
    assert media.sniffed("image/png", data) == "image/png"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (f"data:image/jpeg;base64,{PNG}", Inline("image/png", PNG)),
        (f"DATA:image/webp;charset=x;base64,{WEBP}", Inline("image/webp", WEBP)),
        ("data:;base64,aGk=", Inline("text/plain", "aGk=")),
        ("data:text/plain,a%20b", Inline("text/plain", base64.b64encode(b"a b").decode())),
        ("data:,", Inline("text/plain", "")),
        ("https://a.example/b.png", Link("https://a.example/b.png")),
        ("file.png", Link("file.png")),
    ],
)
def test_sources(url: str, source: Inline | Link) -> None:
    assert media.source(url) == source


@pytest.mark.parametrize("source", [Inline("image/png", PNG), Link("https://a.example/b.png")])
def test_urls_are_the_inverse(source: Inline | Link) -> None:
    assert media.source(media.url(source)) == source


@pytest.mark.parametrize(
    ("data", "text"), [("aGk=", "hi"), ("w6k=", "é"), ("/9j/", None), ("no base64", None), ("日", None)]
)
def test_text_in_base64(data: str, text: str | None) -> None:
    assert media.text(Inline("text/plain", data)) == text
