"""HTML cut into texts and tags: nothing is lost of a plain page, and nothing takes longer than it is long."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.tools.pages.tags import End, Start, Token, tokens


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("a &amp; b", ["a & b"]),
        ("<p>x</p>", [Start("p", {}), "x", End("p")]),
        ("<A HREF='x&amp;y' b=\"1\" c=2 d>", [Start("a", {"href": "x&y", "b": "1", "c": "2", "d": ""})]),
        ("<a x=1 x=2>", [Start("a", {"x": "1"})]),
        ("<a x = 'b > c'>d", [Start("a", {"x": "b > c"}), "d"]),
        ("<br/>x", [Start("br", {}), "x"]),
        ("<a href=http://e/x/>y", [Start("a", {"href": "http://e/x/"}), "y"]),
        ("1 < 2 <3", ["1 ", "<", " 2 ", "<", "3"]),
        ("<!-- <p> -->x<!doctype html><?pi?>y", ["x", "y"]),
        ("x<!-- never closed <p>", ["x"]),
        ("<script>if (a < b) '<p>'</script>x", [Start("script", {}), "if (a < b) '<p>'", End("script"), "x"]),
        ("<title>a &lt; b</TITLE >x", [Start("title", {}), "a < b", End("title"), "x"]),
        ("<style>never closed", [Start("style", {}), "never closed"]),
        ("<a b='never closed>x", [Start("a", {"b": "'never", "closed": ""}), "x"]),
        ("</ x></>y", ["y"]),
        ("<a =x y>", [Start("a", {"=x": "", "y": ""})]),
        ("<a", [Start("a", {})]),
    ],
)
def test_pages(page: str, found: list[Token]) -> None:
    assert [token for token in tokens(page) if token] == found


@given(st.text(st.characters(blacklist_characters="<&"), max_size=100))
def test_text_without_tags_stays_as_it_is(text: str) -> None:
    assert "".join(token for token in tokens(text) if isinstance(token, str)) == text


pieces = st.sampled_from(
    [
        "<",
        ">",
        "/",
        "=",
        "'",
        '"',
        "<!--",
        "-->",
        "<a ",
        "<b>",
        "</b>",
        "<script>",
        "</script",
        "x",
        "&amp;",
        " ",
        "\u0130",
        "<title>",
    ]
)


@given(st.lists(pieces, max_size=40).map("".join))
def test_any_page_has_an_end(page: str) -> None:
    assert sum(1 for _ in tokens(page)) <= 2 * len(page) + 2


@pytest.mark.parametrize(
    "evil",
    [
        "<!--",
        "<a ",
        "<a b='",
        '<a b="',
        "</",
        "<",
        "<script",
        "<script>",
        "<title>",
        "<a x=y z='",
        "<![CDATA[",
        "<?",
        "<b =",
        "&",
    ],
)
def test_twice_the_page_takes_about_twice_the_time(evil: str) -> None:
    def seconds(size: int) -> float:
        page = evil * (size // len(evil))
        began = time.process_time()
        for _ in tokens(page):
            pass
        return time.process_time() - began

    assert min(seconds(160_000) for _ in range(2)) < 16 * (seconds(20_000) + 0.01)
