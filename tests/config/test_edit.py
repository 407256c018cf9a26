"""What is done to the file on behalf of a command or a page: exactly what was asked, or nothing."""

import os
import stat
from pathlib import Path

import pytest

from dragoman.config import edit, key_edits, splices
from dragoman.config.edit import EditError
from dragoman.config.load import load_file
from tests.config.editing import FILE, refused, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path)


def test_what_was_stays_beside_it_as_private_as_it_was(path: Path) -> None:
    path.chmod(0o600)
    key_edits.add_key(path, "eve", [], {})
    copy = path.with_name("config.yaml.bak")
    assert copy.read_text() == FILE
    assert [stat.S_IMODE(one.stat().st_mode) for one in (copy, path)] == [0o600, 0o600]


def test_a_link_stays_one(path: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "config.yaml"
    link.symlink_to(path)
    key_edits.add_key(link, "eve", [], {})
    assert link.is_symlink()
    assert len(edit.read(path, {}).keys) == 3


def test_a_mark_at_the_head_stays(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + FILE.encode())
    key_edits.add_key(path, "eve", [], {})
    assert path.read_bytes().startswith(b"\xef\xbb\xbf# Ours.")


def test_variables_count_where_they_are_set(path: Path) -> None:
    environment = {"ANNS_KEY": "sk-aaaaaaaaaaaaaaaa", "BACKEND_KEY": "b"}
    key_edits.add_key(path, "eve", [], environment)
    assert load_file(path, environment).config is not None


def test_variables_that_are_set_elsewhere_or_need_not_be(path: Path) -> None:
    """With its default a variable may be anything; without, it may be a name, a secret or a URL."""
    path.write_text(
        "listen: ${DRAGOMAN_LISTEN:-127.0.0.1:9}\nmax_body_mb: ${MAX_MB:-50}\n"
        "models: [{name: '${NAME}', backends: ['${URL}', '${OTHER:-http://127.0.0.1:9/v1}'], api_key: '${KEY}'}]\n"
    )
    key_edits.add_key(path, "eve", [], {})
    loaded = load_file(path, {"NAME": "m", "URL": "http://127.0.0.1:8/v1", "KEY": "k"})
    assert loaded.config is not None, loaded.findings
    assert [key.name for key in loaded.config.keys] == ["eve"]


def test_what_would_be_no_yaml_is_no_mistake_of_the_file(path: Path) -> None:
    path.write_text("---\nmodels: [{name: m, backends: ['http://127.0.0.1:9/v1']}]\n...\n")
    assert "by hand" in refused(path, "add_key", "eve", [])


@pytest.mark.parametrize("wrong", ["models: []\n", "modles: 1\n", "models: [", "max_body_mb: x\n" + FILE])
def test_a_file_with_mistakes_is_not_touched(wrong: str, path: Path) -> None:
    path.write_text(wrong)
    assert "config.yaml" in refused(path, "add_key", "eve", [])


def test_nothing_is_written_that_says_something_else(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(text: str, *_: object) -> str:
        return text.replace("bob", "bop")

    monkeypatch.setattr(splices, "appended", wrong)
    assert "by hand" in refused(path, "add_key", "eve", [])
    monkeypatch.setattr(splices, "appended", lambda *_: "models: []\n")
    assert "none given" in refused(path, "add_key", "eve", [])


def test_where_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="there is no such file"):
        key_edits.add_key(tmp_path / "none.yaml", "eve", [], {})
    with pytest.raises(EditError, match="there is no such file"):
        edit.read(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(("number", "word"), [(13, "permission"), (16, "mount its folder"), (30, "Read-only")])
def test_where_it_cannot_be_written(number: int, word: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(edit, "replace", fails)
    assert word in refused(path, "add_key", "eve", [])
