"""What is made is its owner's alone."""

from pathlib import Path

import pytest

from dragoman.store.place import close_to_others, private_directory, private_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    private_directory(place)
    assert mode(place) == 0o700
    private_directory(place)


def test_a_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_directory(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_is_made_and_never_emptied(tmp_path: Path) -> None:
    path = tmp_path / "f"
    private_file(path)
    assert mode(path) == 0o600
    path.write_text("kept")
    path.chmod(0o644)
    private_file(path)
    assert (mode(path), path.read_text()) == (0o600, "kept")


def test_a_directory_in_the_place_of_a_file_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_file(tmp_path)
    assert mode(tmp_path) == 0o755


def test_what_is_closed_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch(mode=0o400)
    close_to_others(path)
    assert mode(path) == 0o400


def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.touch()
    with pytest.raises(OSError):
        private_directory(path)
    with pytest.raises(OSError):
        private_directory(path / "below")
