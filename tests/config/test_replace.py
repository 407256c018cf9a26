"""A file is replaced whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from dragoman.config.replace import holding, replace


def test_the_content_is_new_and_the_permissions_are_not(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o640)
    replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_not_there_is_private(tmp_path: Path) -> None:
    replace(tmp_path / "f", b"new")
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_where_writing_fails_nothing_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_leads_to_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "f").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "f")
    with holding(tmp_path / "link") as real:
        replace(real, b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "f").read_bytes() == b"new"


def test_one_at_a_time(tmp_path: Path) -> None:
    """Each adds one to what it read: none is lost."""
    path = tmp_path / "f"
    path.write_bytes(b"0")

    def count() -> None:
        for _ in range(25):
            with holding(path) as real:
                replace(real, b"%d" % (int(real.read_bytes()) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"100"
