"""`dragoman usage` as an operator runs it."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dragoman.cli import app
from dragoman.cli.usage import _seconds, _short
from dragoman.ledger.reports import GROUPINGS
from dragoman.ledger.tables import LEDGER, write_lines
from dragoman.store.opening import open_writer
from dragoman.wire import jsons
from tests.ledger.foreign_file import add
from tests.ledger.writing import line

MODELS = [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return configured(tmp_path, usage_db="usage.db")


def configured(folder: Path, **more: Any) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(jsons.write({"models": MODELS, **more}))
    return path


def filled(path: Path, *lines: Any) -> None:
    now = time.time()
    some = lines or (
        line(now, input_tokens=12_345, cached_tokens=6_000, output_tokens=50, session="s", agent="Codex"),
        line(now, key="you", model="a-model-with-a-name-so-long-that-no-terminal-has-room-for-it", status=502),
    )
    db = open_writer(path, [LEDGER])
    db.execute("BEGIN")
    write_lines(db, some)
    db.execute("COMMIT")
    db.close()


def usage(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["usage", *map(str, arguments)])


@pytest.mark.parametrize("by", GROUPINGS)
@pytest.mark.parametrize("width", [40, 80, 100, 140])
def test_tables_fit_the_terminal(by: str, width: int, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    filled(config.with_name("usage.db"))
    said = usage("--by", by, "--days", 2, "--config", config)
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(by.upper())
    assert any(found.startswith("all ") for found in lines)


def test_a_name_is_cut_only_where_there_is_no_room(config: Path) -> None:
    backends = [f"http://10.0.0.7:800{port}/v1" for port in range(2)]
    filled(config.with_name("usage.db"), *(line(time.time(), backend=backend) for backend in backends))
    said = usage("--by", "backend", "--config", config).stdout
    assert all(f"{backend} " in said for backend in backends)


def test_a_table_says_what_was_used(config: Path) -> None:
    filled(config.with_name("usage.db"))
    said = usage("--by", "user", "--config", config).stdout.splitlines()
    assert said[0].split() == ["USER", "REQUESTS", "ERRORS", "INPUT", "CACHED", "OUTPUT"]
    assert said[1].split() == ["me", "1", "12.3k", "49%", "50"]
    assert said[2].split() == ["you", "1", "1"]
    assert said[3].split() == ["all", "2", "1", "12.3k", "49%", "50"]


def test_json_is_a_list_of_objects(config: Path) -> None:
    filled(config.with_name("usage.db"))
    rows = jsons.read(usage("--by", "model", "--json", "--config", config).stdout)
    assert (rows[0]["name"], rows[0]["requests"], rows[0]["errors"]) == ("m", 1, 0)
    assert (rows[0]["input_tokens"], rows[0]["cached_tokens"], rows[0]["output_tokens"]) == (12_345, 6_000, 50)
    assert len(rows) == 2


def test_csv_is_a_table(config: Path) -> None:
    filled(config.with_name("usage.db"))
    rows = list(csv.DictReader(io.StringIO(usage("--by", "session", "--csv", "-c", config).stdout)))
    assert [(row["name"], row["agent"], row["requests"]) for row in rows] == [("s", "Codex", "1")]


def test_without_words_it_tells_of_thirty_days(config: Path) -> None:
    filled(config.with_name("usage.db"))
    rows = jsons.read(usage("--json").stdout)  # config.yaml of this directory
    assert len(rows) == 30
    assert (rows[-1]["requests"], rows[0]["requests"]) == (2, 0)


def test_days_before_the_first_use_have_no_row(config: Path) -> None:
    filled(config.with_name("usage.db"), line(time.time() - 3 * 86_400))
    assert len(usage("--config", config).stdout.splitlines()) == len(["head", *range(4), "all"])
    filled(config.with_name("other.db"), line(time.time() - 50 * 86_400))
    config = configured(config.parent, usage_db="other.db")
    assert len(usage("--config", config).stdout.splitlines()) == len(["head", "today", "all"])


def test_names_cannot_move_the_cursor(config: Path) -> None:
    filled(config.with_name("usage.db"), line(time.time(), agent="[red]x\x1b[2J"))
    said = usage("--by", "agent").stdout
    assert "\x1b" not in said
    assert "[red]x" in said


def test_a_long_list_is_cut_and_says_so(config: Path) -> None:
    filled(config.with_name("usage.db"), *(line(time.time(), key=f"u{number}") for number in range(60)))
    assert "... and 10 more" in usage("--by", "user").stdout
    assert len(jsons.read(usage("--by", "user", "--json").stdout)) == 60


def test_without_a_configuration_it_is_the_users_own(config: Path, tmp_path: Path) -> None:
    config.unlink()
    filled(tmp_path / "data" / "dragoman" / "usage.db")
    assert len(jsons.read(usage("--by", "user", "--json").stdout)) == 2


def test_the_environment_names_the_configuration_too(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path / "kept.db")
    (tmp_path / "other.yaml").write_bytes(jsons.write({"models": MODELS, "usage_db": "kept.db"}))
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "other.yaml"))
    assert len(jsons.read(usage("--by", "user", "--json").stdout)) == 2
    assert usage("--config", config).exit_code == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "there is no usage yet"),
        ({"usage_db": "elsewhere/usage.db"}, "there is no usage yet"),
        ({"log_metrics": False}, "`log_metrics` is false"),
        ({"data_dir": "none"}, "in memory only"),
        ({"usage_db": "config.yaml"}, "cannot be read: file is not a database"),
    ],
)
def test_where_there_is_nothing_it_says_why(settings: dict[str, Any], said: str, config: Path, tmp_path: Path) -> None:
    if settings.get("usage_db") == "config.yaml":
        config = config.rename(tmp_path / "other.yaml")
        configured(tmp_path)
        config.write_bytes(jsons.write({"models": MODELS, **settings}))
    else:
        configured(tmp_path, **settings)
    heard = usage("--config", config)
    assert heard.exit_code == 1
    assert said in heard.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_another_programs_database_is_named(config: Path) -> None:
    add(config.with_name("usage.db"), [{}])
    heard = usage()
    assert (heard.exit_code, "dragoman usage import" in heard.stderr) == (1, True)


def test_a_wrong_configuration_is_an_error(config: Path) -> None:
    heard = usage("--config", config.with_name("nothing.yaml"))
    assert (heard.exit_code, "there is no such file" in heard.stderr) == (1, True)


@pytest.mark.parametrize("words", [["--by", "weather"], ["--days", "0"], ["--json", "--csv"], ["--nonsense"]])
def test_wrong_words_are_refused(words: list[str], config: Path) -> None:
    assert usage(*words).exit_code == 2


def test_importing_twice_is_importing_once(config: Path, tmp_path: Path) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    theirs = add(
        tmp_path / "theirs.db", [{"timestamp": now}, {"timestamp": now}, {"timestamp": "2020-01-01T00:00:00Z"}]
    )
    first, second = usage("import", theirs), usage("import", theirs, "--config", config)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.startswith("2 requests were taken over")
    assert "1 are older than `usage_days`, 90" in first.stdout
    assert second.stdout.startswith("0 requests were taken over")
    assert "2 had come before" in second.stdout
    assert jsons.read(usage("--by", "user", "--json").stdout)[0]["requests"] == 2


@pytest.mark.parametrize("content", [None, b"no database" * 100])
def test_importing_what_cannot_be_read_makes_nothing(content: bytes | None, config: Path, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "theirs.db").write_bytes(content)
    heard = usage("import", tmp_path / "theirs.db")
    assert heard.exit_code == 1
    assert "cannot be read" in heard.stderr
    assert len(heard.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, ""),
        (999, "999"),
        (9_999, "9,999"),
        (10_000, "10.0k"),
        (123_456, "123k"),
        (1_234_567, "1.23M"),
        (10**10, "10.0G"),
    ],
)
def test_short_numbers(count: int, said: str) -> None:
    assert _short(count) == said


def test_times_are_seconds() -> None:
    assert (_seconds(50), _seconds(1234), _seconds(61_000)) == ("0.05s", "1.23s", "61.0s")
