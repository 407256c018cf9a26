"""`dragoman setup` beside a running proxy, and without one."""

import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from dragoman.agents import AGENTS
from dragoman.agents.agent import KEY_PLACE, Agent
from dragoman.cli import app
from dragoman.wire import jsons
from tests.serving import Served, free_port, serving

KEY: Final = "sk-setup-0123456789abcdef"
NOBODY: Final = "http://127.0.0.1:9/v1"
CONFIG: Final = {
    "models": [
        {"name": "large", "context_window": 131_072, "supports_vision": True, "backends": [NOBODY]},
        {"name": "small", "context_window": 32_768, "backends": [NOBODY]},
    ],
    "keys": [{"key": KEY}],
    "data_dir": "none",
}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(CONFIG, tmp_path_factory.mktemp("proxy")) as served:
        yield served


def setup(home: Path, *arguments: str, key: str = KEY) -> Result:
    env = {"HOME": str(home), "DRAGOMAN_KEY": key, "XDG_CONFIG_HOME": None, "CODEX_HOME": None}
    return CliRunner().invoke(app, ["setup", *arguments], env=env)


def test_it_prints_a_file_that_can_be_put_there_as_it_is(proxy: Served, tmp_path: Path) -> None:
    result = setup(tmp_path, "codex", "--url", proxy.url, "--effort", "high")
    assert result.exit_code == 0, result.stderr
    said = tomllib.loads(result.stdout)
    assert (said["model"], said["model_context_window"]) == ("large", 131_072)
    assert said["model_reasoning_effort"] == "high"
    assert said["model_providers"]["dragoman"]["experimental_bearer_token"] == KEY
    windowed = setup(tmp_path, "codex", "--url", proxy.url, "--window", "65536")
    assert tomllib.loads(windowed.stdout)["model_context_window"] == 65_536
    assert str(tmp_path / ".codex" / "config.toml") in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_it_writes_and_takes_back(agent: Agent, proxy: Served, tmp_path: Path) -> None:
    once = setup(tmp_path, agent.name, "--write", "--url", f"{proxy.url}/v1/", "--model", "small")
    assert once.exit_code == 0, once.stderr
    (path,) = [each for each in tmp_path.rglob("*.*") if each.suffix in {".json", ".toml"}]
    text = path.read_text()
    assert proxy.url in text
    assert "32768" in text
    assert KEY in text
    assert KEY not in once.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "says this already" in setup(tmp_path, agent.name, "--write", "--url", proxy.url, "--model", "small").stdout
    assert path.read_text() == text
    assert "is as it was" in setup(tmp_path, agent.name, "--undo").stdout
    assert not path.exists()
    assert "nothing to put back" in setup(tmp_path, agent.name, "--undo").stdout


