"""`dragoman check`: what is wrong with a file, and an exit status that scripts can act on."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dragoman.cli import app

GOOD = "models:\n  - name: m\n    backends: [http://127.0.0.1:1/v1]\n"


def checked(content: str | None, tmp_path: Path, *more: str) -> Result:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    return CliRunner().invoke(app, ["check", "--config", str(path), *more])


def test_a_good_file_is_fine(tmp_path: Path) -> None:
    result = checked(GOOD, tmp_path)
    assert result.exit_code == 0
    assert result.stdout.endswith("config.yaml: fine: 1 model, 0 keys\n")
    assert result.stderr == ""


def test_a_file_with_warnings_is_fine_too(tmp_path: Path) -> None:
    result = checked(GOOD + "allow_unauthenticated: true\nkeys: [{key: sk-0123456789abcdef}]\n", tmp_path)
    assert result.exit_code == 0
    assert "warning: allow_unauthenticated" in result.stdout
    assert "fine: 1 model, 1 key" in result.stdout


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("models: []\n", "models: none given"),
        ("models: [\n", "config.yaml:"),
        ("modles: []\n", "modles"),
        ("", "is empty"),
        (None, "there is no such file"),
    ],
)
def test_a_bad_file_is_told_line_by_line_with_status_1(content: str | None, word: str, tmp_path: Path) -> None:
    result = checked(content, tmp_path)
    assert result.exit_code == 1
    assert word in result.stderr
    assert "fine" not in result.stdout
    assert "Traceback" not in result.output


def test_the_file_of_the_working_directory_is_meant_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["check"]).exit_code == 1
    (tmp_path / "config.yaml").write_text(GOOD)
    assert CliRunner().invoke(app, ["check"]).exit_code == 0
