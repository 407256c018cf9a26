"""OCR by the program `tesseract`, where RapidOCR is not installed."""

import csv
import functools
import subprocess
from typing import Final

from PIL import Image

from dragoman.hub.problems import Problem
from dragoman.workers import limits, pictures
from dragoman.workers.layout import Piece, text_of

_SMALL: Final = 1_500  # pixels of the longer side of what is likely to be a screenshot, whose type is small
_DPI: Final = 200
_MOST_LANGUAGES: Final = 4  # each costs as much time as the first
_WORD: Final = "5"  # the level of such a row
_LINE: Final = ("block_num", "par_num", "line_num")


def read(picture: Image.Image) -> str:
    times = 2 if max(picture.size) < _SMALL else 1
    picture = picture.resize((picture.width * times, picture.height * times), Image.Resampling.LANCZOS)
    asked = ["stdin", "stdout", "--dpi", str(_DPI), "-l", "+".join(_languages()), "tsv"]
    return text_of(_pieces(_run(asked, pictures.png(picture))))


@functools.cache
def _languages() -> list[str]:
    """Those whose data are here, English first."""
    listed = _run(["--list-langs"], b"").split("\n")[1:]
    names = {name.strip() for name in listed if name.strip() and "/" not in name} - {"osd", "equ"}
    return sorted(names, key=lambda name: (name != "eng", name))[:_MOST_LANGUAGES] or ["eng"]


def _run(arguments: list[str], given: bytes) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and no word of a stranger's
            ["tesseract", *arguments],  # noqa: S607 - where the PATH says, as the operator has it
            input=given,
            capture_output=True,
            check=False,
            preexec_fn=limits.die_with_parent,
        )
    except OSError as error:
        raise Problem("unsupported", "tesseract cannot be started", private=str(error)) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise Problem("bad_request", "tesseract cannot read the picture", private=said[:500])
    return done.stdout.decode(errors="replace")


def _pieces(table: str) -> list[Piece]:
    """Each line of tesseract's as a piece."""
    lines: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == _WORD and row["text"].strip():
            lines.setdefault(tuple(row[name] for name in _LINE), []).append(row)
    return [_piece(words) for words in lines.values()]


def _piece(words: list[dict[str, str]]) -> Piece:
    places = [[int(word[name]) for name in ("left", "top", "width", "height")] for word in words]
    return Piece(
        min(left for left, _, _, _ in places),
        min(top for _, top, _, _ in places),
        max(left + width for left, _, width, _ in places),
        max(top + height for _, top, _, height in places),
        " ".join(word["text"] for word in words),
    )
