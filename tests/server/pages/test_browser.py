"""What a browser is told, and what it may say."""

from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.server.pages.browser import Browser
from dragoman.server.pages.files import files
from dragoman.server.pages.pages import Page, Pages
from tests.gateway.stage import NOBODY, model, source
from tests.server.pages.visits import Came, visited


def came(answer: Any, headers: Mapping[str, str] | None = None, body: bytes = b"", method: str = "GET") -> Came:
    pages = Pages(source({"models": [model("m", NOBODY)]}), {"/p": Page(answer, lambda _: True, method)})
    return visited(pages, "/p", method, headers, body)


async def style(browser: Browser) -> None:
    browser.file("style.css")


async def echo(browser: Browser) -> None:
    browser.value(await browser.said())


def test_every_answer_forbids_what_is_not_ours() -> None:
    headers = came(style).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    first = came(style)
    assert (first.status, first.body) == (200, files()["style.css"].body)
    assert first.headers["cache-control"] == "no-cache"
    again = came(style, {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert came(style, {"if-none-match": '"older"'}).status == 200


def test_what_is_no_file_is_not_kept() -> None:
    assert came(echo, body=b"{}", method="POST").headers["cache-control"] == "no-store"


def test_a_download_has_its_name() -> None:
    async def table(browser: Browser) -> None:
        browser.download(b"a,b\r\n", "text/csv; charset=utf-8", "usage.csv")

    assert came(table).headers["content-disposition"] == 'attachment; filename="usage.csv"'


def test_a_way_elsewhere() -> None:
    async def away(browser: Browser) -> None:
        browser.see("/usage", [("set-cookie", "a=b")])

    heard = came(away)
    assert (heard.status, heard.headers["location"], heard.headers["set-cookie"]) == (303, "/usage", "a=b")


def test_what_a_script_of_ours_says() -> None:
    own = {"origin": "http://here:1", "sec-fetch-site": "same-origin", "content-type": "application/json"}
    assert came(echo, own, b'{"a":1}', "POST").json == {"a": 1}
    assert came(echo, {}, b'{"a":1}', "POST").json == {"a": 1}  # a program that is no browser
    assert came(echo, {"origin": "http://here:1"}, b'{"a":1}', "POST").json == {"a": 1}  # a browser without TLS
    behind = {"origin": "https://proxy.example", "sec-fetch-site": "same-origin"}  # that hands on another host's name
    assert came(echo, behind, b'{"a":1}', "POST").json == {"a": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://here:2"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://here:1"},
        {"sec-fetch-site": "same-site"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_pages_of_others_say_nothing_here(headers: Mapping[str, str]) -> None:
    assert came(echo, headers, b'{"a":1}', "POST").status == 403


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    assert came(echo, body=body, method="POST").status == 400


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {"": ""}),
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1; a=2", {"a": "1"}),
        ("a=1, b=x=y", {"a": "1", "b": "x=y"}),
        ("a", {"a": ""}),
    ],
)
def test_cookies(header: str, found: Mapping[str, str]) -> None:
    heard: list[Mapping[str, str]] = []

    async def look(browser: Browser) -> None:
        heard.append(browser.cookies)
        browser.value({})

    came(look, {"cookie": header})
    assert heard == [found]
