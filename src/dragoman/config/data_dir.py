"""Which directory `data_dir` means."""

from collections.abc import Mapping
from pathlib import Path


def data_directory(wanted: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the directory, None if nothing is to be kept on disk.

    wanted: as the file has it, None = not said. A relative path is seen from where the process was started.
    """
    if wanted is None:
        return _usual(environ)
    if wanted.strip().lower() in ("", "none"):
        return None
    return _at_home(Path(wanted), environ)


def _usual(environ: Mapping[str, str]) -> Path | None:
    """The user's place for data, by the XDG Base Directory Specification: relative paths are to be ignored there."""
    said = Path(environ.get("XDG_DATA_HOME", ""))
    place = said if said.is_absolute() else _at_home(Path("~/.local/share"), environ)
    return None if place is None else place / "dragoman"


def _at_home(path: Path, environ: Mapping[str, str]) -> Path | None:
    """The path with `~` filled in. A user without a home has no place for it."""
    if path.parts[:1] == ("~",) and environ.get("HOME"):
        return Path(environ["HOME"], *path.parts[1:])
    try:
        return path.expanduser()
    except RuntimeError:
        return None
