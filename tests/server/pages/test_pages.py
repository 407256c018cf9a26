"""Which page is where, and what becomes of what goes wrong there."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.pages import Page, Pages
from tests.gateway.stage import NOBODY, house, model, run, source
from tests.server.pages.visits import visited

MODELS = [model("m", NOBODY)]


async def hello(browser: Browser) -> None:
    browser.value({"path": browser.call.path})


async def refuses(_: Browser) -> None:
    raise Problem("bad_request", "not like this")


async def breaks(_: Browser) -> None:
    raise KeyError("secret")


def pages(answer: Any = hello, **config: Any) -> Pages:
    page = Page(answer, lambda settings: settings.serve_config_generator)
    return Pages(source({"models": MODELS, "serve_config_generator": True, **config}), {"/p": page})


def test_a_page_answers_at_its_path_only() -> None:
    assert visited(pages(), "/p").json == {"path": "/p"}
    assert pages().at("/p/x") is None
    assert pages().at("/") is None


def test_what_the_configuration_does_not_open_is_not_there() -> None:
    closed = pages(serve_config_generator=False)
    assert closed.at("/p") is None
    assert closed.at("/assets/style.css") is None


def test_files_are_open_with_the_pages() -> None:
    came = visited(pages(), "/assets/style.css")
    assert (came.status, came.headers["content-type"]) == (200, "text/css; charset=utf-8")
    for path in ("/assets/", "/assets/../pages.py", "/assets/%2e%2e/pages.py", "/assets/__init__.py"):
        assert pages().at(path) is None


def test_a_head_is_a_get_without_its_body() -> None:
    came = visited(pages(), "/p", "HEAD")
    assert (came.status, came.body, came.headers["content-length"]) == (200, b"", "13")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    came = visited(pages(), "/p", method)
    assert (came.status, came.headers["allow"]) == (405, "GET, HEAD")
    assert came.json["error"]["message"] == f"/p takes GET, not {method}"


def test_a_problem_is_told_as_a_status_with_its_words() -> None:
    came = visited(pages(refuses), "/p")
    assert (came.status, came.json["error"]["message"]) == (400, "not like this")
    assert "content-security-policy" in came.headers


def test_a_bug_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    came = visited(pages(breaks), "/p")
    assert (came.status, "secret" in came.body.decode()) == (500, False)
    assert "KeyError: 'secret'" in caplog.text


def test_without_pages_the_house_knows_none_of_their_paths() -> None:
    async def main() -> None:
        async with house(MODELS) as running:
            assert (await running.ask("/assets/style.css", method="GET")).status == 404

    run(main)
