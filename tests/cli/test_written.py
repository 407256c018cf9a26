"""Files of agents are written with a way back."""

import stat
from pathlib import Path
from typing import Final

import pytest

from dragoman.agents import BY_NAME
from dragoman.agents.agent import Choice, File, Model
from dragoman.agents.jsonc import UnreadableError
from dragoman.cli.written import ChangedSinceError, place_of, undo, write

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
    assert undo(path)
    assert list(path.parent.iterdir()) == []
    assert not undo(path)


def test_what_was_there_stays_and_comes_back(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    path.chmod(0o644)
    assert write(file(), path)
    assert "// mine" in path.read_text()
    assert mode(path) == 0o600
    assert undo(path)
    assert (path.read_text(), mode(path)) == (MINE, 0o644)
    assert list(path.parent.iterdir()) == [path]


def test_written_twice_it_goes_back_to_what_was_before_us(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    assert write(file("one"), path)
    assert write(file("two"), path)
    assert "two" in path.read_text()
    assert undo(path)
    assert path.read_text() == MINE
    assert write(file("one"), path)
    assert write(file("two"), path)
    assert write(file("one"), path)
    assert undo(path)
    assert path.read_text() == MINE


def test_what_changed_since_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(MINE)
    assert write(file(), path)
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ChangedSinceError, match="before-dragoman"):
        undo(path)
    assert write(file("two"), path)
    assert undo(path)  # to what the user had made of it
    assert path.read_text().endswith("\n\n")


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
    assert undo(path)
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
