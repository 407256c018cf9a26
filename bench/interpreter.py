"""The Python that Dragoman is measured under: an environment made for it, and how it was built."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from toolchain import CACHE, HERE, CannotMeasureError

ROOT: Final = HERE.parent
APART: Final = 100_000  # bytes; all of listobject.c is less than half of that

# Run by the Python in question. `configure` says whether it was to optimise, but of that build whose sysconfig it is:
# Debian's describes the shared library, and its program is another build. The program itself shows it as well. Functions
# of one source file stand together, unless a profile has told the compiler which are called often: those go elsewhere.
BUILD: Final = """\
import ctypes, json, sysconfig
names = ("Append", "AsTuple", "GetItem", "Insert", "New", "Reverse", "SetItem", "SetSlice", "Sort")
functions = (getattr(ctypes.pythonapi, "PyList_" + name) for name in names)
places = [ctypes.cast(function, ctypes.c_void_p).value for function in functions]
print(json.dumps([sysconfig.get_config_var("CONFIG_ARGS") or "", max(places) - min(places)]))
"""

# By whether it was optimised.
IN_WORDS: Final = {
    True: "built with profile-guided optimisation",
    False: "built without profile-guided optimisation: "
    "expect Python code to take longer than under one built with it, such as Debian's",
    None: "which does not tell how it was built",
}


def environment(python: Path) -> Path:
    """A virtual environment for `python` with this checkout in it. It is kept, and made anew when either has changed."""
    home = CACHE / f"python-{hashlib.sha256(f'{ROOT} {python}'.encode()).hexdigest()[:12]}"
    stamp, wanted = home / "installed", _wanted(python)
    if stamp.exists() and stamp.read_text() == wanted:
        return home
    print(f"making an environment for {python} in {home}", file=sys.stderr)
    if subprocess.run([python, "-m", "venv", "--clear", home], check=False).returncode:
        raise CannotMeasureError(
            f"{python} could not make a virtual environment (see above). "
            "On Debian and Ubuntu: run `apt-get install python3-venv` as root"
        )
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--editable", str(ROOT)], check=False).returncode:
        raise CannotMeasureError(f"Dragoman could not be installed for {python} (see above)")
    stamp.write_text(wanted)
    return home


def _wanted(python: Path) -> str:
    return f"{version(python)} {hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}\n"


def version(python: Path) -> str:
    """With its build, which counts as much."""
    try:
        told = subprocess.run([python, "-VV"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise CannotMeasureError(f"{python} cannot be run: {error.strerror}") from error
    return told.stdout.strip()


def is_optimised(python: Path) -> bool | None:
    """Whether it was built with profile-guided optimisation. None: it does not tell."""
    told = subprocess.run([python, "-c", BUILD], capture_output=True, text=True, check=False)
    return None if told.returncode else shows_optimisation(*json.loads(told.stdout))


def shows_optimisation(configured: str, span: int) -> bool:
    """configured: the arguments of `configure`. span: bytes from the first to the last of a source file's functions."""
    return "--enable-optimizations" in configured or span > APART
