"""One worker process, seen from the proxy: it is started, asked, and killed.

Its environment holds none of ours: whoever takes it over by way of a crafted file finds no keys there. It leads a group
of processes of its own, which is killed as a whole.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Final

from msgspec import Struct

from dragoman.hub.problems import Problem
from dragoman.workers.jobs import HEAD, Done, Job, Refused, Reply, frame, read_reply

_SLICE: Final = 2**20  # bytes that are handed to a pipe at once
# What a Python, its libraries and tesseract need to be found, and to know how text is written here.
_KEPT: Final = frozenset(
    {"PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE"}
)
_ONE_THREAD: Final = {"OMP_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Trade(Struct, frozen=True):
    """What kind of worker it is, and what it may take.

    memory: MiB of address space. cpu: seconds for each reply; wall: the same as a clock sees it. workers: at most so
    many at once. jobs: after so many a new one takes its place. idle: seconds after which one without work is let go.
    """

    name: str
    memory: int
    cpu: int
    wall: float
    workers: int = 1
    jobs: int = 200
    idle: float = 300.0


class Worker:
    """Make one with `started`."""

    def __init__(self, process: Process, trade: Trade) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process: Final = process
        self._to: Final = process.stdin
        self._from: Final = process.stdout
        self._trade: Final = trade
        self._jobs = 0
        self.is_fit = True  # for another job

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.returncode is not None

    async def ask(self, job: Job, data: bytes) -> AsyncGenerator[tuple[Reply, bytes], None]:
        """Yield each reply and what follows it, up to `Done`, which is left out.

        Raise Problem if the worker refuses, dies or takes too long: then it is killed. So it is if this is not iterated
        to its end.
        """
        self.is_fit = False
        try:
            async with asyncio.timeout(self._trade.wall):
                await self._send(job, data)
            while True:
                async with asyncio.timeout(self._trade.wall):
                    reply, more = await self._receive()
                if isinstance(reply, Done | Refused):
                    break
                yield reply, more
        except TimeoutError:
            raise Problem("timeout", "it took too long to read", private="killed by the clock") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            raise await self._cause_of_death() from None
        self._jobs += 1
        self.is_fit = self._jobs < self._trade.jobs and not (isinstance(reply, Refused) and reply.worn)
        if isinstance(reply, Refused):
            raise Problem(reply.kind, reply.public, private=reply.private)

    async def _send(self, job: Job, data: bytes) -> None:
        self._to.write(frame(job, data))
        view = memoryview(data)
        for start in range(0, len(view), _SLICE):
            self._to.write(view[start : start + _SLICE])
            await self._to.drain()

    async def _receive(self) -> tuple[Reply, bytes]:
        length, more = HEAD.unpack(await self._from.readexactly(HEAD.size))
        reply = read_reply(await self._from.readexactly(length))
        return reply, await self._from.readexactly(more)

    async def _cause_of_death(self) -> Problem:
        """Its pipes are closed, so it has ended or is about to."""
        self.kill()
        status = await self._process.wait()
        if status == -signal.SIGXCPU:
            return Problem("timeout", "it took too long to read", private="killed by its limit of CPU time")
        if status in {-signal.SIGABRT, -signal.SIGKILL, -signal.SIGTRAP}:  # how libraries end without memory
            return Problem("too_large", "it takes more memory than is allowed", private=f"ended by {_name(status)}")
        return Problem("bad_request", "it made the program that reads it fail", private=f"ended by {_name(status)}")

    def kill(self) -> None:
        """The process and what it has started. It is reaped by the event loop."""
        self.is_fit = False
        if not self.has_ended:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> None:
        await self._process.wait()


def _name(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"


async def started(trade: Trade) -> Worker:
    """Start a process with an interpreter of its own. Nothing of this one is in it, as would be after a fork."""
    command = [sys.executable, "-P", "-m", "dragoman.workers.child", str(trade.memory), str(trade.cpu)]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=scrubbed(os.environ), start_new_session=True
        )
    except OSError as error:
        raise Problem(
            "internal", "no process could be started to read it", private=str(error), retry_after=5.0
        ) from None
    return Worker(process, trade)


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """What of our environment a worker gets."""
    return {name: value for name, value in environment.items() if name in _KEPT} | _ONE_THREAD
