"""`/metrics`, for a monitoring system that brings its token."""

import hmac
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from dragoman.config.schema import Config
from dragoman.gateway.books import STATES, Books
from dragoman.hub.problems import Problem
from dragoman.ledger.metrics import CONTENT_TYPE
from dragoman.server.keys import token_in
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.pages import Page


class MetricsPage:
    """books: what is under way, and what was counted."""

    def __init__(self, books: Books) -> None:
        self._books: Final = books

    def pages(self) -> Mapping[str, Page]:
        return {"/metrics": Page(self._metrics, self._is_open)}

    def _is_open(self, config: Config) -> bool:
        return bool(config.metrics_token) and self._books.metrics is not None

    async def _metrics(self, browser: Browser) -> None:
        await browser.door.slow_down()
        said = token_in(browser.call.headers)
        if said is None or not hmac.compare_digest(
            _digest(said), _digest(browser.snapshot.config.metrics_token.reveal())
        ):
            if said:  # who says none is not guessing
                browser.door.guessed()
            raise Problem("unauthorized", "send `metrics_token` of the configuration as a bearer token")
        books = self._books
        if books.metrics is None:
            raise RuntimeError("a page that is not open was answered")
        states = Counter(one.state for one in books.under_way())
        lost = 0 if books.ledger is None else books.ledger.dropped + books.ledger.lost
        text = books.metrics.text({state: states[state] for state in STATES}, lost)
        browser.text(text.encode(), CONTENT_TYPE)


def _digest(said: str) -> bytes:
    return sha256(said.encode("utf-8", "surrogatepass")).digest()
