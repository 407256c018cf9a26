"""Where things are kept, by the file and the environment."""

from pathlib import Path

import pytest

from dragoman.config.data_dir import data_directory, ledger_file
from dragoman.config.load import load_bytes

GOOD = "models:\n- {name: m, backends: [http://a/v1]}\n"


@pytest.mark.parametrize(
    ("wanted", "environ", "expected"),
    [
        (None, {"XDG_DATA_HOME": "/x", "HOME": "/h"}, "/x/dragoman"),
        (None, {"HOME": "/h"}, "/h/.local/share/dragoman"),
        (None, {"XDG_DATA_HOME": "", "HOME": "/h"}, "/h/.local/share/dragoman"),
        (None, {"XDG_DATA_HOME": "relative", "HOME": "/h"}, "/h/.local/share/dragoman"),
        ("/var/lib/dragoman", {"XDG_DATA_HOME": "/x"}, "/var/lib/dragoman"),
        ("~/kept", {"HOME": "/h"}, "/h/kept"),
        ("~", {"HOME": "/h"}, "/h"),
        ("kept", {}, "kept"),
    ],
)
def test_the_directory(wanted: str | None, environ: dict[str, str], expected: str) -> None:
    assert data_directory(wanted, environ) == Path(expected)


@pytest.mark.parametrize("wanted", ["", "none", " None ", "NONE"])
def test_nothing_on_disk(wanted: str) -> None:
    assert data_directory(wanted, {"HOME": "/h"}) is None


def test_without_a_home_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert data_directory(None, {}) is None
    assert data_directory("~somebody/kept", {"HOME": "/h"}) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", None),
        ("data_dir:", None),
        ('data_dir: ""', ""),
        ("data_dir: none", "none"),
        ("data_dir: /var/lib/dragoman", "/var/lib/dragoman"),
    ],
)
def test_what_the_file_says(line: str, expected: str | None) -> None:
    loaded = load_bytes((GOOD + line).encode(), {})
    assert loaded.config is not None
    assert loaded.config.data_dir == expected


@pytest.mark.parametrize(
    ("lines", "config_path", "expected"),
    [
        ("", "/etc/c.yaml", "/h/.local/share/dragoman/usage.db"),
        ("data_dir: /d", None, "/d/usage.db"),
        ("usage_db: usage.db", "/etc/c.yaml", "/etc/usage.db"),
        ("usage_db: /var/u.db", "/etc/c.yaml", "/var/u.db"),
        ("usage_db: ~/u.db", "/etc/c.yaml", "/h/u.db"),
        ("usage_db: u.db\ndata_dir: none", "c.yaml", "u.db"),
    ],
)
def test_the_file_of_the_usage(lines: str, config_path: str | None, expected: str) -> None:
    config = load_bytes((GOOD + lines).encode(), {}).config
    assert config is not None
    assert ledger_file(config, Path(config_path) if config_path else None, {"HOME": "/h"}) == Path(expected)


def test_no_file_of_the_usage_where_nothing_is_kept() -> None:
    config = load_bytes((GOOD + "data_dir: none").encode(), {}).config
    assert config is not None
    assert ledger_file(config, Path("/etc/c.yaml"), {"HOME": "/h"}) is None
