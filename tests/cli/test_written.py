"""Files of agents are written with a way back."""

import stat
import tomllib
from pathlib import Path
from typing import Final

import pytest

from dragoman.agents import BY_NAME
from dragoman.agents.agent import Choice, File, Model
from dragoman.agents.jsonc import UnreadableError
from dragoman.cli.written import ChangedSinceError, place_of, undo, write
from dragoman.wire import jsons

MINE: Final = '{\n  // mine\n  "theme": "dark"\n}\n'


def file(model: str = "m") -> File:
    return BY_NAME["claude"].file(Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(Model(model),)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".claude" / "settings.json"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_was_not_there_comes_and_goes(path: Path) -> None:
    assert write(file(), path)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert "sk-k" in path.read_text()
    assert not write(file(), path)
    assert undo(file(), path) == "all"
    assert list(path.parent.iterdir()) == []
    assert undo(file(), path) == "nothing"


def test_what_was_there_stays_and_comes_back(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    path.chmod(0o644)
    assert write(file(), path)
    assert "// mine" in path.read_text()
    assert mode(path) == 0o600
    assert undo(file(), path) == "all"
    assert (path.read_text(), mode(path)) == (MINE, 0o644)
    assert list(path.parent.iterdir()) == [path]


def test_written_twice_it_goes_back_to_what_was_before_us(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    assert write(file("one"), path)
    assert write(file("two"), path)
    assert "two" in path.read_text()
    assert undo(file(), path) == "all"
    assert path.read_text() == MINE
    assert write(file("one"), path)
    assert write(file("two"), path)
    assert write(file("one"), path)
    assert undo(file(), path) == "all"
    assert path.read_text() == MINE


def test_what_changed_since_stays_and_ours_goes(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    assert write(file(), path)
    path.write_text(path.read_text().replace("dark", "light").replace("// mine", "// still mine"))
    assert undo(file(), path) == "rest"
    assert path.read_text() == MINE.replace("dark", "light").replace("// mine", "// still mine")
    assert list(path.parent.iterdir()) == [path]


def test_an_agent_that_writes_into_its_file_leaves_the_way_back_open(tmp_path: Path) -> None:
    """Qwen Code (0.24) adds the version of its settings at its first start, Codex the folders that it may trust."""
    qwen = BY_NAME["qwen"].file(Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(Model("m"),)))
    path = tmp_path / "settings.json"
    assert write(qwen, path)
    path.write_text(jsons.write_pretty({**jsons.read(path.read_text()), "$version": 4}))
    assert undo(qwen, path) == "rest"
    assert jsons.read(path.read_text()) == {"$version": 4}
    codex = BY_NAME["codex"].file(Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(Model("m"),)))
    path = tmp_path / "config.toml"
    path.write_text('model = "mine"\n\n[tui]\ntheme = "dark"\n')
    assert write(codex, path)
    path.write_text(path.read_text() + '\n[projects."/work"]\ntrust_level = "trusted"\n')
    assert undo(codex, path) == "rest"
    assert tomllib.loads(path.read_text()) == {
        "model": "mine",
        "tui": {"theme": "dark"},
        "projects": {"/work": {"trust_level": "trusted"}},
    }
    assert sorted(each.name for each in tmp_path.iterdir()) == ["config.toml", "settings.json"]


@pytest.mark.parametrize("now", ["{ nonsense", "[]", ""])
def test_what_is_nothing_like_it_any_more_is_left_alone(path: Path, now: str) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    assert write(file(), path)
    path.write_text(now)
    if now:
        with pytest.raises(ChangedSinceError, match="before-dragoman"):
            undo(file(), path)
    else:
        assert undo(file(), path) == "rest"
    assert path.read_text() == now


def test_what_cannot_be_read_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("{ nonsense")
    with pytest.raises(UnreadableError):
        write(file(), path)
    assert path.read_text() == "{ nonsense"
    assert list(path.parent.iterdir()) == [path]


def test_a_link_to_a_folder_of_settings_stays_one(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    (tmp_path / "dotfiles.json").write_text(MINE)
    path.symlink_to(tmp_path / "dotfiles.json")
    assert write(file(), path)
    assert path.is_symlink()
    assert undo(file(), path) == "all"
    assert (tmp_path / "dotfiles.json").read_text() == MINE


def test_where_it_is(tmp_path: Path) -> None:
    def place(name: str, **env: str) -> str:
        made = BY_NAME[name].file(Choice(origin="http://x", key="k", models=(Model("m"),)))
        return str(place_of(made, env, lambda: tmp_path).relative_to(tmp_path))

    assert place("claude") == ".claude/settings.json"
    assert place("claude", CLAUDE_CONFIG_DIR=str(tmp_path / "c")) == "c/settings.json"
    assert place("codex", CODEX_HOME=str(tmp_path / "x")) == "x/config.toml"
    assert place("opencode") == ".config/opencode/opencode.json"
    assert place("opencode", XDG_CONFIG_HOME=str(tmp_path / "x")) == "x/opencode/opencode.json"
    (tmp_path / "x" / "opencode").mkdir(parents=True)
    (tmp_path / "x" / "opencode" / "opencode.jsonc").write_text("{}")
    assert place("opencode", XDG_CONFIG_HOME=str(tmp_path / "x")) == "x/opencode/opencode.jsonc"
