"""Files of agents, written with a way back.

What a file held before lies beside it, under a name with the digest of what was written: as long as the file still is
what we wrote, it can be put back without asking. What was written lies there as well, for agents write into their files
themselves (Qwen Code does at its first start): then only what is ours is taken out.
"""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

from dragoman.agents.agent import File
from dragoman.agents.jsonc import UnreadableError
from dragoman.agents.merge import merged
from dragoman.agents.undone import undone
from dragoman.config.replace import PRIVATE, holding, replace

_MARK: Final = ".before-dragoman-"
_WRITTEN: Final = ".written-dragoman-"
_NONE: Final = ".none"  # there was no file

# What came of putting something back. "rest": the file had changed since, and holds all but what was ours.
Undone = Literal["nothing", "all", "rest"]


class ChangedSinceError(Exception):
    """The file is no longer what was written, and cannot be told apart; the message says where the older one lies."""


def place_of(file: File, env: Mapping[str, str], home: Callable[[], Path]) -> Path:
    """Where the agent reads it on this machine. Of several names the last that exists, for it wins.

    Raise RuntimeError where that is at home and the user has none.
    """
    if moved := env.get(file.moved_by):
        folder = Path(moved, file.moved_to)
    else:
        folder = home().joinpath(*Path(file.folder).parts[1:])
    return next((folder / name for name in reversed(file.names) if (folder / name).exists()), folder / file.names[0])


def write(file: File, path: Path) -> bool:
    """Merge our values in. Return whether anything changed. Raise UnreadableError, OSError.

    It is for its owner's eyes only from then on, for it holds a key.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with holding(path) as real:
        before = real.read_bytes() if real.exists() else None
        after = merged(file, before.decode("utf-8") if before else "").encode()
        if after == before:
            return False
        _keep(real, before, after)
        replace(real, after, PRIVATE)
    return True


def undo(file: File, path: Path) -> Undone:
    """Put back what was before the last writing. Raise ChangedSinceError, OSError."""
    if not path.parent.exists():
        return "nothing"
    with holding(path) as real:
        kept = sorted(real.parent.glob(f"{real.name}{_MARK}*"), key=lambda one: one.stat().st_mtime_ns)
        if not kept:
            return "nothing"
        now = real.read_bytes() if real.exists() else b""
        rest = None
        match = next((one for one in kept if _digest(now) in one.name), None)
        if match is None:
            match = kept[-1]
            rest = _rest(file, now, match) if real.exists() else None
            if rest is None:
                raise ChangedSinceError(
                    f"{path} has changed since it was written, so it is left alone; what it was lies in {match}"
                )
            replace(real, rest)
        elif match.name.endswith(_NONE):
            real.unlink()
        else:
            replace(real, match.read_bytes(), match.stat().st_mode & 0o7777)
        _written_beside(match).unlink(missing_ok=True)
        match.unlink()
    return "all" if rest is None else "rest"


def _rest(file: File, now: bytes, kept: Path) -> bytes | None:
    """The file without what is ours; None if that cannot be told."""
    try:
        written = _written_beside(kept).read_text("utf-8")
        return undone(file, now.decode(), written, kept.read_text("utf-8")).encode()
    except (FileNotFoundError, UnreadableError, UnicodeDecodeError):
        return None


def _written_beside(kept: Path) -> Path:
    """Where what was written lies, beside what was before."""
    return kept.with_name(kept.name.removesuffix(_NONE).replace(_MARK, _WRITTEN))


def _keep(path: Path, before: bytes | None, after: bytes) -> None:
    """A file that was ours goes on from what was before us."""
    name = f"{path.name}{_MARK}{_digest(after)}"
    ours = next(path.parent.glob(f"{path.name}{_MARK}{_digest(before or b'')}*"), None) if before is not None else None
    if ours is not None:
        _written_beside(ours).unlink(missing_ok=True)
        ours.rename(path.with_name(name + (_NONE if ours.name.endswith(_NONE) else "")))
    elif before is None:
        replace(path.with_name(name + _NONE), b"")
    else:
        replace(path.with_name(name), before, path.stat().st_mode & 0o7777)
    replace(path.with_name(name.replace(_MARK, _WRITTEN)), after)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
