"""The whole file in a person's hands: shown without its secrets, saved when it is sound, and only over what was shown."""

from pathlib import Path
from typing import Final

import pytest

from dragoman.config import rewrite
from dragoman.config.edit import EditError

FILE: Final = """\
# Ours.
models:
  - name: my-model
    backends: [http://127.0.0.1:9/v1]
    api_key: sk-of-the-backend
keys:
  - {name: ann, key: "${ANNS_KEY}"}
"""
ENVIRONMENT: Final = {"ANNS_KEY": "sk-aaaaaaaaaaaaaaaa"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "config.yaml"
    made.write_text(FILE)
    return made


def test_what_is_shown_and_saved_again_is_the_same(path: Path) -> None:
    shown = rewrite.show(path)
    assert "sk-of-the-backend" not in shown.text
    loaded = rewrite.save(path, shown.text, shown.version, ENVIRONMENT)
    assert loaded.config is not None
    assert path.read_text() == FILE
    assert [file.name for file in path.parent.iterdir()] == ["config.yaml"]


def test_a_sound_change_is_written_and_what_was_stays_beside_it(path: Path) -> None:
    shown = rewrite.show(path)
    loaded = rewrite.save(path, shown.text + "aliases: {short: my-model}\n", shown.version, ENVIRONMENT)
    assert loaded.config is not None
    assert loaded.config.aliases == {"short": "my-model"}
    assert path.read_text() == FILE + "aliases: {short: my-model}\n"
    assert path.with_name("config.yaml.bak").read_text() == FILE


@pytest.mark.parametrize(
    ("edited", "line"),
    [("modles: 1\n", 1), ("models: [\n", 2), ("models:\n  - name: m\n    backends: [ftp://x]\n", 3), ("", None)],
)
def test_mistakes_are_told_with_their_lines_and_nothing_is_written(edited: str, line: int | None, path: Path) -> None:
    shown = rewrite.show(path)
    for act in (rewrite.check, rewrite.save):
        loaded = act(path, edited, shown.version, ENVIRONMENT)
        assert loaded.config is None
        assert line in [finding.line for finding in loaded.findings]
    assert path.read_text() == FILE


def test_a_check_writes_nothing(path: Path) -> None:
    shown = rewrite.show(path)
    assert rewrite.check(path, shown.text + "max_body_mb: 3\n", shown.version, ENVIRONMENT).config is not None
    assert path.read_text() == FILE


def test_a_variable_that_is_not_set_is_a_mistake_here(path: Path) -> None:
    """The file is about to be served by this very process."""
    shown = rewrite.show(path)
    assert rewrite.save(path, shown.text + "max_body_mb: 3\n", shown.version, {}).config is None
    assert path.read_text() == FILE


def test_a_file_that_has_changed_meanwhile_is_left(path: Path) -> None:
    shown = rewrite.show(path)
    path.write_text(FILE + "max_body_mb: 3\n")
    for act in (rewrite.check, rewrite.save):
        with pytest.raises(EditError, match="has changed meanwhile"):
            act(path, shown.text, shown.version, ENVIRONMENT)
    assert path.read_text() == FILE + "max_body_mb: 3\n"


def test_a_secret_that_there_is_not_is_told(path: Path) -> None:
    shown = rewrite.show(path)
    with pytest.raises(EditError, match="hidden-secret-7 is not the name"):
        rewrite.save(path, shown.text.replace("hidden-secret-1", "hidden-secret-7"), shown.version, ENVIRONMENT)


def test_line_breaks_and_a_mark_at_the_head_stay(path: Path) -> None:
    data = b"\xef\xbb\xbf" + FILE.replace("\n", "\r\n").encode()
    path.write_bytes(data)
    shown = rewrite.show(path)
    in_a_browser = shown.text.replace("\r\n", "\n")
    rewrite.save(path, in_a_browser, shown.version, ENVIRONMENT)
    assert path.read_bytes() == data
    rewrite.save(path, in_a_browser + "max_body_mb: 3\n", shown.version, ENVIRONMENT)
    assert path.read_bytes() == data + b"max_body_mb: 3\r\n"


@pytest.mark.parametrize("broken", [b"models: [\n", b"a: \xff\n"])
def test_what_nobody_can_read_is_not_shown(broken: bytes, path: Path) -> None:
    """Where its secrets are, nobody can say."""
    path.write_bytes(broken)
    with pytest.raises(EditError, match="mend it where it lies"):
        rewrite.show(path)


def test_where_there_is_no_file(tmp_path: Path) -> None:
    for act in (
        rewrite.show,
        lambda path: rewrite.check(path, "", "", {}),
        lambda path: rewrite.save(path, "", "", {}),
    ):
        with pytest.raises(EditError, match="there is no such file"):
            act(tmp_path / "none.yaml")
