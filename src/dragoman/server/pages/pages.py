"""Which page is where. A page that the configuration does not open is as unknown as any other path."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from dragoman.config.schema import Config
from dragoman.config.snapshot import ConfigSource
from dragoman.gateway.call import Call
from dragoman.hub.problems import Problem, WrongMethod
from dragoman.protocols import CLIENTS
from dragoman.server.keys import Door
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.files import files

_log: Final = logging.getLogger("dragoman.server")
_WORDS: Final = CLIENTS["openai-chat"]  # scripts of ours read errors as OpenAI's clients do
_ASSETS: Final = "/assets/"

Visit: TypeAlias = Callable[[Browser], Awaitable[None]]


class Page(NamedTuple):
    """answer: says it to a browser. method: what it takes; HEAD is a GET without its body."""

    answer: Visit
    is_open: Callable[[Config], bool]
    method: str = "GET"


class Pages:
    """pages: by their exact path. The files they need are open where one of them is."""

    def __init__(self, config: ConfigSource, pages: Mapping[str, Page]) -> None:
        self._config: Final = config
        asset = Page(_asset, lambda settings: any(page.is_open(settings) for page in pages.values()))
        assets = {f"{_ASSETS}{name}": asset for name in files() if not name.endswith(".html")}
        self._pages: Final[Mapping[str, Page]] = {**assets, **pages}

    def at(self, path: str) -> Page | None:
        page = self._pages.get(path)
        return page if page is not None and page.is_open(self._config.current.config) else None

    async def answer(self, page: Page, call: Call, door: Door, *, is_secure: bool) -> None:
        """What goes wrong is told to the script that asked, and a bug of ours to the log."""
        browser = Browser(call, self._config.current, door, is_secure=is_secure)
        try:
            _demand_method(page, call)
            await page.answer(browser)
        except Problem as problem:
            _refuse(problem, browser)
        except Exception as error:  # noqa: BLE001 - a bug of ours: the visitor learns that, and the log learns which
            _log.exception("%s: %s", call.id, type(error).__name__)
            said = f"internal error of the proxy; its log has it as {call.id}"
            _refuse(Problem("internal", said), browser)


def _demand_method(page: Page, call: Call) -> None:
    if call.method != page.method and not (call.method == "HEAD" and page.method == "GET"):
        allow = "GET, HEAD" if page.method == "GET" else page.method
        raise WrongMethod(f"{call.path} takes {page.method}, not {call.method}", allow)


def _refuse(problem: Problem, browser: Browser) -> None:
    refused = _WORDS.write_problem(problem, browser.call.id)
    browser.text(refused.body, "application/json", refused.headers, refused.status)


async def _asset(browser: Browser) -> None:
    browser.file(browser.call.path.removeprefix(_ASSETS))
