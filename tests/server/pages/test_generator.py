"""The page of the agents' settings, as its script asks for them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import KEY_PLACE, Choice, Model
from dragoman.agents.merge import merged
from dragoman.agents.shells import SHELLS
from dragoman.wire import jsons
from tests.gateway.stage import NOBODY, Heard, House, house, model, run

ORIGIN: Final = "http://proxy.example:8080"
KEY: Final = "sk-client-0123456789abcdef"
BACKEND_KEY: Final = "sk-of-the-backend-0123456789"


def visited(visit: Callable[[House], Awaitable[None]], **config: Any) -> None:
    """With a page, models of which one is restricted, and a secret to keep."""

    async def main() -> None:
        models = [
            model("large", NOBODY, context_window=131_072, supports_vision=True, api_key=BACKEND_KEY),
            model("small", NOBODY, context_window=32_768),
        ]
        settings = {"serve_config_generator": True, "keys": [{"key": KEY, "models": ["small"]}], **config}
        async with house(models, **settings) as running:
            await visit(running)

    run(main)


async def files(running: House, headers: dict[str, str] | None = None, **said: Any) -> Heard:
    return await running.ask(
        "/generator/files",
        jsons.write({"agent": "codex", "models": ["large"], "origin": ORIGIN, **said}),
        headers={"content-type": "application/json", **(headers or {})},
    )


def test_what_can_be_chosen_is_told_without_a_place_or_a_key() -> None:
    async def visit(running: House) -> None:
        heard = await running.ask("/generator/choices", method="GET")
        assert heard.status == 200
        assert [agent["name"] for agent in heard.json["agents"]] == [agent.name for agent in AGENTS]
        assert [one["id"] for one in heard.json["models"]] == ["large", "small"]
        assert heard.json["key_place"] == KEY_PLACE
        for secret in (KEY, BACKEND_KEY, "127.0.0.1", "backend"):
            assert secret not in heard.body.decode()

    visited(visit)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_the_page_shows_what_the_commands_write(agent: Any) -> None:
    async def visit(running: House) -> None:
        said = (await files(running, agent=agent.name, models=["small"])).json
        small = Model("small", 32_768)
        others = (Model("large", 131_072, vision=True),) if agent.several else ()
        choice = Choice(origin=ORIGIN, key=KEY_PLACE, models=(small, *others))
        file = agent.file(choice)
        assert said["file"] == {"path": file.path, "name": file.names[0], "content": merged(file)}
        scripts = {script["shell"]: script["content"] for script in said["scripts"]}
        assert scripts == {shell.name: shell.script(agent.start(choice), agent.title) for shell in SHELLS}
        assert said["setup"] == f"dragoman setup {agent.name} --write --url {ORIGIN} --model small"
        assert said["install"] == f"npm install -g {agent.package}@latest"

    visited(visit)


def test_choices_are_followed() -> None:
    async def visit(running: House) -> None:
        said = (await files(running, effort="high", quiet=False, search=True)).json
        assert 'model_reasoning_effort = "high"' in said["file"]["content"]
        assert "analytics" not in said["file"]["content"]
        assert 'web_search = "live"' in said["file"]["content"]
        assert said["setup"].endswith("--effort high --no-quiet")
        windowed = (await files(running, window=65_536)).json
        assert "model_context_window = 65536" in windowed["file"]["content"]
        assert windowed["setup"].endswith("--window 65536")
        assert "65536" not in (await files(running, agent="qwen", window=65_536)).body.decode()
        slots = (await files(running, agent="claude", models=["large", "haiku=small"])).json["file"]["content"]
        assert jsons.read(slots)["env"]["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "small"

    visited(visit, processors={"web_search_key": "tvly-0123456789abcdef"})


def test_search_is_offered_only_where_there_is_one() -> None:
    async def visit(running: House) -> None:
        assert "web_search" not in (await files(running, search=True)).json["file"]["content"]

    visited(visit)


def test_without_keys_no_key_is_asked_for_and_other_sites_are_refused() -> None:
    async def visit(running: House) -> None:
        assert (await running.ask("/generator/choices", method="GET")).json["key_place"] == ""
        assert KEY_PLACE not in (await files(running)).body.decode()
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            assert (await files(running, headers)).status == 403
        assert (await running.ask("/generator/choices", method="GET", headers={"host": "evil.example"})).status == 403

    visited(visit, keys=[])


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"agent": "emacs"}, "agent"),
        ({"agent": ["codex"]}, "agent"),
        ({"models": ["lareg"]}, "did you mean large?"),
        ({"models": "large"}, "models"),
        ({"models": [1]}, "models"),
        ({"models": ["m"] * 501}, "models"),
        ({"origin": "javascript:alert(1)"}, "origin"),
        ({"origin": "http://x/'; rm -rf /"}, "origin"),
        ({"origin": 1}, "origin"),
        ({"effort": "high\nx = 1"}, "effort"),
        ({"window": 0}, "window"),
        ({"window": True}, "window"),
        ({"window": 1.5}, "window"),
        ({"window": "1\nx = 1"}, "window"),
    ],
)
def test_what_makes_no_sense_is_refused(said: dict[str, Any], word: str) -> None:
    async def visit(running: House) -> None:
        heard = await files(running, **said)
        assert heard.status == 400
        assert word in heard.error["message"]

    visited(visit)


@pytest.mark.parametrize(
    ("agent", "words"), [("codex", ["`profile = ...`"]), ("opencode", ["`enabled_providers`", "`disabled_providers`"])]
)
def test_what_keeps_an_agent_from_its_file_is_told_beside_it(agent: str, words: list[str]) -> None:
    async def visit(running: House) -> None:
        notes = " ".join((await files(running, agent=agent)).json["notes"])
        assert [word for word in words if word not in notes] == []

    visited(visit)


def test_where_it_is_off_there_is_no_page() -> None:
    async def visit(running: House) -> None:
        assert (await files(running)).status == 404
        assert (await running.ask("/assets/generator.js", method="GET")).status == 404
        assert "dragoman" in (await running.ask("/", method="GET")).json

    visited(visit, serve_config_generator=False)


def test_texts_of_agents_have_their_commands_between_backticks() -> None:
    for agent in BY_NAME.values():
        file = agent.file(Choice(origin=ORIGIN, key=KEY, models=(Model("small"),)))
        for text in (*agent.notes, *file.hindrances.values(), *(slot.about for slot in agent.slots)):
            assert text.count("`") % 2 == 0
