"""The dashboard's answers: to those who have logged in, and to those who have not."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from dragoman.gateway.books import Books
from dragoman.gateway.entry import Entry
from dragoman.gateway.responder import Responder
from dragoman.ledger.ledger import Ledger
from dragoman.ledger.tables import LEDGER
from dragoman.server.keys import Door
from dragoman.server.limits import REFUSED_FROM, FailedLogins
from dragoman.server.pages.files import files
from dragoman.server.pages.logins import Logins
from dragoman.server.pages.pages import Pages
from dragoman.server.pages.usage import UsagePages
from dragoman.store.database import Database
from dragoman.wire import jsons
from tests.gateway.stage import NOBODY, House, house, messages_body, model, run, source
from tests.gateway.told import Told
from tests.ledger.writing import NOON, line
from tests.server.pages.visits import Came, visited

PASSWORD: Final = "correct horse"
LATER: Final = NOON + 60


class Dashboard:
    """The pages over a ledger of two lines."""

    def __init__(self, database: Database | None, **config: Any) -> None:
        ledger = None if database is None else Ledger(database, 90, lambda: LATER)
        if ledger is not None:
            ledger.record(line(input_tokens=10, agent="Codex", session="s"))
            ledger.record(line(key="=you", status=502, problem="backend_failed"))
            assert ledger.database.flush()
        settings = {"usage_dashboard": True, "usage_dashboard_password": PASSWORD, **config}
        self.logins: Final = Logins()
        self.failed: Final = FailedLogins()
        pages = UsagePages(Books(ledger), self.logins, lambda: LATER).pages()
        self.pages: Final = Pages(source({"models": [model("m", NOBODY)], **settings}), pages)

    def get(self, path: str, query: str = "", cookie: str = "") -> Came:
        return visited(self.pages, path, headers={"cookie": cookie}, query=query)

    def post(
        self, path: str, said: Mapping[str, Any], cookie: str = "", *, is_secure: bool = False, **more: str
    ) -> Came:
        headers = {"cookie": cookie, **more}
        door = Door(self.failed, lambda *_: "192.0.2.7", None, headers, lambda: 0.0, _at_once)
        return visited(self.pages, path, "POST", headers, jsons.write(said), door=door, is_secure=is_secure)

    def log_in(self) -> str:
        cookie: str = self.post("/usage/login", {"password": PASSWORD}).headers["set-cookie"]
        return cookie.partition(";")[0]


async def _at_once(_: float) -> None:
    pass


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database(None, [LEDGER], pause=0)
    yield made
    made.close()


@pytest.fixture
def dashboard(database: Database) -> Dashboard:
    return Dashboard(database)


def test_who_has_not_logged_in_sees_the_login_and_nothing_else(dashboard: Dashboard) -> None:
    assert dashboard.get("/usage").body == files()["login.html"].body
    for path in ("/usage/data", "/usage/live", "/usage/export"):
        came = dashboard.get(path)
        assert (came.status, "Codex" in came.body.decode()) == (401, False)


def test_the_password_lets_in(dashboard: Dashboard) -> None:
    came = dashboard.post("/usage/login", {"password": PASSWORD})
    assert came.status == 200
    name, *attributes = came.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/usage", "HttpOnly", "SameSite=Strict"]
    assert dashboard.get("/usage", cookie=name).body == files()["usage.html"].body
    assert dashboard.get("/usage/data", cookie=name).status == 200


def test_behind_tls_the_cookie_is_for_tls_only(dashboard: Dashboard) -> None:
    assert (
        dashboard.post("/usage/login", {"password": PASSWORD}, is_secure=True)
        .headers["set-cookie"]
        .endswith("; Secure")
    )


@pytest.mark.parametrize(
    "said", [{"password": "wrong"}, {"password": None}, {"password": [PASSWORD]}, {}, {"link": "x"}]
)
def test_anything_else_does_not(dashboard: Dashboard, said: Mapping[str, Any]) -> None:
    came = dashboard.post("/usage/login", said)
    assert (came.status, "set-cookie" in came.headers) == (401, False)
    assert len(dashboard.failed) == 1


def test_who_guesses_is_refused_with_the_right_password_too(dashboard: Dashboard) -> None:
    for _ in range(REFUSED_FROM):
        assert dashboard.post("/usage/login", {"password": "wrong"}).status == 401
    came = dashboard.post("/usage/login", {"password": PASSWORD})
    assert came.status == 429
    assert int(came.headers["retry-after"]) > 0


def test_pages_of_others_cannot_log_in_or_out(dashboard: Dashboard) -> None:
    cookie = dashboard.log_in()
    for path in ("/usage/login", "/usage/logout"):
        assert dashboard.post(path, {"password": PASSWORD}, cookie, origin="http://evil.example").status == 403
    assert dashboard.get("/usage/data", cookie=cookie).status == 200


def test_logging_out_ends_the_session(dashboard: Dashboard) -> None:
    cookie = dashboard.log_in()
    came = dashboard.post("/usage/logout", {}, cookie)
    assert came.headers["set-cookie"].startswith("dragoman-usage=; Path=/usage;")
    assert "Max-Age=0" in came.headers["set-cookie"]
    assert dashboard.get("/usage/data", cookie=cookie).status == 401


def test_without_a_password_the_link_is_the_way_in(database: Database) -> None:
    dashboard = Dashboard(database, usage_dashboard_password="")
    assert dashboard.get("/usage").body == files()["link.html"].body
    assert dashboard.post("/usage/login", {"password": ""}).status == 401
    came = dashboard.post("/usage/login", {"link": dashboard.logins.link})
    cookie = came.headers["set-cookie"].partition(";")[0]
    assert dashboard.get("/usage/data", cookie=cookie).status == 200
    assert dashboard.post("/usage/login", {"link": dashboard.logins.link}).status == 401


def test_the_data_of_some_days(dashboard: Dashboard) -> None:
    came = dashboard.get("/usage/data", "days=7&zone=Europe/Berlin", dashboard.log_in())
    said = came.json
    assert (said["days"], said["zone"], said["is_recording"]) == (7, "Europe/Berlin", True)
    assert (said["totals"]["requests"], said["totals"]["errors"]) == (2, 1)
    assert [row["name"] for row in said["users"]] == ["me", "=you"]
    assert came.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("days", ["0", "-1", "x", "3661", "9" * 5000, "", "٣"])
def test_days_that_are_none_are_refused(dashboard: Dashboard, days: str) -> None:
    came = dashboard.get("/usage/data", f"days={days}", dashboard.log_in())
    assert came.status == (400 if days else 200)


def test_an_unknown_zone_is_utc_and_says_so(dashboard: Dashboard) -> None:
    assert dashboard.get("/usage/data", "zone=Nowhere", dashboard.log_in()).json["zone"] == "UTC"


def test_exports(dashboard: Dashboard) -> None:
    cookie = dashboard.log_in()
    came = dashboard.get("/usage/export", "by=user&days=1&format=csv", cookie)
    rows = list(csv.DictReader(io.StringIO(came.body.decode())))
    assert [row["name"] for row in rows] == ["me", "'=you"]
    assert came.headers["content-type"] == "text/csv; charset=utf-8"
    assert came.headers["content-disposition"].startswith('attachment; filename="usage-by-user-')
    listed = dashboard.get("/usage/export", "by=session&format=json", cookie).json
    assert [(row["name"], row["agent"]) for row in listed] == [("s", "Codex")]


@pytest.mark.parametrize(
    "query", ["by=weather", "by=user&format=xml", "by=user&days=0", "by=user&days=000000012345678"]
)
def test_exports_of_something_else_are_refused(dashboard: Dashboard, query: str) -> None:
    assert dashboard.get("/usage/export", query, dashboard.log_in()).status == 400


def test_without_a_ledger_there_is_nothing_and_the_page_is_told_so() -> None:
    dashboard = Dashboard(None)
    said = dashboard.get("/usage/data", "", dashboard.log_in()).json
    assert (said["is_recording"], said["totals"]["requests"]) == (False, 0)


def test_what_is_in_flight() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], usage_dashboard=True, usage_dashboard_password=PASSWORD) as running:
            cookie = await log_in(running)
            entry = Entry("req_9", "/v1/messages", "anthropic-messages")
            books = running.gateway.books
            books.open(entry, Responder(Told(), "req_9"), {"user-agent": "codex_exec/1"})
            entry.key = "me"
            heard = await running.ask("/usage/live", method="GET", headers={"cookie": cookie})
            (one,) = heard.json["under_way"]
            assert (one["id"], one["key"], one["agent"], one["state"]) == ("req_9", "me", "Codex", "arriving")
            books.close(entry)
            heard = await running.ask("/usage/live", method="GET", headers={"cookie": cookie})
            assert heard.json["under_way"] == []

    run(main)


async def log_in(running: House, **headers: str) -> str:
    said = {"content-type": "application/json", **headers}
    heard = await running.ask("/usage/login", {"password": PASSWORD}, headers=said)
    assert heard.status == 200
    return heard.headers["set-cookie"].partition(";")[0]


def test_the_house_serves_it_and_guessing_here_locks_out_no_agent() -> None:
    async def main() -> None:
        keys = [{"key": "sk-0123456789abcdef", "name": "me"}]
        async with house(
            [model("m", NOBODY)], keys=keys, usage_dashboard=True, usage_dashboard_password=PASSWORD
        ) as running:
            said = {"content-type": "application/json"}
            await running.ask("/v1/messages", messages_body(), headers={"x-api-key": "sk-0123456789abcdef"})
            ledger = running.gateway.books.ledger
            assert ledger is not None
            assert ledger.database.flush()
            cookie = await log_in(running)
            heard = await running.ask("/usage/data?days=1", method="GET", headers={"cookie": cookie})
            assert heard.json["totals"]["requests"] == 1
            assert "default-src 'self'" in heard.headers["content-security-policy"]
            running.app._failed_visits.strikes.clear()
            for _ in range(2):
                assert (await running.ask("/usage/login", {"password": "x"}, headers=said)).status == 401
            assert len(running.app._failed) == 0

    run(main)


def test_behind_a_proxy_with_tls_the_cookie_is_secure() -> None:
    async def main() -> None:
        dashboard: dict[str, Any] = {"usage_dashboard": True, "usage_dashboard_password": PASSWORD}
        said = {"content-type": "application/json", "x-forwarded-proto": "https"}
        for proxies, is_secure in ((["127.0.0.1"], True), ([], False)):
            async with house([model("m", NOBODY)], trusted_proxies=proxies, **dashboard) as running:
                heard = await running.ask("/usage/login", {"password": PASSWORD}, headers=said)
                assert ("Secure" in heard.headers["set-cookie"]) == is_secure

    run(main)


def test_where_the_dashboard_is() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            assert running.app.dashboard("http://a") is None
            assert (await running.ask("/usage", method="GET")).status == 404
        async with house([model("m", NOBODY)], usage_dashboard=True, usage_dashboard_password="x") as running:
            assert running.app.dashboard("http://a") == "http://a/usage"
        async with house([model("m", NOBODY)], usage_dashboard=True) as running:
            place = running.app.dashboard("http://a")
            assert place is not None
            assert place.startswith("http://a/usage#")

    run(main)
