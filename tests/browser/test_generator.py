"""Somebody connects an agent: opens the page, chooses, copies, downloads."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, Request, expect

from dragoman.agents.agent import KEY_PLACE
from dragoman.wire import jsons
from tests.browser.pictures import NARROW, SCHEMES, WIDE, picture
from tests.serving import Served, serving

NOBODY: Final = "http://127.0.0.1:9/v1"
KEY: Final = "sk-typed-by-a-person-42"
CONFIG: Final = {
    "models": [
        {"name": "coder-30b", "context_window": 262_144, "backends": [NOBODY], "profile": {"family": "vllm"}},
        {"name": "seeing-9b", "context_window": 131_072, "supports_vision": True, "backends": [NOBODY]},
        {"name": "vendor/large", "backends": ["https://models.example.com/v1"], "context_window": 200_000},
    ],
    "aliases": {"fast": "seeing-9b"},
    "keys": [{"key": "sk-0123456789abcdef"}],
    "processors": {"web_search_key": "tvly-0123456789abcdef"},
    "serve_config_generator": True,
    "data_dir": "none",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(CONFIG, tmp_path_factory.mktemp("proxy")) as served:
        yield served


@pytest.fixture
def opened(page: Page, proxy: Served) -> Page:
    page.goto(f"{proxy.url}/")
    expect(page.locator("#content")).to_contain_text("ANTHROPIC_BASE_URL")
    return page


def content(page: Page) -> str:
    return page.locator("#content").text_content() or ""


def test_a_key_that_is_typed_is_in_the_file_and_in_no_request(opened: Page, proxy: Served) -> None:
    sent: list[str] = []

    def note(request: Request) -> None:
        sent.append(f"{request.url} {request.headers} {request.post_data or ''}")

    opened.on("request", note)
    assert KEY_PLACE in content(opened)
    opened.get_by_label("Your key").fill(KEY)
    assert jsons.read(content(opened))["env"]["ANTHROPIC_AUTH_TOKEN"] == KEY
    opened.get_by_role("button", name="Codex").click()
    opened.get_by_label("Reasoning effort").select_option("high")
    expect(opened.locator("#content")).to_contain_text('model_reasoning_effort = "high"')
    opened.get_by_label("Context window").fill("65536")
    expect(opened.locator("#content")).to_contain_text("model_context_window = 65536")
    said = tomllib.loads(content(opened))
    provider = said["model_providers"]["dragoman"]
    assert (provider["base_url"], provider["experimental_bearer_token"]) == (f"{proxy.url}/v1", KEY)
    for way in ("Start script", "Commands", "Settings file"):
        opened.get_by_role("button", name=way).click()
        assert KEY in content(opened)
    assert any("/generator/files" in each for each in sent)
    assert [each for each in sent if KEY in each] == []
    assert KEY not in opened.url
    assert opened.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])") == '[{},{},""]'


def test_a_key_that_files_write_differently_is_left_to_the_person(opened: Page) -> None:
    opened.get_by_label("Your key").fill("it's $HOME")
    assert KEY_PLACE in content(opened)
    expect(opened.locator("#notes")).to_contain_text("put it in by hand")


def test_slots_are_chosen_and_followed(opened: Page) -> None:
    opened.get_by_label("Sonnet").select_option("seeing-9b")
    expect(opened.get_by_label("Opus")).to_have_value("seeing-9b")
    opened.get_by_label("Haiku").select_option("fast")
    opened.get_by_label("Sub-agents").select_option("seeing-9b")
    expect(opened.locator("#content")).to_contain_text("CLAUDE_CODE_SUBAGENT_MODEL")
    said = jsons.read(content(opened))["env"]
    assert said["ANTHROPIC_MODEL"] == said["ANTHROPIC_DEFAULT_OPUS_MODEL"] == "seeing-9b"
    assert said["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "fast"
    assert said["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"


def test_only_the_models_that_are_ticked_are_listed(opened: Page) -> None:
    opened.get_by_role("button", name="OpenCode").click()
    opened.get_by_label("Build").select_option("seeing-9b")
    opened.get_by_text("Models it lists: 4 of 4").click()
    opened.get_by_role("checkbox", name="vendor/large").uncheck()
    expect(opened.locator("#content")).not_to_contain_text("vendor/large")
    opened.get_by_label("Small").select_option("fast")
    expect(opened.locator("#content")).to_contain_text('"small_model": "dragoman/fast"')
    said = jsons.read(content(opened))
    assert list(said["provider"]["dragoman"]["models"]) == ["seeing-9b", "coder-30b", "fast"]
    assert said["mcp"]["dragoman"]["url"].endswith("/mcp")
    opened.get_by_role("checkbox", name="Web search").uncheck()
    expect(opened.locator("#content")).not_to_contain_text("mcp")


def test_what_is_copied_and_downloaded_is_what_is_shown(opened: Page, tmp_path: Path) -> None:
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.get_by_label("Your key").fill(KEY)
    opened.get_by_role("button", name="Copy").click()
    expect(opened.get_by_role("button", name="Copied")).to_be_visible()
    assert opened.evaluate("navigator.clipboard.readText()") == content(opened)
    opened.get_by_role("button", name="Windows").click()
    opened.get_by_role("button", name="Script (cmd)").click()
    with opened.expect_download() as downloading:
        opened.get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename == "start-claude.cmd"
    downloading.value.save_as(tmp_path / "start-claude.cmd")
    script = (tmp_path / "start-claude.cmd").read_bytes()
    assert script.startswith(b"@echo off\r\n")
    assert KEY.encode() in script
    expect(opened.locator("#steps")).to_contain_text(".\\start-claude.cmd")


def test_it_says_where_the_file_goes(opened: Page) -> None:
    expect(opened.locator("#steps")).to_contain_text("~/.claude/settings.json")
    opened.get_by_role("button", name="Windows").click()
    expect(opened.locator("#steps")).to_contain_text("%USERPROFILE%\\.claude\\settings.json")
    opened.get_by_role("button", name="let a command merge it").click()
    assert "dragoman setup claude --write --url" in content(opened)


def test_models_are_shown_as_they_are(opened: Page) -> None:
    rows = {
        row.locator("td").first.text_content(): row.all_inner_texts()[0] for row in opened.locator("#models tr").all()
    }
    assert "262,144" in rows["coder-30b"]
    assert "this network only" in rows["coder-30b"]
    assert "low, medium, high" in rows["coder-30b"]
    assert "outside services" in rows["vendor/large"]
    assert "fast → seeing-9b" in rows
    assert "models.example.com" not in opened.content()


def test_it_comes_back_to_what_was_chosen(opened: Page) -> None:
    opened.get_by_role("button", name="Qwen Code").click()
    expect(opened.locator("#content")).to_contain_text("modelProviders")
    opened.reload()
    expect(opened.get_by_role("button", name="Qwen Code")).to_have_attribute("aria-pressed", "true")
    expect(opened.locator("#content")).to_contain_text("modelProviders")


def test_it_goes_without_a_mouse(opened: Page) -> None:
    for _ in range(3):  # the brand, Claude Code, Codex
        opened.keyboard.press("Tab")
    opened.keyboard.press("Enter")
    expect(opened.locator("#content")).to_contain_text("model_provider")
    expect(opened.get_by_role("button", name="Codex")).to_have_attribute("aria-pressed", "true")
    expect(opened.get_by_role("button", name="Codex")).to_be_focused()


def test_it_says_when_the_proxy_does_not_answer(opened: Page) -> None:
    opened.route("**/generator/files", lambda route: route.abort())
    opened.get_by_role("button", name="Codex").click()
    expect(opened.get_by_role("alert")).to_have_text("The proxy does not answer.")


def test_it_fits_every_screen(opened: Page) -> None:
    opened.get_by_role("button", name="OpenCode").click()
    expect(opened.locator("#content")).to_contain_text("small_model")
    for scheme in SCHEMES:
        for width in (WIDE, NARROW):
            assert picture(opened, f"generator-{scheme}-{width}", scheme, width)
