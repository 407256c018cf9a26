"""The programs that are measured, and how they are started and stopped."""

import http.client
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from toolchain import CannotMeasureError

START_LIMIT = 60.0  # seconds

NGINX = """\
daemon off;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000;
    upstream mock {{
        server 127.0.0.1:{backend};
        keepalive 2048;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /healthz {{ return 200 "ok"; }}
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}
}}
"""

# By what the backend speaks. The mock answers to every name, and speaks everything.
MODELS = {"chat": "mock", "messages": "mock-messages", "responses": "mock-responses"}

# Without `translate`, Dragoman might rightly relay other dialects to the mock too.
DRAGOMAN = """\
listen: 127.0.0.1:{port}
models:
  - name: mock
    type: openai
    messages_mode: translate
    responses_mode: translate
    backends:
      - url: http://127.0.0.1:{backend}/v1
  - name: mock-messages
    type: anthropic
    backends:
      - url: http://127.0.0.1:{backend}/v1
  - name: mock-responses
    type: responses
    backends:
      - url: http://127.0.0.1:{backend}/v1
"""


class Running(NamedTuple):
    """started_in: seconds from exec to the first 200 of /healthz. started_with: CPU seconds its first process took."""

    name: str
    url: str
    pid: int
    translates: bool
    started_in: float = 0.0
    started_with: float = 0.0


class Launcher(NamedTuple):
    """How to start one proxy. In command and config, {port}, {backend} and {folder} are filled in; {config} is the file.

    backend: port of the mock backend.
    """

    name: str
    command: Sequence[str]
    config: str
    translates: bool
    backend: int

    @contextmanager
    def started(self, folder: Path) -> Iterator[Running]:
        """A fresh process, with its files in `folder`, ready to answer."""
        folder.mkdir()
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""  # else the worker could not enter the private folder
        holes = {"port": port, "backend": self.backend, "folder": folder, "user": user}
        config = folder / "config.yaml"
        config.write_text(self.config.format(**holes))
        command = [word.format(**holes, config=config) for word in self.command]
        with process(command, folder) as (pid, begun):
            took = wait_until_healthy(self.name, port, pid, begun, folder)
            yield Running(self.name, f"http://127.0.0.1:{port}", pid, self.translates, took, cpu_seconds(pid))


def nginx(program: str, backend: int) -> Launcher:
    command = [program, "-p", "{folder}", "-e", "{folder}/error.log", "-c", "{config}"]
    return Launcher("nginx", command, NGINX, translates=False, backend=backend)


def floor(python: Path, backend: int) -> Launcher:
    """python: has uvloop and httptools."""
    command = [str(python), str(Path(__file__).parent / "floor.py"), "{port}", "{backend}"]
    return Launcher("floor", command, "", translates=False, backend=backend)


def aiohttp(python: Path, backend: int) -> Launcher:
    """python: has what floor's has, and aiohttp."""
    command = [str(python), str(Path(__file__).parent / "aiohttp_relay.py"), "{port}", "{backend}"]
    return Launcher("aiohttp", command, "", translates=False, backend=backend)


def dragoman(program: Path, backend: int) -> Launcher:
    if not program.exists():
        raise CannotMeasureError(
            f"{program} is missing: install Dragoman into the project's .venv (`pip install -e .`), "
            "or name another proxy's start command with --proxy"
        )
    return Launcher(
        "dragoman", [str(program), "serve", "--config", "{config}"], DRAGOMAN, translates=True, backend=backend
    )


def other(command: str, backend: int) -> Launcher:
    words = shlex.split(command)
    return Launcher("proxy", words, DRAGOMAN, translates=True, backend=backend)


@contextmanager
def mock(program: Path, port: int, folder: Path) -> Iterator[Running]:
    folder.mkdir()
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotMeasureError(
                f"port {port} is taken: give the mock backend another one with --mock-port"
            ) from error
    with process([str(program), "-addr", f"127.0.0.1:{port}"], folder) as (pid, begun):
        wait_until_healthy("the mock backend", port, pid, begun, folder)
        yield Running("mock", f"http://127.0.0.1:{port}", pid, translates=False)


@contextmanager
def process(command: Sequence[str], folder: Path) -> Iterator[tuple[int, float]]:
    """Its process id, and when it was started on the monotonic clock. Everything it writes at home goes to `folder`."""
    home = {name: str(folder) for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    # An installed package has its bytecode; so must a checkout, or the start takes as long as compiling it.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (folder / "log").open("wb") as log:
        begun = time.monotonic()
        started = subprocess.Popen(command, cwd=folder, env={**inherited, **home}, stdout=log, stderr=log)
        try:
            yield started.pid, begun
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def wait_until_healthy(name: str, port: int, pid: int, begun: float, folder: Path) -> float:
    """Seconds from `begun` to the first 200 of /healthz."""
    while time.monotonic() < begun + START_LIMIT:
        if healthy(port):
            return time.monotonic() - begun
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.003)
    log = (folder / "log").read_text(errors="replace")[-2000:]
    raise CannotMeasureError(f"{name} did not answer /healthz with 200. It said:\n{log}")


def cpu_seconds(pid: int) -> float:
    """From the process's CPU clock, see clock_getcpuclockid(3); its children are not in it."""
    return time.clock_gettime(~pid << 3 | 2)


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
