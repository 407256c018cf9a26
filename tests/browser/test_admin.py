"""The administration, by the journeys of a person: a model tried, a key handed out, the file mended."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Route, expect

from dragoman.wire import jsons
from tests.browser.pictures import NARROW, SCHEMES, WIDE, picture
from tests.serving import Served, serving

PASSWORD: Final = "correct horse battery staple"
LONG: Final = "a-model-with-a-rather-long-name-that-goes-on-and-on-and-on-and-on-and-on/and-on"


class _Model(BaseHTTPRequestHandler):
    """A backend that answers, whatever it is asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": "The line works."}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self._say({"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice]})

    def do_GET(self) -> None:
        self._say({"object": "list", "data": [{"id": "Qwen/Qwen3-Coder-30B", "object": "model"}]})

    def _say(self, value: Any) -> None:
        body = jsons.write(value)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Model) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


@pytest.fixture
def house(backend: str, browser: Browser, tmp_path: Path) -> Iterator[Served]:
    """One for each test, which may do with its file what it likes. browser: first, for without one nothing need be started."""
    config = {
        "models": [
            {
                "name": "qwen3-coder",
                "model": "Qwen/Qwen3-Coder-30B",
                "context_window": 131072,
                "backends": [{"url": backend, "weight": 2}, {"url": "http://127.0.0.1:9/v1", "api_key": "sk-spare"}],
            },
            {"name": LONG, "backends": ["http://127.0.0.1:10/v1"]},
        ],
        "aliases": {"fast": "qwen3-coder"},
        "keys": [
            {"name": "alice", "key": "sk-0123456789abcdef"},
            {"name": "bob", "key_hash": "sha256:" + "ab" * 32, "models": ["fast"]},
        ],
        "admin_password": PASSWORD,
        "usage_dashboard": True,
        "data_dir": "none",
    }
    with serving(config, tmp_path) as served:
        yield served


@pytest.fixture
def file(house: Served) -> Path:
    return house.log.with_name("config.yaml")


@pytest.fixture
def inside(page: Page, house: Served) -> Page:
    page.goto(f"{house.url}/admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("main")).to_have_attribute("data-shown", "models")
    return page


def go_to(page: Page, part: str) -> None:
    page.get_by_role("group", name="What is shown").get_by_role("button", name=part).click()


def card(page: Page, name: str) -> Locator:
    return page.locator(f'[data-model="{name}"]')


def status(house: Served, key: str) -> int:
    with closing(http.client.HTTPConnection(house.url.removeprefix("http://"), timeout=30)) as connection:
        connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        return connection.getresponse().status


def test_a_wrong_password_is_told(page: Page, house: Served) -> None:
    page.goto(f"{house.url}/admin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")


def test_it_fits_every_screen(inside: Page) -> None:
    card(inside, "qwen3-coder").get_by_role("button", name="Try").click()
    expect(inside.get_by_role("status").filter(has_text="The line works.")).to_be_visible()
    for part in ("Models", "Keys", "Configuration"):
        go_to(inside, part)
        if part == "Configuration":
            expect(inside.get_by_label("Configuration", exact=True)).to_have_value(re.compile("qwen3-coder"))
        for scheme in SCHEMES:
            for width in (WIDE, NARROW):
                assert picture(inside, f"admin-{part.lower()}-{scheme}-{width}", scheme, width)


def test_a_model_is_tried(inside: Page) -> None:
    card(inside, "qwen3-coder").get_by_role("button", name="Try").click()
    expect(inside.get_by_text(re.compile("Answered after .* The line works."))).to_be_visible()
    card(inside, LONG).get_by_role("button", name="Try").click()
    expect(card(inside, LONG).get_by_text("the backend refused the connection; is it running?")).to_be_visible()


def test_a_model_is_added_and_removed(inside: Page, file: Path, backend: str) -> None:
    inside.get_by_role("button", name="Add a model").click()
    dialog = inside.get_by_role("dialog", name="Add a model")
    dialog.get_by_label("Name", exact=True).fill("qwen3-coder")
    dialog.get_by_label("Backend", exact=True).fill(backend)
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_role("alert")).to_contain_text("qwen3-coder")
    dialog.get_by_label("Name", exact=True).fill("another")
    dialog.get_by_label("Key for the backend").fill("sk-only-for-the-backend")
    dialog.get_by_role("button", name="Add").click()
    expect(inside.get_by_text("another is added.")).to_be_visible()
    expect(card(inside, "another")).to_contain_text(backend)
    assert "sk-only-for-the-backend" in file.read_text()
    card(inside, "another").get_by_role("button", name="Remove").click()
    inside.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(card(inside, "another")).to_be_visible()
    card(inside, "another").get_by_role("button", name="Remove").click()
    inside.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(inside.get_by_text("another is removed.")).to_be_visible()
    expect(card(inside, "another")).to_have_count(0)


