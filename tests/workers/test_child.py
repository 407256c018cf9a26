"""What the process of a worker replies, job after job, and that it ends with its pipe."""

import subprocess
import sys
from typing import IO, Final

import pytest

from dragoman.workers.jobs import (
    HEAD,
    Done,
    FitPicture,
    Job,
    Opened,
    Page,
    PageRead,
    ReadPdf,
    Refused,
    RenderPage,
    Reply,
    frame,
    read_reply,
)

pytest.importorskip("pypdfium2", reason="needs the extra `pdf`")
from tests.workers import made

COMMAND: Final = [sys.executable, "-m", "dragoman.workers.child", "512", "5"]


def replies(pipe: IO[bytes]) -> list[Reply]:
    """Up to the last one of a job."""
    found: list[Reply] = []
    while not found or not isinstance(found[-1], Done | Refused):
        length, more = HEAD.unpack(pipe.read(HEAD.size))
        found.append(read_reply(pipe.read(length)))
        assert len(pipe.read(more)) == more
    return found


def test_job_after_job_until_the_pipe_ends() -> None:
    given = made.document([made.said("one"), made.said("two")])
    jobs: list[tuple[Job, bytes]] = [(ReadPdf(1, 9), given), (FitPicture(9, 9), b"none"), (ReadPdf(2, 2), given)]
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        found = []
        for job, data in jobs:
            child.stdin.write(frame(job, data) + data)
            child.stdin.flush()
            found.append(replies(child.stdout))
        child.stdin.close()
        assert child.wait(10) == -9
    assert found[0] == [Opened(2, ""), PageRead(Page(1, "one")), PageRead(Page(2, "two")), Done()]
    [refused] = found[1]
    assert isinstance(refused, Refused)
    assert (refused.public, refused.worn) == ("it is no picture of a known kind", False)
    assert found[2] == [Opened(2, ""), PageRead(Page(2, "two")), Done()]


def test_a_failure_of_a_library_ends_no_worker_but_wears_it() -> None:
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        data = made.document([b""])
        child.stdin.write(frame(ReadPdf(10**12, 10**12), data) + data)
        child.stdin.write(frame(RenderPage(1, -72), data) + data)
        child.stdin.flush()
        assert replies(child.stdout) == [Opened(1, ""), Done()]
        last = replies(child.stdout)[-1]
        assert isinstance(last, Refused)
        assert (last.kind, last.worn) == ("bad_request", True)
        child.stdin.close()
