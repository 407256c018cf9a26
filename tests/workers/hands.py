"""Trades for tests, whose limits are reached soon, and what is known of processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from dragoman.workers.crew import Crew
from dragoman.workers.worker import Trade


def trade(**changes: Any) -> Trade:
    """One worker for documents, with little memory and time."""
    return msgspec.structs.replace(Trade("documents", memory=512, cpu=3, wall=30.0), **changes)


def pids(crew: Crew) -> list[int]:
    """Of its workers that are at work or wait for some."""
    return [worker.pid for worker in [*crew._hired, *crew._idle]]


def is_there(pid: int) -> bool:
    """Whether there is such a process, if only a zombie."""
    return Path(f"/proc/{pid}").exists()


def children(of: int) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == of:
            yield int(path.parent.name)
