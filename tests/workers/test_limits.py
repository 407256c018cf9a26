"""A worker has no network, writes no files, and has no more memory and time than it was given."""

import signal
import subprocess
import sys

import pytest


def outcome(program: str) -> tuple[int, str]:
    """Status and last line of a process that has given up what a worker gives up."""
    start = "import sys, socket\nfrom dragoman.workers import limits\nlimits.settle(400)\n"
    done = subprocess.run([sys.executable, "-c", start + program], capture_output=True, text=True, check=False)
    return done.returncode, (done.stderr.strip().split("\n") or [""])[-1]


@pytest.mark.parametrize(
    "program", ["socket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo('localhost', 80)"]
)
def test_no_network(program: str) -> None:
    assert outcome(program) == (1, "ConnectionRefusedError: a worker has no network")


def test_no_files(tmp_path: object) -> None:
    status, said = outcome(f"open({str(tmp_path)!r} + '/new', 'wb', 0).write(b'x')")
    assert (status, said) == (1, "OSError: [Errno 27] File too large")


def test_no_more_memory() -> None:
    assert outcome("bytearray(500 * 2**20)") == (1, "MemoryError")
    assert outcome("bytearray(50 * 2**20)") == (0, "")


def test_no_more_time() -> None:
    status, _ = outcome("limits.allow(0)\nwhile True: pass")
    assert status == -signal.SIGXCPU


def test_time_is_allowed_anew() -> None:
    spend = "import time\nuntil = time.process_time() + 0.7\nwhile time.process_time() < until: pass\n"
    assert outcome(f"for _ in range(3):\n    limits.allow(1)\n    {spend.replace(chr(10), chr(10) + '    ')}") == (
        0,
        "",
    )