def test_a_proxy_of_the_network_that_leads_past_ours_is_told(
    proxy: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    for _ in range(2):
        written = setup(tmp_path, "codex", "--write", "--url", proxy.url)
        assert written.exit_code == 0, written.stderr
        assert "- HTTP_PROXY is set, and agents go by it even to 127.0.0.1: add 127.0.0.1 to NO_PROXY" in written.stdout
    for way in ("--print", "--script=sh"):
        shown = setup(tmp_path, "codex", way, "--url", proxy.url)
        assert ("NO_PROXY" in shown.stdout, "add 127.0.0.1 to NO_PROXY" in shown.stderr) == (False, True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for way in ("--write", "--print"):
        assert "NO_PROXY" not in setup(tmp_path, "codex", way, "--url", proxy.url).output


def test_nothing_is_put_back_where_no_agent_has_ever_been(tmp_path: Path) -> None:
    result = setup(tmp_path, "claude", "--undo")
    assert (result.exit_code, "nothing to put back" in result.stdout) == (0, True)


def test_without_a_home_it_says_what_to_set(proxy: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user of a container who stands in no list of users."""
    monkeypatch.setattr(Path, "home", no_home)
    shown = setup(tmp_path, "codex", "--url", proxy.url)
    assert (shown.exit_code, "~/.codex/config.toml" in shown.stderr) == (0, True)
    for way in ("--write", "--undo"):
        result = setup(tmp_path, "codex", "--url", proxy.url, way)
        assert result.exit_code == 1
        assert "set HOME, or CODEX_HOME" in result.stderr
    moved = {"HOME": None, "DRAGOMAN_KEY": KEY, "CODEX_HOME": str(tmp_path / "moved")}
    written = CliRunner().invoke(app, ["setup", "codex", "--url", proxy.url, "--write"], env=moved)
    assert written.exit_code == 0, written.output
    assert (tmp_path / "moved" / "config.toml").exists()


def no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_script_in_place_of_a_file(proxy: Served, tmp_path: Path) -> None:
    result = setup(tmp_path, "opencode", "--url", proxy.url, "--script", "powershell")
    assert result.stdout.startswith("# Starts OpenCode")
    assert KEY in result.stdout


def test_slots_and_mistakes(proxy: Served, tmp_path: Path) -> None:
    result = setup(tmp_path, "claude", "--url", proxy.url, "--model", "large", "--model", "haiku=small")
    assert jsons.read(result.stdout)["env"]["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "small"
    wrong = setup(tmp_path, "claude", "--url", proxy.url, "--model", "haiku=smal")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "did you mean small?" in wrong.stderr
    assert setup(tmp_path, "claude", "--write", "--undo").exit_code == 2
    assert setup(tmp_path, "claude", "--url", "ftp://x").exit_code == 2
    assert setup(tmp_path, "emacs").exit_code == 2


def test_a_key_is_asked_for(proxy: Served, tmp_path: Path) -> None:
    assert "wants a key" in setup(tmp_path, "qwen", "--write", "--url", proxy.url, key="").stderr
    assert "does not know this key" in setup(tmp_path, "qwen", "--url", proxy.url, key="sk-other").stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_proxy_it_goes_by_what_is_said(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert "dragoman serve" in setup(tmp_path, "qwen", "--url", nowhere, key="").stderr
    result = setup(tmp_path, "qwen", "--url", nowhere, "--model", "m", key="")
    assert result.exit_code == 0
    assert KEY_PLACE in result.stdout
    assert "not known" in result.stderr
    written = setup(tmp_path, "qwen", "--write", "--url", nowhere, "--model", "m", key="")
    assert f"Put your key in the place of {KEY_PLACE}" in written.stdout


def test_a_file_that_cannot_be_read_or_written_is_left(proxy: Served, tmp_path: Path) -> None:
    path = tmp_path / ".qwen" / "settings.json"
    path.parent.mkdir()
    path.write_text("{ nonsense")
    result = setup(tmp_path, "qwen", "--write", "--url", proxy.url)
    assert result.exit_code == 1
    assert "cannot be read as JSON" in result.stderr
    assert path.read_text() == "{ nonsense"
    path.unlink()
    path.mkdir()
    assert "cannot be written" in setup(tmp_path, "qwen", "--write", "--url", proxy.url).stderr


@pytest.mark.parametrize(("agent", "folder", "strict"), [("claude", ".claude", True), ("qwen", ".qwen", False)])
def test_comments_stay_and_whose_agent_takes_none_is_told(
    agent: str, folder: str, strict: bool, proxy: Served, tmp_path: Path
) -> None:
    """Claude Code (2.1) reads nothing of a settings.json that holds comments."""
    path = tmp_path / folder / "settings.json"
    path.parent.mkdir()
    path.write_text('{"x": 1} // mine\n')
    result = setup(tmp_path, agent, "--url", proxy.url, "--write")
    assert result.exit_code == 0, result.output
    assert "// mine" in path.read_text()
    assert ("reads none of it" in result.output) == strict
    path.write_text('{"x": 1}\n')
    assert "reads none of it" not in setup(tmp_path, agent, "--url", proxy.url, "--write").output


def test_a_profile_of_older_codex_stays_and_is_told(proxy: Served, tmp_path: Path) -> None:
    """Codex 0.171 does not start with the line; older releases took the model from the profile."""
    path = tmp_path / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('profile = "work"\n\n[profiles.work]\nmodel_provider = "other"\n')
    for _ in range(2):
        result = setup(tmp_path, "codex", "--url", proxy.url, "--write")
        assert result.exit_code == 0, result.output
        assert "`profile = ...` in config.toml has to go" in result.stdout
    assert tomllib.loads(path.read_text())["profile"] == "work"
    path.write_text('[profiles.work]\nmodel_provider = "other"\n')
    assert "has to go" not in setup(tmp_path, "codex", "--url", proxy.url, "--write").stdout


def test_what_changed_since_is_told(proxy: Served, tmp_path: Path) -> None:
    setup(tmp_path, "qwen", "--write", "--url", proxy.url)
    path = tmp_path / ".qwen" / "settings.json"
    written = path.read_text()
    for text in ("{ nonsense", None):
        path.unlink() if text is None else path.write_text(text)
        result = setup(tmp_path, "qwen", "--undo")
        assert result.exit_code == 1
        assert "has changed since" in result.stderr
    path.write_text(written.replace("{", '{"theirs": 1,', 1))
    result = setup(tmp_path, "qwen", "--undo")
    assert (result.exit_code, "what has changed stays" in result.stdout) == (0, True)
    assert jsons.read(path.read_text()) == {"theirs": 1}
