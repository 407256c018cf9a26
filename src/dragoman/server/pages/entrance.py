"""The way in to the pages under one path, and the way out."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from dragoman.config.schema import Config
from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.pages import Page

_log: Final = logging.getLogger("dragoman.server")


class Entrance:
    """home: the page that one comes to, and the path its cookie is for. password: opens it. is_open: whether it is there."""

    def __init__(
        self,
        home: str,
        logins: Logins,
        password: Callable[[Config], Secret],
        is_open: Callable[[Config], bool],
    ) -> None:
        self._home: Final = home
        self._cookie: Final = f"dragoman-{home.removeprefix('/')}"
        self._logins: Final = logins
        self._password: Final = password
        self._is_open: Final = is_open

    def pages(self) -> Mapping[str, Page]:
        return {
            f"{self._home}/login": Page(self._login, self._is_open, "POST"),
            f"{self._home}/logout": Page(self._logout, self._is_open, "POST"),
        }

    def knows(self, browser: Browser) -> bool:
        """Whether whoever asks has logged in."""
        name = browser.cookies.get(self._cookie, "")
        return bool(name) and self._logins.is_open(name, self._password(browser.snapshot.config))

    def demand(self, browser: Browser) -> None:
        if not self.knows(browser):
            raise Problem("unauthorized", f"log in at {self._home}")

    async def _login(self, browser: Browser) -> None:
        said = await browser.said()
        await browser.door.slow_down()
        password = self._password(browser.snapshot.config)
        if "link" in said:
            name = self._logins.with_link(str(said["link"]), password)
            why = "this link is not good, or no longer: it works once; restart the proxy for another"
        else:
            name = self._logins.with_password(str(said.get("password", "")), password)
            why = "that is not the password"
        if name is None:
            browser.door.guessed()
            _log.warning("%s: a login has failed, from %s", self._home, browser.door.address)
            raise Problem("unauthorized", why)
        _log.info("%s: somebody has logged in, from %s", self._home, browser.door.address)
        browser.value({"ok": True}, [("set-cookie", self._set(name, browser))])

    async def _logout(self, browser: Browser) -> None:
        await browser.said()
        self._logins.close(browser.cookies.get(self._cookie, ""))
        browser.value({"ok": True}, [("set-cookie", f"{self._set('', browser)}; Max-Age=0")])

    def _set(self, name: str, browser: Browser) -> str:
        """A session's name, for these pages only; no script sees it, and no page of others has it sent."""
        secure = "; Secure" if browser.is_secure else ""
        return f"{self._cookie}={name}; Path={self._home}; HttpOnly; SameSite=Strict{secure}"
