"""What `dragoman serve` says when it starts."""

from typing import Any

import pytest

from dragoman.agents import AGENTS
from dragoman.cli.banner import banner
from dragoman.cli.serve import _found_config
from dragoman.config.schema import Config
from dragoman.hub.route import Secret
from dragoman.routing.known import Knowledge, Known
from dragoman.routing.resolve import Router
from dragoman.routing.zero_config import Candidate, Found
from tests.gateway.stage import source

URL = "http://127.0.0.1:8000/v1"


def config(*models: dict[str, Any], **more: Any) -> Config:
    return source({"models": list(models), **more}).current.config


def said(of: Config, *found: Found, knowledge: Knowledge | None = None) -> str:
    return banner(of, found, "http://127.0.0.1:8080", Router(knowledge or Knowledge()))


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.split("\n")]


def test_a_proxy_of_the_network_that_leads_past_ours_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert "add 127.0.0.1 to NO_PROXY" in " ".join(said(config({"name": "m", "backends": [URL]})).split())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "NO_PROXY" not in said(config({"name": "m", "backends": [URL]}))


def test_models_backends_and_windows_are_listed() -> None:
    knowledge = Knowledge()
    knowledge.learn(URL, "org/m", Known(context_window=32768))
    text = said(
        config(
            {"name": "m", "model": "org/m", "backends": [URL, "http://127.0.0.1:8001/v1"], "context_window": 5},
            {
                "name": "claude",
                "type": "anthropic",
                "backends": ["https://api.anthropic.com"],
                "context_window": 200000,
            },
            {"name": "gpt", "type": "responses", "backends": [URL]},
            aliases={"short": "m"},
        ),
        knowledge=knowledge,
    )
    assert text.startswith("Dragoman ")
    assert "listens on http://127.0.0.1:8080" in text.split("\n")[0]
    assert ["m", URL, "and", "1", "more", "Chat", "Completions", "32,768"] in rows(text)
    assert ["claude", "https://api.anthropic.com", "Messages", "200,000"] in rows(text)
    assert ["gpt", URL, "Responses"] in rows(text)
    assert ["short", "alias", "of", "m"] in rows(text)
    assert '"CLAUDE_CODE_MAX_CONTEXT_TOKENS":"32768"' in text


def test_agents_are_given_a_model_for_conversations() -> None:
    knowledge = Knowledge()
    knowledge.learn(URL, "all-minilm", Known(family="ollama", context_window=256))
    text = said(
        config({"name": "all-minilm", "backends": [URL]}, {"name": "m", "backends": [URL]}), knowledge=knowledge
    )
    assert ["all-minilm", URL, "no", "conversations", "256"] in rows(text)
    assert text.count("all-minilm") == 1
    assert "qwen --auth-type openai -m m\n" in text


def test_the_demo_model_stands_beside_what_only_embeds() -> None:
    found = Found(Candidate("Ollama", URL), Secret(""), ("nomic-embed-text",))
    assert [model.name for model in _found_config((found,)).models] == ["dragoman-demo", "nomic-embed-text"]


def test_every_agent_has_its_line_whole_however_long() -> None:
    name = "a-model-with-a-very-long-name-" * 8
    text = said(config({"name": name, "backends": [URL]}))
    lines = text.split("\n")
    for agent in AGENTS:
        line = lines[lines.index(agent.title) + 1]
        assert line.startswith("  ")
        assert name in line


def test_names_are_not_taken_for_markup() -> None:
    text = said(config({"name": "[/bold]m[red]", "backends": [URL]}, aliases={"[x": "[/bold]m[red]"}))
    assert "[/bold]m[red]" in text
    assert "[x" in text


def test_keys_are_not_told() -> None:
    text = said(config({"name": "m", "backends": [URL]}, keys=[{"key": "sk-0123456789abcdef"}]))
    assert "sk-0123456789abcdef" not in text
    assert "YOUR-KEY" in text
    assert "ANTHROPIC_AUTH_TOKEN=dragoman" in said(config({"name": "m", "backends": [URL]}))


def test_the_page_of_settings_is_named_where_it_is_on() -> None:
    page = "settings for every model: http://127.0.0.1:8080/"
    assert page not in said(config({"name": "m", "backends": [URL]}))
    assert page in said(config({"name": "m", "backends": [URL]}, serve_config_generator=True))


def test_many_models_are_counted() -> None:
    text = said(config(*({"name": f"m{n}", "backends": [URL]} for n in range(60))))
    assert "... and 35 more" in text
    assert "m24" in text
    assert "m25 " not in text


def test_troubles_are_told() -> None:
    vendor = Found(
        Candidate("OpenAI", "https://x/v1", "OPENAI_API_KEY"), Secret("k"), trouble="it answers with HTTP 401"
    )
    local = Found(Candidate("vLLM", URL), Secret(""), trouble="it wants a key")
    text = said(config({"name": "m", "backends": [URL]}), vendor, local)
    assert "OpenAI (OPENAI_API_KEY is set): it answers with HTTP 401" in text
    assert f"vLLM ({URL}): it wants a key" in text


def test_where_nothing_was_found_it_says_what_to_do() -> None:
    text = said(_found_config(()))
    assert "dragoman-demo" in text
    assert " ".join(text.split()).count("No model server answered on this machine") == 1
    assert "OPENAI_API_KEY" in text


def test_a_window_too_small_for_agents_is_named_where_prompts_are_cut_without_a_word() -> None:
    for family, window, is_named in (("ollama", 4096, True), ("ollama", 65536, False), ("vllm", 4096, False)):
        knowledge = Knowledge()
        knowledge.learn(URL, "m", Known(family=family, context_window=window))
        text = said(config({"name": "m", "backends": [URL]}), knowledge=knowledge)
        assert ("m: Ollama cuts prompts at 4,096 tokens" in text) == is_named
