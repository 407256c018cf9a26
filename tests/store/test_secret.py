"""One secret, the same from one start to the next."""

import os
import threading
from pathlib import Path

import pytest

from dragoman.store.secret import secret_in


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    place = tmp_path / "data"
    first = secret_in(place)
    assert len(first) == 32
    assert secret_in(place) == first
    path = place / "secret"
    assert path.read_bytes() == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    assert [found.name for found in place.iterdir()] == ["secret"]


def test_each_place_has_its_own(tmp_path: Path) -> None:
    assert secret_in(tmp_path / "a") != secret_in(tmp_path / "b")


def test_without_a_place_it_is_of_this_run(caplog: pytest.LogCaptureFixture) -> None:
    assert len(secret_in(None)) == 32
    assert secret_in(None) != secret_in(None)
    assert caplog.records == []


def test_a_file_open_to_others_is_closed(tmp_path: Path) -> None:
    first = secret_in(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    assert secret_in(tmp_path) == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_file_that_is_no_secret_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert len(secret_in(tmp_path)) == 32
    assert path.read_bytes() == content
    [record] = caplog.records
    assert str(path) in record.getMessage()
    assert f"{len(content)} bytes" in record.getMessage()


def test_a_place_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert secret_in(tmp_path / "file" / "below") != secret_in(tmp_path / "file" / "below")
    assert len(caplog.records) == 2


def test_a_directory_in_its_place(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").mkdir()
    assert len(secret_in(tmp_path)) == 32
    assert len(caplog.records) == 1


def test_who_comes_second_takes_what_the_first_has_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = b"t" * 32
    real = os.fsync

    def slow(file: int) -> None:
        real(file)
        (tmp_path / "secret").write_bytes(theirs)

    monkeypatch.setattr("os.fsync", slow)
    assert secret_in(tmp_path) == theirs
    assert [found.name for found in tmp_path.iterdir()] == ["secret"]


def test_many_at_once_agree(tmp_path: Path) -> None:
    found: list[bytes] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        found.append(secret_in(tmp_path))

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
