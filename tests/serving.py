"""Servers of the tests' own, started as a user starts them: `dragoman serve`, and what stands behind it."""

import contextlib
import dataclasses
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from dragoman.wire import jsons

PROGRAM: Final = Path(sys.executable).with_name("dragoman")
SECONDS_TO_START: Final = 60.0
SECONDS_TO_STOP: Final = 20.0
SECONDS_BETWEEN_ASKING: Final = 0.05
LOG_SHOWN: Final = 4000  # characters
EXCHANGE_ID: Final = re.compile(r"\breq_[0-9a-f]+")


@dataclasses.dataclass(frozen=True)
class Served:
    """A running server: its origin, and the file that has all it printed."""

    url: str
    log: Path

    def last_words(self, about: str = "") -> str:
        """Return the end of the log; with `about`, of the exchanges in whose lines that text stands."""
        lines = self.log.read_text(errors="replace").split("\n")
        ids = {found for line in lines if about in line for found in EXCHANGE_ID.findall(line)}
        chosen = [line for line in lines if not about or about in line or ids & set(EXCHANGE_ID.findall(line))]
        return "\n".join(chosen)[-LOG_SHOWN:]


@contextlib.contextmanager
def serving(config: Mapping[str, Any], folder: Path) -> Iterator[Served]:
    """Run `dragoman serve` with `config` on a free port. All files of the run are made in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port, path = free_port(), folder / "config.yaml"
    path.write_bytes(jsons.write({"listen": f"127.0.0.1:{port}", **config}))  # JSON is YAML
    with running([str(PROGRAM), "serve", "--config", str(path)], port, "/healthz", folder) as served:
        yield served


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, health: str, folder: Path, seconds_to_start: float = SECONDS_TO_START
) -> Iterator[Served]:
    """Run a server for as long as the block runs, from when it answers GET `health` with status 200."""
    served = Served(f"http://127.0.0.1:{port}", folder / f"{Path(command[0]).name}.log")
    with served.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, served, port, health, seconds_to_start)
        yield served
    finally:
        _stop(process)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_healthy(
    process: subprocess.Popen[bytes], served: Served, port: int, health: str, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while not _is_healthy(port, health):
        if process.poll() is not None:
            pytest.fail(f"a server ended with status {process.returncode}:\n{served.last_words()}", pytrace=False)
        if time.monotonic() > deadline:
            pytest.fail(f"{health} did not answer within {seconds:.0f} s:\n{served.last_words()}", pytrace=False)
        time.sleep(SECONDS_BETWEEN_ASKING)


def _is_healthy(port: int, health: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", health)
        return connection.getresponse().status == http.client.OK
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
