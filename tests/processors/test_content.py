"""The bytes of pictures and documents."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.hub.request import Inline, Link
from dragoman.processors.content import Content, decoded, encoded, is_pdf, name_in
from dragoman.processors.ports import Loaded
from tests.processors.scripted import ScriptedPorts, run

LARGE = bytes(range(256)) * 4_000  # more than one slice


@given(st.binary(max_size=200))
def test_base64_there_and_back(data: bytes) -> None:
    assert run(encoded(data)) == base64.b64encode(data).decode()
    assert run(decoded(base64.encodebytes(data).decode())) == data  # with line breaks


def test_large_ones_are_the_same_in_slices() -> None:
    said = base64.b64encode(LARGE).decode()
    assert run(encoded(LARGE)) == said
    assert run(decoded(said)) == LARGE
    assert run(decoded(base64.encodebytes(LARGE).decode())) == LARGE


@pytest.mark.parametrize("said", ["a", "a" * 300_001], ids=["small", "large"])
def test_what_is_no_base64_is_a_problem(said: str) -> None:
    with pytest.raises(Problem, match="not base64"):
        run(decoded(said))


def test_it_is_loaded_once() -> None:
    async def main() -> None:
        ports = ScriptedPorts()
        ports.urls["https://x.example/a"] = Loaded("image/png", b"png")
        linked, inline = Link("https://x.example/a"), Inline("image/png", "aGk=")
        content = await Content.of(linked, ports)
        assert content.is_link
        assert await content.load() == await content.load() == Loaded("image/png", b"png")
        assert ports.fetched == ["https://x.example/a"]
        other = await Content.of(inline, ports)
        assert await other.load() == Loaded("image/png", b"hi")
        assert other.key == (await Content.of(Inline("image/gif", "aGk="), ports)).key
        assert other.key != content.key
        await ports.close()

    run(main())


@pytest.mark.parametrize(
    ("data", "pdf"), [(b"%PDF-1.7", True), (b"\n\n%PDF-1.4", True), (b"<html>", False), (b" " * 2000 + b"%PDF-", False)]
)
def test_a_pdf_is_known_by_its_head(data: bytes, *, pdf: bool) -> None:
    assert is_pdf(data) == pdf


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://x/a%20b.pdf?q#f", "a b.pdf"),
        ("https://x/", ""),
        ("https://x", ""),
        ("https://[x/a", ""),
    ],
)
def test_the_name_in_a_url(url: str, name: str) -> None:
    assert name_in(url) == name
