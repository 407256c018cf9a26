"""OCR by the program `tesseract`, where RapidOCR is not installed."""

import subprocess
from typing import Final

from PIL import Image

from dragoman.hub.problems import Problem
from dragoman.workers import pictures

_DPI: Final = "200"


def read(picture: Image.Image) -> str:
    command = ["tesseract", "stdin", "stdout", "--dpi", _DPI]
    # No shell, and no word of a stranger's.
    done = subprocess.run(command, input=pictures.png(picture), capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise Problem("bad_request", "tesseract cannot read the picture", private=said[:500])
    return done.stdout.decode(errors="replace").strip()