def test_a_backend_is_set(inside: Page, file: Path) -> None:
    service = inside.get_by_label("In service of http://127.0.0.1:9/v1")
    service.uncheck()
    expect(card(inside, "qwen3-coder").get_by_text("out of service")).to_be_visible()
    weight = inside.get_by_label("Weight of http://127.0.0.1:9/v1")
    weight.fill("5")
    with inside.expect_response("**/admin/backends/change"):
        weight.press("Enter")
    expect(inside.get_by_text("Changed.")).to_be_visible()
    expect(weight).to_have_value("5")
    assert '"disabled": true' in file.read_text()
    assert '"weight": 5' in file.read_text()


def test_what_cannot_be_set_is_told_and_shown_as_it_is(inside: Page) -> None:
    service = inside.get_by_label("In service of http://127.0.0.1:10/v1")
    service.click()
    expect(inside.get_by_role("alert")).to_contain_text("all are disabled")
    expect(service).to_be_checked()


def test_what_went_wrong_stays_to_be_read(inside: Page) -> None:
    """Also far down a long page, and when the page next looks how things are."""
    inside.set_viewport_size({"width": 900, "height": 260})
    inside.get_by_label("In service of http://127.0.0.1:10/v1").click()
    told = inside.get_by_role("alert")
    expect(told).to_be_in_viewport(ratio=0.9)
    with inside.expect_response("**/admin/data"):
        pass
    with inside.expect_response("**/admin/data"):
        pass
    expect(told).to_be_in_viewport(ratio=0.9)


def test_a_model_is_asked_once_at_a_time(inside: Page) -> None:
    asked: list[Route] = []
    inside.route("**/admin/models/try", lambda route: asked.append(route))  # noqa: PLW0108 - it takes no method of a list
    button = card(inside, "qwen3-coder").get_by_role("button", name="Try")
    button.click()
    expect(card(inside, "qwen3-coder").get_by_role("status")).to_have_text("Asked, and not answered yet.")
    button.click()
    assert len(asked) == 1
    asked[0].continue_()
    expect(inside.get_by_text(re.compile("Answered after .* The line works."))).to_be_visible()


def test_who_changes_something_by_the_keyboard_stays_at_it(inside: Page) -> None:
    weight = inside.get_by_label("Weight of http://127.0.0.1:9/v1")
    weight.fill("5")
    weight.press("Enter")
    expect(inside.get_by_text("Changed.")).to_be_visible()
    expect(weight).to_be_focused()
    weight.press("Tab")
    expect(inside.get_by_label("In service of http://127.0.0.1:9/v1")).to_be_focused()


def test_who_is_no_longer_logged_in_loses_nothing(inside: Page, house: Served, file: Path) -> None:
    go_to(inside, "Configuration")
    text = inside.get_by_label("Configuration", exact=True)
    expect(text).to_have_value(re.compile('"fast"'))
    text.fill(text.input_value().replace('"fast"', '"quick"'))
    inside.on("dialog", lambda dialog: dialog.dismiss())
    inside.request.post(f"{house.url}/admin/logout", data={})
    expect(inside.get_by_text("You are no longer logged in")).to_be_visible()
    inside.request.post(f"{house.url}/admin/login", data={"password": PASSWORD})
    inside.get_by_role("button", name="Save").dblclick()
    expect(inside.get_by_text("Saved, and taken over.")).to_be_visible()
    assert '"quick"' in file.read_text()


def test_long_names_stay_in_their_dialog(inside: Page, file: Path) -> None:
    long = "L" * 200
    file.write_text(file.read_text().replace(LONG, long))
    expect(card(inside, long)).to_be_visible()
    go_to(inside, "Keys")
    inside.get_by_role("button", name="Add a key").click()
    inside.get_by_label("these only").check()
    assert inside.locator("#key-dialog").evaluate("dialog => dialog.scrollWidth === dialog.clientWidth")


