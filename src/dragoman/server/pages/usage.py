"""The dashboard at `/usage`, and what its scripts ask for."""

import datetime as dt
import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

import msgspec

from dragoman.config.schema import Config
from dragoman.gateway.books import Books
from dragoman.hub.problems import bad_request
from dragoman.ledger.dashboard import dashboard
from dragoman.ledger.export import csv_text, objects
from dragoman.ledger.period import last_days, zone_named
from dragoman.ledger.reports import GROUPINGS, By, report
from dragoman.ledger.tables import LEDGER
from dragoman.server.pages.browser import Browser
from dragoman.server.pages.entrance import Entrance
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.pages import Page
from dragoman.store.opening import open_memory
from dragoman.wire import jsons

T = TypeVar("T")

HOME: Final = "/usage"
_USUAL_DAYS: Final = 7
_LONGEST: Final = 3660  # days
_TOO_LONG: Final = 9  # digits
_BY: Final[Mapping[str, By]] = {by: by for by in GROUPINGS}


class UsagePages:
    """books: what is under way, and the ledger. clock: seconds since the epoch."""

    def __init__(self, books: Books, logins: Logins, clock: Callable[[], float] = time.time) -> None:
        self._books: Final = books
        self._entrance: Final = Entrance(HOME, logins, lambda config: config.usage_dashboard_password, _is_open)
        self._clock: Final = clock

    def pages(self) -> Mapping[str, Page]:
        return {
            HOME: Page(self._home, _is_open),
            **self._entrance.pages(),
            f"{HOME}/data": Page(self._data, _is_open),
            f"{HOME}/live": Page(self._live, _is_open),
            f"{HOME}/export": Page(self._export, _is_open),
        }

    async def _home(self, browser: Browser) -> None:
        if self._entrance.knows(browser):
            browser.file("usage.html")
        else:
            has_password = bool(browser.snapshot.config.usage_dashboard_password)
            browser.file("login.html" if has_password else "link.html")

    async def _data(self, browser: Browser) -> None:
        self._entrance.demand(browser)
        asked = _query(browser)
        days, zone = _days(asked), zone_named(asked.get("zone", ""))
        found = await self._found(lambda db: dashboard(db, days, self._clock(), zone))
        browser.value({**found, "is_recording": self._books.ledger is not None})

    async def _live(self, browser: Browser) -> None:
        self._entrance.demand(browser)
        under_way = [msgspec.structs.asdict(one) for one in self._books.under_way()]
        browser.value({"under_way": under_way})

    async def _export(self, browser: Browser) -> None:
        self._entrance.demand(browser)
        asked = _query(browser)
        by, days, form = _BY.get(asked.get("by", "day")), _days(asked), asked.get("format", "csv")
        if by is None:
            raise bad_request("by", f"must be one of {', '.join(GROUPINGS)}")
        if form not in {"csv", "json"}:
            raise bad_request("format", "must be csv or json")
        period = last_days(days, self._clock(), zone_named(asked.get("zone", "")))
        rows = await self._found(lambda db: report(db, by, period))
        name = f"usage-by-{by}-{dt.date.fromtimestamp(self._clock()).isoformat()}"  # noqa: DTZ012 - of this machine
        if form == "csv":
            browser.download(csv_text(rows, by).encode(), "text/csv; charset=utf-8", f"{name}.csv")
        else:
            browser.download(jsons.write(objects(rows, by)), "application/json", f"{name}.json")

    async def _found(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What the ledger says; of an empty one, if nothing is recorded or it cannot be read."""
        ledger = self._books.ledger
        found = None if ledger is None else await ledger.database.read_aside(query, None)
        if found is not None:
            return found
        db = open_memory([LEDGER])
        try:
            return query(db)
        finally:
            db.close()


def _is_open(config: Config) -> bool:
    return config.usage_dashboard


def _query(browser: Browser) -> dict[str, Any]:
    return {name: values[-1] for name, values in parse_qs(browser.call.query).items()}


def _days(asked: Mapping[str, str]) -> int:
    said = asked.get("days", str(_USUAL_DAYS))
    days = int(said) if said.isascii() and said.isdecimal() and len(said) < _TOO_LONG else 0
    if not 1 <= days <= _LONGEST:
        raise bad_request("days", f"must be a number from 1 to {_LONGEST}")
    return days
