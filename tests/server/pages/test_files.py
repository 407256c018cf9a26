"""Files of the package, by name."""

import re

from dragoman.server.pages.files import FOLDER, files


def test_all_files_are_known_with_their_types() -> None:
    assert set(files()) == {path.name for path in FOLDER.iterdir()}
    assert files()["style.css"].content_type == "text/css; charset=utf-8"
    assert files()["style.css"].body == (FOLDER / "style.css").read_bytes()


def test_the_mark_of_a_file_is_that_of_its_content() -> None:
    assert re.fullmatch(r'"[0-9a-f]{32}"', files()["style.css"].etag)
    assert len({file.etag for file in files().values()}) == len(files())


def test_nothing_in_them_comes_from_elsewhere_or_stands_in_line() -> None:
    for name, file in files().items():
        text = file.body.decode()
        assert re.findall(r"https?://(?!www\.w3\.org/)[^\s\"']+", text) == [], name
        assert "@import" not in text, name
        if name.endswith(".html"):
            assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", text) == [], name