def test_a_key_is_handed_out_and_revoked(inside: Page, house: Served) -> None:
    go_to(inside, "Keys")
    inside.get_by_role("button", name="Add a key").click()
    dialog = inside.get_by_role("dialog", name="Add a key")
    dialog.get_by_label("Whose key it is").fill("chiara")
    dialog.get_by_label("these only").check()
    dialog.get_by_role("button", name="Make the key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("at least one model")
    dialog.get_by_label("fast").check()
    dialog.get_by_role("button", name="Make the key").click()
    shown = inside.get_by_role("dialog", name="The key of chiara")
    key = shown.locator("pre").inner_text()
    assert status(house, key) == 200
    shown.get_by_role("button", name="I have kept it").click()
    expect(inside.locator("#made-key")).to_have_text("")
    assert key not in inside.content()
    row = inside.get_by_role("row").filter(has_text="chiara")
    expect(row).to_contain_text("fast")
    row.get_by_role("button", name="Models…").click()
    allowed = inside.get_by_role("dialog", name="What chiara may use")
    expect(allowed.get_by_label("fast")).to_be_checked()
    allowed.get_by_label("every model").check()
    allowed.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("every model")
    row.get_by_role("button", name="New key…").click()
    inside.get_by_role("dialog").get_by_role("button", name="Make a new key").click()
    renewed = inside.get_by_role("dialog", name="The new key of chiara").locator("pre").inner_text()
    assert (status(house, key), status(house, renewed)) == (401, 200)
    inside.keyboard.press("Escape")
    row.get_by_role("button", name="Revoke…").click()
    inside.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(inside.get_by_text("The key of chiara no longer opens.")).to_be_visible()
    expect(row).to_have_count(0)
    assert status(house, renewed) == 401


def test_the_file_is_edited_and_a_mistake_is_found(inside: Page, file: Path) -> None:
    before = file.read_text()
    go_to(inside, "Configuration")
    text = inside.get_by_label("Configuration", exact=True)
    expect(text).to_have_value(re.compile("hidden-secret-1"))
    assert PASSWORD not in text.input_value()
    shown = text.input_value()
    text.fill(shown.replace('"aliases"', '"alisaes"'))
    inside.get_by_role("button", name="Save").click()
    mistake = inside.locator("#file-findings li")
    expect(mistake.first).to_contain_text("line 1, alisaes: is not a known field; did you mean aliases?")
    assert file.read_text() == before
    text.fill(shown.replace('"fast"', '"quick"'))  # the alias, and what bob may use
    inside.get_by_role("button", name="Check").click()
    expect(inside.get_by_text("no mistakes", exact=True)).to_be_visible()
    assert file.read_text() == before
    inside.get_by_role("button", name="Save").click()
    expect(inside.get_by_text("Saved, and taken over.")).to_be_visible()
    assert file.read_text() == before.replace('"fast"', '"quick"')
    go_to(inside, "Models")
    expect(card(inside, "qwen3-coder")).to_contain_text("also called quick")


def test_the_password_is_changed(inside: Page) -> None:
    go_to(inside, "Configuration")
    text = inside.get_by_label("Configuration", exact=True)
    expect(text).to_have_value(re.compile("admin_password"))
    changed = re.sub(r'("admin_password": ?)[^,]+', r'\1"another password"', text.input_value())
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    inside.on("dialog", stay)
    text.fill(changed)
    inside.get_by_role("button", name="Save").click()
    inside.get_by_label("Password").fill("another password")
    inside.get_by_role("button", name="Log in").click()
    expect(inside.locator("main")).to_have_attribute("data-shown", "file")
    assert asked == []


def test_what_is_written_and_not_saved_is_not_lost_without_a_word(inside: Page) -> None:
    go_to(inside, "Configuration")
    text = inside.get_by_label("Configuration", exact=True)
    expect(text).to_have_value(re.compile("qwen3-coder"))
    text.press_sequentially(" ")
    go_to(inside, "Keys")
    go_to(inside, "Configuration")
    expect(inside.get_by_text("edited", exact=True)).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    inside.on("dialog", stay)
    inside.reload()
    assert asked == ["beforeunload"]


def test_a_file_that_somebody_else_has_broken_is_told_of(inside: Page, file: Path) -> None:
    first = file.read_text()
    file.write_text('{"models": 5}')
    expect(inside.get_by_text("has mistakes and is not taken over")).to_be_visible()
    expect(inside.locator("#broken-findings li")).to_contain_text("models")
    expect(card(inside, "qwen3-coder")).to_be_visible()
    file.write_text(first)
    expect(inside.get_by_text("has mistakes and is not taken over")).to_be_hidden()


def test_logging_out(inside: Page, house: Served) -> None:
    inside.get_by_role("button", name="Log out").click()
    expect(inside.get_by_label("Password")).to_be_visible()
    inside.goto(f"{house.url}/admin")
    expect(inside.get_by_label("Password")).to_be_visible()
