"""Which directory `data_dir` means, and which file `usage_db`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dragoman.config.schema import Config

_LEDGER: Final = "usage.db"


def data_directory(wanted: str | None, environ: Mapping[str, str]) -> Path | None:
    """Return the directory, None if nothing is to be kept on disk.

    wanted: as the file has it, None = not said. A relative path is seen from where the process was started.
    """
    if wanted is None:
        return _usual(environ)
    if wanted.strip().lower() in ("", "none"):
        return None
    return _at_home(Path(wanted), environ)


def ledger_file(config: Config, config_path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file of the usage records, None if nothing is to be kept on disk.

    config_path: None where there is no file, so that no path in it is relative.
    """
    if config.usage_db is None:
        place = data_directory(config.data_dir, environ)
        return place and place / _LEDGER
    path = _at_home(Path(config.usage_db), environ)
    return path and (config_path.parent / path if config_path is not None else path)


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
