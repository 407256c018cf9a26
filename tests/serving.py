"""A `dragoman serve` of its own, as a user starts it: for the tests that need the whole program."""

import contextlib
import dataclasses
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dragoman.wire import jsons

PROGRAM: Final = Path(sys.executable).with_name("dragoman")
SECONDS_TO_START: Final = 60.0
SECONDS_TO_STOP: Final = 20.0
SECONDS_BETWEEN_ASKING: Final = 0.05
LOG_SHOWN: Final = 4000  # characters


@dataclasses.dataclass(frozen=True)
class Served:
    """A running proxy: its origin, and the file that has all it printed."""

    url: str
    log: Path

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-LOG_SHOWN:]


@contextlib.contextmanager
def serving(config: Mapping[str, Any], folder: Path) -> Iterator[Served]:
    """Serve `config` on a free port for as long as the block runs. All files of the run are made in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port, path = _free_port(), folder / "config.yaml"
    path.write_bytes(jsons.write({"listen": f"127.0.0.1:{port}", **config}))  # JSON is YAML
    served = Served(f"http://127.0.0.1:{port}", folder / "dragoman.log")
    with served.log.open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--config", path],
            env={**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(process, served, port)
        yield served
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_healthy(process: subprocess.Popen[bytes], served: Served, port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _is_healthy(port):
        if process.poll() is not None:
            raise RuntimeError(f"dragoman serve ended with status {process.returncode}:\n{served.last_words()}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"/healthz did not answer within {SECONDS_TO_START:.0f} s:\n{served.last_words()}")
        time.sleep(SECONDS_BETWEEN_ASKING)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
