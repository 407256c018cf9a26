"""The dashboard, by the journeys of a person: in, wrong, around, out."""

import contextlib
import csv
import http.client
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, expect

from dragoman.wire import jsons
from tests.browser.pictures import NARROW, SCHEMES, WIDE, picture
from tests.browser.team import PEOPLE, write
from tests.serving import Served, serving

PASSWORD: Final = "correct horse battery staple"


class SlowBackend(ThreadingHTTPServer):
    """Begins an answer at once, and ends it when it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Slow)
        self.go_on = threading.Event()


class _Slow(BaseHTTPRequestHandler):
    server: SlowBackend

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self._say({"choices": [{"delta": {"content": "well"}}]})
        self.server.go_on.wait(30)
        self._say({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self._say({"choices": [], "usage": {"prompt_tokens": 1200, "completion_tokens": 34}})
        self.wfile.write(b"data: [DONE]\n\n")

    def _say(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + jsons.write({"id": "c", "object": "chat.completion.chunk", **chunk}) + b"\n\n")

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture(scope="module")
def backend() -> Iterator[SlowBackend]:
    with SlowBackend() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def house(backend: SlowBackend, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """browser: first, for without one nothing need be started."""
    folder = tmp_path_factory.mktemp("house")
    write(folder / "usage.db", time.time())
    config = {
        "models": [{"name": "qwen3-coder", "backends": [f"http://127.0.0.1:{backend.server_port}/v1"]}],
        "keys": [{"key": "sk-0123456789abcdef", "name": "alice"}],
        "usage_db": "usage.db",
        "usage_dashboard": True,
        "usage_dashboard_password": PASSWORD,
    }
    with serving(config, folder) as served:
        yield served


def log_in(page: Page, house: Served) -> None:
    page.goto(f"{house.url}/usage")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()


def test_a_wrong_password_is_told_and_the_right_one_lets_in(page: Page, house: Served) -> None:
    page.goto(f"{house.url}/usage")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    assert picture(page, "login-light")
    assert picture(page, "login-dark", "dark", NARROW)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/usage")


@pytest.fixture(scope="module")
def cookie(house: Served) -> str:
    """Of a login that all tests share that are not about logging in."""
    connection = http.client.HTTPConnection(house.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        body = jsons.write({"password": PASSWORD})
        connection.request("POST", "/usage/login", body, {"content-type": "application/json"})
        said = connection.getresponse().headers["set-cookie"]
    return str(said).partition(";")[0].partition("=")[2]


@pytest.fixture
def inside(page: Page, house: Served, cookie: str) -> Page:
    """The page of somebody who has logged in."""
    page.context.add_cookies([{"name": "dragoman-usage", "value": cookie, "url": f"{house.url}/usage"}])
    page.goto(f"{house.url}/usage")
    expect(page.locator("main")).to_have_attribute("data-days", "7")
    return page


def test_a_page_that_was_opened_behind_others_is_filled_when_it_is_looked_at(
    page: Page, house: Served, cookie: str
) -> None:
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => !window.isLookedAt })")
    page.context.add_cookies([{"name": "dragoman-usage", "value": cookie, "url": f"{house.url}/usage"}])
    page.goto(f"{house.url}/usage")
    expect(page.locator("#figures div")).to_have_count(0)
    page.evaluate("window.isLookedAt = true; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
    expect(page.get_by_text("nothing at the moment")).to_be_visible()


RANGES: Final = {"Today": 1, "7 days": 7, "30 days": 30, "90 days": 90}


def choose(page: Page, days: str) -> dict[str, Any]:
    """Choose a range, and return what the proxy says of it, once it is shown."""
    with page.expect_response(lambda answer: f"/usage/data?days={RANGES[days]}&" in answer.url) as heard:
        page.get_by_role("button", name=days, exact=True).click()
    said: dict[str, Any] = heard.value.json()
    expect(page.locator("main")).to_have_attribute("data-days", str(RANGES[days]))
    return said


def numbers(page: Page, column: int) -> list[str]:
    return page.locator(f"#table tbody td:nth-child({column})").all_inner_texts()


def test_all_of_it_fits_every_screen(inside: Page) -> None:
    for days in ("Today", "30 days"):
        choose(inside, days)
        for scheme in SCHEMES:
            for width in (WIDE, NARROW):
                assert picture(inside, f"usage-{days.replace(' ', '-')}-{scheme}-{width}", scheme, width)


def test_a_range_is_chosen_and_remembered(inside: Page) -> None:
    week, quarter = choose(inside, "7 days"), choose(inside, "90 days")
    assert quarter["totals"]["requests"] > week["totals"]["requests"] > 0
    assert (len(quarter["series"]), quarter["zone"]) == (90, "Europe/Berlin")
    assert inside.locator("#tokens-chart .bar-piece").count() > 90
    inside.reload()
    expect(inside.get_by_role("button", name="90 days")).to_have_attribute("aria-pressed", "true")
    today = choose(inside, "Today")
    assert today["unit"] == "hour"


def test_tables_are_sorted_by_their_heads(inside: Page) -> None:
    choose(inside, "30 days")
    inside.get_by_role("button", name="Users", exact=True).click()
    assert set(numbers(inside, 1)) == set(PEOPLE)
    inside.get_by_role("button", name="User", exact=True).click()
    assert numbers(inside, 1) == sorted(PEOPLE)
    expect(inside.get_by_role("columnheader", name="User")).to_have_attribute("aria-sort", "ascending")
    inside.get_by_role("button", name="Requests", exact=True).click()
    counts = [int(text.replace(",", "")) for text in numbers(inside, 2)]
    assert counts == sorted(counts, reverse=True)
    inside.keyboard.press("Enter")  # the head keeps the focus
    counts = [int(text.replace(",", "")) for text in numbers(inside, 2)]
    assert counts == sorted(counts)


@pytest.mark.parametrize(
    ("name", "row"),
    [("Models", "claude-sonnet"), ("Agents", "Codex"), ("Backends", "https://api.z.ai"), ("Errors", "rate_limited")],
)
def test_every_table_has_its_rows(inside: Page, name: str, row: str) -> None:
    choose(inside, "30 days")
    inside.get_by_role("button", name=name, exact=True).click()
    expect(inside.get_by_role("cell", name=row, exact=True)).to_be_visible()


def test_a_chart_tells_its_numbers(inside: Page) -> None:
    said = choose(inside, "30 days")
    day = next(at for at in reversed(range(30)) if said["series"][at]["requests"] > 20)
    box = inside.locator("#requests-chart").bounding_box()
    assert box is not None
    inside.mouse.move(box["x"] + 46 + (box["width"] - 50) / 30 * (day + 0.5), box["y"] + 60)
    tip = inside.locator("#requests-chart .tip")
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("answered")
    inside.mouse.move(0, 0)
    expect(tip).to_be_hidden()


@pytest.mark.parametrize("most", [3, 5, 6, 9, 11, 55, 87, 101, 2400])
def test_the_numbers_beside_a_chart_are_evenly_spaced(inside: Page, most: int) -> None:
    """As they are written: where a quarter was no whole number it was rounded, and 1.5 ms stood there as 2 ms."""
    choose(inside, "7 days")
    draw = """async (most) => {
      const { bars } = await import("/assets/charts.js");
      const figure = document.querySelector("#requests-chart");
      const series = [{ name: "a", values: [most], colour: 1 }];
      bars(figure, { labels: ["2026-11-27"], series, format: (value) => String(Math.round(value)), title: "t" });
      return [...figure.querySelectorAll("text[text-anchor=end]")].map((text) => Number(text.textContent));
    }"""
    shown = inside.evaluate(draw, most)
    assert shown == [shown[-1] // 4 * quarter for quarter in range(5)]
    assert shown[-1] >= most


@pytest.mark.parametrize("most", [900, 95_000, 190_000, 1_050_000, 11_700_000])
def test_the_times_beside_a_chart_stand_within_it(inside: Page, most: int) -> None:
    """Answers that take minutes are usual, and "3 min 20 s" is wider than "95 s"."""
    draw = """async (most) => {
      const { curves } = await import("/assets/charts.js");
      const { duration } = await import("/assets/format.js");
      const figure = document.querySelector("#requests-chart");
      const series = [{ name: "a", values: [most], colour: 1 }];
      curves(figure, { labels: ["2026-11-27"], series, format: duration, title: "t" });
      return [...figure.querySelectorAll("text[text-anchor=end]")].map((text) => text.getBBox().x);
    }"""
    assert min(inside.evaluate(draw, most)) >= 0


def test_what_is_shown_can_be_taken_away(inside: Page) -> None:
    choose(inside, "30 days")
    inside.get_by_role("button", name="Users", exact=True).click()
    with inside.expect_download() as csv_file:
        inside.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"usage-by-user-\d{4}-\d\d-\d\d\.csv", csv_file.value.suggested_filename)
    rows = list(csv.DictReader(csv_file.value.path().read_text().splitlines()))
    assert {row["name"] for row in rows} == set(PEOPLE)
    with inside.expect_download() as json_file:
        inside.get_by_role("link", name="JSON").click()
    assert {row["name"] for row in jsons.read(json_file.value.path().read_bytes())} == set(PEOPLE)


def test_requests_are_seen_while_they_are_in_flight_and_counted_afterwards(
    inside: Page, house: Served, backend: SlowBackend
) -> None:
    before = choose(inside, "30 days")["totals"]["requests"]
    expect(inside.get_by_text("nothing at the moment")).to_be_visible()
    backend.go_on.clear()
    callers = {"Claude Code": "claude-cli/2.1.330 (external, cli)", "OpenCode": "opencode/1.18.33 ai-sdk/5"}
    asking = [threading.Thread(target=ask, args=(house, said)) for said in callers.values()]
    for one in asking:
        one.start()
    rows = inside.locator("#flight tbody tr")
    for name in callers:
        expect(rows.filter(has_text=name)).to_contain_text("answering")
    for scheme in SCHEMES:
        picture(inside, f"usage-{scheme}", scheme)
    figure = inside.locator("#figures dd >> nth=0")
    backend.go_on.set()
    for one in asking:
        one.join()
    expect(inside.get_by_text("nothing at the moment")).to_be_visible()
    expect(figure).to_have_text(f"{before + len(callers):,}")  # by itself


def ask(house: Served, agent: str) -> None:
    body = {"model": "qwen3-coder", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"x-api-key": "sk-0123456789abcdef", "user-agent": agent, "content-type": "application/json"}
    connection = http.client.HTTPConnection(house.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/messages", jsons.write(body), headers)
        connection.getresponse().read()


def test_who_logs_out_is_out(page: Page, house: Served) -> None:
    log_in(page, house)
    (cookie,) = page.context.cookies()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": f"{house.url}/usage"}])
    page.goto(f"{house.url}/usage")
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_page_that_is_left_open_asks_for_the_login_when_the_session_is_over(inside: Page) -> None:
    inside.context.clear_cookies()
    inside.get_by_role("button", name="30 days").click()
    expect(inside.get_by_label("Password")).to_be_visible()


def test_without_a_password_the_link_of_the_start_lets_in_once(page: Page, browser: Browser, tmp_path: Path) -> None:
    config = {"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}], "usage_dashboard": True}
    with serving(config, tmp_path) as served:
        link = re.search(r"http://\S+/usage#\S+", served.log.read_text())
        assert link is not None
        page.goto(f"{served.url}/usage")
        expect(page.get_by_text("No password is set")).to_be_visible()
        page.goto("about:blank")
        page.goto(link[0])
        expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
        assert "#" not in page.url
        page.reload()
        expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
        picture(page, "usage-empty")
        other = browser.new_context()
        second = other.new_page()
        second.goto(link[0])
        expect(second.get_by_role("alert")).to_contain_text("works once")
        other.close()
        link_text = link[0].partition("#")[2]
        assert link_text not in served.log.read_text().replace(link[0], "")
