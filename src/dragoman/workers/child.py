"""The worker itself: `python -m dragoman.workers.child MEBIBYTES SECONDS`, spoken to through its pipes.

It ends with the pipe: a thread waits for that while the main one works, so that nothing outlives a proxy that was
killed. What it takes of memory and time is limited by the kernel, whatever the libraries do.
"""

import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, NoReturn

from dragoman.hub.problems import Problem
from dragoman.workers import limits
from dragoman.workers.jobs import (
    HEAD,
    Done,
    FitPicture,
    Job,
    ReadPdf,
    ReadText,
    Refused,
    RenderPage,
    Reply,
    frame,
    read_job,
)


class _Given(NamedTuple):
    job: Job
    data: bytes


def main(memory: int, cpu: int) -> NoReturn:
    """memory: MiB of address space. cpu: seconds for each reply."""
    limits.settle(memory)
    given: queue.SimpleQueue[_Given] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, given), daemon=True).start()
    out = sys.stdout.buffer
    while True:
        job, data = given.get()
        for reply, more in _replies(job, data, cpu):
            out.write(frame(reply, more))
            out.write(more)
            out.flush()


def _listen(pipe: BinaryIO, given: "queue.SimpleQueue[_Given]") -> None:
    try:
        while head := pipe.read(HEAD.size):
            length, more = HEAD.unpack(head)
            job = read_job(pipe.read(length))
            given.put(_Given(job, pipe.read(more)))
    finally:
        os.killpg(0, signal.SIGKILL)  # with what it has started; it leads its own group


def _replies(job: Job, data: bytes, cpu: int) -> Iterator[tuple[Reply, bytes]]:
    """All of them, each with a new allowance of time."""
    limits.allow(cpu)
    try:
        for reply in _work(job, data):
            yield reply
            limits.allow(cpu)
        yield Done(), b""
    except Problem as problem:
        yield Refused(problem.kind, problem.public, problem.private), b""
    except MemoryError:
        yield Refused("too_large", "it takes more memory than is allowed", "MemoryError", worn=True), b""
    except Exception as error:  # noqa: BLE001 - of a library, over whatever it was given; or a bug of ours
        yield Refused("bad_request", "it made the program that reads it fail", repr(error)[:500], worn=True), b""


def _work(job: Job, data: bytes) -> Iterator[tuple[Reply, bytes]]:
    """What each kind of work needs is imported by those who do it."""
    match job:
        case ReadPdf(first=first, last=last):
            from dragoman.workers import pdf  # noqa: PLC0415

            return pdf.read(data, first, last)
        case RenderPage(page=page, dpi=dpi):
            from dragoman.workers import pdf  # noqa: PLC0415

            return pdf.render(data, page, dpi)
        case FitPicture(longest_side=longest_side, max_bytes=max_bytes):
            from dragoman.workers import pictures  # noqa: PLC0415

            return pictures.fit(data, longest_side, max_bytes)
        case ReadText(engine=engine):
            from dragoman.workers import ocr  # noqa: PLC0415

            return ocr.read(data, engine)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
