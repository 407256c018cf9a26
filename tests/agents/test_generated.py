"""The real agents, set up by what we generate: by their own file, by a script, and by `dragoman launch`."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dragoman.agents import AGENTS
from dragoman.wire import jsons
from tests.agents import installed
from tests.agents.launch import environment
from tests.agents.scenarios import DONE, PROMPTS
from tests.agents.scripted_backend import ScriptedBackend
from tests.serving import PROGRAM, Served, serving

pytestmark = pytest.mark.agents

KEY: Final = "sk-dragoman-generated-test"
SECONDS: Final = 120
WAYS: Final = ("file", "script", "launch")
SLOW: Final = ("opencode", "script")  # the same variable as by launch, and a quarter of a minute
PROMPT: Final = PROMPTS["text"]
# What the user has for other purposes, and for `dragoman serve` to find.
OTHERS: Final = {
    "ANTHROPIC_API_KEY": "sk-of-a-vendor",
    "OPENAI_API_KEY": "sk-of-a-vendor",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "OPENAI_MODEL": "other",
}
# What each is given to say one thing and end; more for the run with slots.
ARGUMENTS: Final = {
    "claude": ("-p", "--output-format", "stream-json", "--verbose", "--", PROMPT),
    "codex": ("--strict-config", "exec", "--json", "--skip-git-repo-check", "--", PROMPT),
    "opencode": ("run", "--format", "json", PROMPT),
    "qwen": ("-p", PROMPT, "--output-format", "stream-json"),
}
LETTERS: Final = {"claude": "a", "codex": "b", "opencode": "c", "qwen": "d"}
# Where a second model is chosen for, and how the agent is brought to use it.
SLOTS: Final = {
    "claude": ("haiku", ("--model", "haiku")),
    "opencode": ("plan", ("--agent", "plan")),
    "qwen": ("", ("-m", "lab-d-slots-side")),
}


def model(agent: str, way: str, part: str = "main") -> str:
    """No vendor's name: agents change their manners by those."""
    return f"lab-{LETTERS[agent]}-{way}-{part}"


@pytest.fixture(scope="module")
def backend() -> Iterator[ScriptedBackend]:
    with ScriptedBackend("chat") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(backend: ScriptedBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("proxy")
    names = [model(agent.name, way, part) for agent in AGENTS for way in (*WAYS, "slots") for part in ("main", "side")]
    for name in names:
        backend.play(name, "text", folder)
    place = {"url": f"{backend.url}/v1", "api_key": backend.key}
    models = [{"name": name, "context_window": 96_000, "backends": [place]} for name in names]
    search = {"web_search": [{"provider": "searxng", "url": "http://127.0.0.1:9"}]}
    with serving({"models": models, "keys": [{"key": KEY}], "processors": search}, folder) as served:
        yield served


class Room:
    """A user with one agent on the PATH and nothing else."""

    def __init__(self, agent: str, folder: Path) -> None:
        found = installed.command(agent)
        if found is None:
            pytest.skip(f"{agent} is not installed")
        for name in ("bin", "home", "work"):
            (folder / name).mkdir()
        program = folder / "bin" / agent
        program.write_text(f'#!/bin/sh\nexec {" ".join(found)} "$@"\n')
        program.chmod(0o755)
        self.folder: Final = folder
        usual = environment(folder / "home")
        usual["PATH"] = f"{folder / 'bin'}{os.pathsep}{usual['PATH']}"
        self._environment: Final = {**usual, **OTHERS, "DRAGOMAN_KEY": KEY, "IS_SANDBOX": "1"}

    def run(self, *command: str) -> str:
        ended = subprocess.run(
            command,
            cwd=self.folder / "work",
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout[-2000:]}\n{ended.stderr[-2000:]}"
        return ended.stdout

    def setup(self, agent: str, *arguments: str) -> str:
        return self.run(str(PROGRAM), "setup", agent, *arguments)


@pytest.mark.parametrize(
    ("agent", "way"), [(agent, way) for agent in ARGUMENTS for way in WAYS if (agent, way) != SLOW]
)
def test_it_works_as_it_was_set_up(
    agent: str, way: str, proxy: Served, backend: ScriptedBackend, tmp_path: Path
) -> None:
    room, name = Room(agent, tmp_path), model(agent, way)
    chosen = ("--url", proxy.url, "--model", name)
    match way:
        case "file":
            room.setup(agent, "--write", *chosen)
            said = room.run(agent, *ARGUMENTS[agent])
        case "script":
            (tmp_path / "start.sh").write_text(room.setup(agent, "--script", "sh", *chosen))
            said = room.run("sh", str(tmp_path / "start.sh"), *ARGUMENTS[agent])
        case _:
            said = room.run(str(PROGRAM), "launch", agent, *chosen, "--", *ARGUMENTS[agent])
    assert DONE in said
    asked = [each for each in backend.recorded(name) if each.heard.tools]
    assert asked, proxy.last_words()
    # A window of 96,000: as much of it as an answer may take, for those who say so.
    limits = {jsons.read(each.body).get("max_tokens") for each in asked}
    assert limits <= {None, 24_000, 32_000}, limits
    if agent == "opencode":  # whose search is the proxy's
        assert any(tool.startswith("dragoman_web_search") for each in asked for tool in each.heard.tools)
    for file in (".claude/settings.json", ".codex/config.toml", ".config/opencode/opencode.json"):
        assert way == "file" or not (tmp_path / "home" / file).exists()


@pytest.mark.parametrize("agent", SLOTS)
def test_another_model_has_its_place(agent: str, proxy: Served, backend: ScriptedBackend, tmp_path: Path) -> None:
    room = Room(agent, tmp_path)
    slot, how = SLOTS[agent]
    main, side = model(agent, "slots"), model(agent, "slots", "side")
    room.setup(agent, "--write", "--url", proxy.url, "--model", main, "--model", f"{slot}={side}" if slot else side)
    said = room.run(agent, *how, *ARGUMENTS[agent]) if agent != "opencode" else _plan(room, how)
    assert DONE in said
    assert any(each.heard.tools for each in backend.recorded(side))


def test_qwen_code_finds_the_proxys_search(proxy: Served, tmp_path: Path) -> None:
    room = Room("qwen", tmp_path)
    room.setup("qwen", "--write", "--url", proxy.url)
    assert "Connected" in room.run("qwen", "mcp", "list")


def _plan(room: Room, how: tuple[str, ...]) -> str:
    first, *rest = ARGUMENTS["opencode"]
    return room.run("opencode", first, *how, *rest)
