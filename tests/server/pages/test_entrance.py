"""Two groups of pages with a password each: who is in one is not in the other."""

from typing import Final

import pytest

from dragoman.config.schema import Config
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.entrance import Entrance
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.pages import Page, Pages
from dragoman.wire import jsons
from tests.gateway.stage import NOBODY, model, source
from tests.server.pages.visits import Came, visited

PASSWORDS: Final = {"usage_dashboard_password": "the one", "admin_password": "the other"}


def house() -> Pages:
    def is_open(config: Config) -> bool:
        return bool(config.models)

    one = Entrance("/one", Logins(), lambda config: config.usage_dashboard_password, is_open)
    other = Entrance("/other", Logins(), lambda config: config.admin_password, is_open)

    def room(entrance: Entrance) -> Page:
        async def answer(browser: Browser) -> None:
            entrance.demand(browser)
            browser.value({"is_in": entrance.knows(browser)})

        return Page(answer, is_open)

    config = source({"models": [model("m", NOBODY)], **PASSWORDS})
    return Pages(config, {**one.pages(), **other.pages(), "/one": room(one), "/other": room(other)})


def log_in(pages: Pages, path: str, password: str, *, is_secure: bool = False) -> Came:
    return visited(pages, f"{path}/login", "POST", body=jsons.write({"password": password}), is_secure=is_secure)


def test_each_has_its_password_its_cookie_and_its_path() -> None:
    pages = house()
    assert log_in(pages, "/one", "the other").status == 401
    came = log_in(pages, "/one", "the one", is_secure=True)
    assert came.status == 200
    name, _, rest = came.headers["set-cookie"].partition("=")
    assert name == "dragoman-one"
    assert rest.partition(";")[2] == " Path=/one; HttpOnly; SameSite=Strict; Secure"
    cookie = {"cookie": came.headers["set-cookie"].partition(";")[0]}
    assert visited(pages, "/one", headers=cookie).json == {"is_in": True}
    borrowed = {"cookie": cookie["cookie"].replace("dragoman-one", "dragoman-other")}
    for headers in (cookie, borrowed, {}):
        refused = visited(pages, "/other", headers=headers)
        assert refused.status == 401
        assert refused.json["error"]["message"] == "log in at /other"


def test_who_leaves_is_out() -> None:
    pages = house()
    cookie = {"cookie": log_in(pages, "/one", "the one").headers["set-cookie"].partition(";")[0]}
    left = visited(pages, "/one/logout", "POST", headers=cookie, body=b"{}")
    assert left.headers["set-cookie"].endswith("; Max-Age=0")
    assert visited(pages, "/one", headers=cookie).status == 401


def test_who_comes_in_and_who_does_not_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    pages = house()
    with caplog.at_level("INFO", "dragoman.server"):
        log_in(pages, "/one", "not the one")
        log_in(pages, "/one", "the one")
    assert [record.getMessage() for record in caplog.records] == [
        "/one: a login has failed, from 192.0.2.1",
        "/one: somebody has logged in, from 192.0.2.1",
    ]
