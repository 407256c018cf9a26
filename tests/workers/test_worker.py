"""What one worker is asked and how it ends, and that nothing of ours is in it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from dragoman.hub.problems import Problem
from dragoman.workers import worker as module
from dragoman.workers.jobs import FitPicture, Job, ReadPdf
from dragoman.workers.worker import Trade, scrubbed, started
from tests.net.scripted import until
from tests.workers.hands import children, is_there, trade

pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
from tests.workers import made

BOMB: Final = made.document([made.bomb(2**30)])
ENDLESS: Final = made.document([b"/X0 Do"], forms=made.nested(29))


ALL_PAGES: Final = ReadPdf(1, 9)


def outcome(trade: Trade, data: bytes, job: Job = ALL_PAGES) -> tuple[str, str]:
    """Kind and private text of the problem that a job comes to."""

    async def main() -> Problem:
        one = await started(trade)
        with pytest.raises(Problem) as raised:
            async for _ in one.ask(job, data):
                pass
        one.kill()
        await one.ended()
        assert not one.is_fit
        assert not is_there(one.pid)
        return raised.value

    problem = asyncio.run(main())
    return problem.kind, problem.private


def test_too_much_memory() -> None:
    assert outcome(trade(), BOMB) == ("too_large", "ended by SIGABRT")


def test_too_much_time() -> None:
    assert outcome(trade(memory=4_096, cpu=1), ENDLESS) == ("timeout", "killed by its limit of CPU time")
    assert outcome(trade(memory=4_096, wall=1.0), ENDLESS) == ("timeout", "killed by the clock")


def test_a_library_that_fails_tells_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, private = outcome(trade(), b"", FitPicture(-1, -1))
    assert (kind, private[:20]) == ("bad_request", "UnidentifiedImageErr")


@pytest.mark.parametrize(
    ("status", "kind"), [("-11", "bad_request"), ("3", "bad_request"), ("-9", "too_large"), ("-5", "too_large")]
)
def test_each_way_to_end_has_its_words(status: str, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    end = f"exit {status}" if int(status) > 0 else f"kill {status} $$"
    program.write_text(f"#!/bin/sh\n{end}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    name = "exit status 3" if int(status) > 0 else signal.Signals(-int(status)).name
    assert outcome(trade(), b"x" * 2**21) == (kind, f"ended by {name}")


def test_a_program_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Problem, match="no process could be started"):
        asyncio.run(started(trade()))


def test_nothing_of_our_environment_but_what_it_needs() -> None:
    ours = {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-ant", "HTTPS_PROXY": "http://u:p@h", "HOME": "/root", "LANG": "C"}
    given = scrubbed(ours)
    assert given.keys() - module._ONE_THREAD.keys() == {"PATH", "LANG"}
    assert given["OMP_THREAD_LIMIT"] == "1"


def test_a_worker_has_that_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")

    async def main() -> bytes:
        one = await started(trade())
        found = await asyncio.to_thread(Path(f"/proc/{one.pid}/environ").read_bytes)
        one.kill()
        await one.ended()
        return found

    assert b"sk-secret" not in asyncio.run(main())


PROXY: Final = """
import asyncio, sys
from dragoman.workers.jobs import ReadPdf
from dragoman.workers.worker import Trade, started
async def main():
    one = await started(Trade("documents", memory=4096, cpu=60, wall=60.0))
    print(one.pid, flush=True)
    async for _ in one.ask(ReadPdf(1, 9), open(sys.argv[1], "rb").read()):
        print("begun", flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("busy", [True, False])
def test_nothing_outlives_a_proxy_that_is_killed(busy: bool, tmp_path: Path) -> None:
    path = tmp_path / "given.pdf"
    path.write_bytes(ENDLESS if busy else made.document([b""]))
    command = [sys.executable, "-c", PROXY, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        pid = int(proxy.stdout.readline())
        assert proxy.stdout.readline() == "begun\n"
        assert pid in children(proxy.pid)
        os.kill(proxy.pid, signal.SIGKILL)

    async def gone() -> None:
        await until(lambda: not _runs(pid))

    asyncio.run(gone())


def _runs(pid: int) -> bool:
    """Whether it has not ended: where nobody reaps orphans, they stay as zombies."""
    try:
        state: Sequence[str] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return state[0] != "Z"
