"""`dragoman launch`: an agent on the proxy, for one run. None of its files is touched.

The agent has the terminal, in our own process group, as if the shell had started it: Ctrl-C is its own business, and
stopping and going on works as ever. The proxy, if it is started for this run, is in a session of its own.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from dragoman.agents import BY_NAME
from dragoman.agents.agent import Start
from dragoman.cli.health import listening_url
from dragoman.cli.running import NETWORK_PROXIES, NoKeyError, NoProxyError, Proxy, ask
from dragoman.cli.setup import (
    Effort,
    KeyOption,
    Models,
    Url,
    WhichAgent,
    Window,
    address,
    chosen_or_told,
    told,
)
from dragoman.config.load import load_file
from dragoman.wire import jsons

_NOT_INSTALLED: Final = 127  # the shell's word for a command that is not there
_SECONDS_TO_START: Final = 60.0
_SECONDS_TO_STOP: Final = 5.0
_SECONDS_BETWEEN_LOOKS: Final = 0.05
_LISTENS: Final = re.compile(r"listens on (http://\S+)")
_OURS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name))
_PASSED_ON: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def launch(
    agent: WhichAgent,
    arguments: Annotated[list[str] | None, typer.Argument(help="What the agent is given, after `--`.")] = None,
    model: Models = [],  # noqa: B006 - typer makes a new one
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", envvar="DRAGOMAN_CONFIG", help="Configuration of the proxy, if one has to be started."
        ),
    ] = None,
    url: Url = None,
    key: KeyOption = "",
    effort: Effort = "",
    window: Window = None,
    log: Annotated[Path | None, typer.Option(help="Where a proxy started for this run logs.")] = None,
) -> None:
    """Run an agent on the proxy that is running, or on one for this run. Ends with the agent's own status."""
    wanted = BY_NAME[agent.value]
    program = shutil.which(wanted.name)
    if program is None:
        told(
            f"{wanted.title} is not installed, or `{wanted.name}` is not on the PATH."
            f" Install it with: npm install -g {wanted.package}@latest",
            _NOT_INSTALLED,
        )
    with contextlib.ExitStack() as house:
        folder = Path(house.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-")))
        proxy = house.enter_context(_proxy(url, config, key or _key_in(config), log or folder / "proxy.log"))
        start = wanted.start(chosen_or_told(proxy, wanted, model, effort, window=window))
        status = _run(
            [program, *start.command[1:], *_overlay(start, folder), *(arguments or [])], _environment(start, folder)
        )
    raise typer.Exit(status)


def _key_in(config: Path | None) -> str:
    """The first key that the configuration holds in clear."""
    loaded = load_file(config, os.environ).config if config is not None else None
    return next((key.key.reveal() for key in loaded.keys if key.key), "") if loaded else ""


@contextlib.contextmanager
def _proxy(url: str | None, config: Path | None, key: str, log: Path) -> Iterator[Proxy]:
    """The one that is running, or one for as long as the block runs."""
    origin = address(url) if url else listening_url(config, os.environ)
    try:
        found = ask(origin, key)
    except NoKeyError as error:
        told(str(error))
    except NoProxyError as error:
        if url:
            told(f"{error}: start it with `dragoman serve`, or leave --url out, and one is started for this run")
    else:
        yield found
        return
    with _started(config, log) as started:
        try:
            found = ask(started, key)
        except (NoKeyError, NoProxyError) as error:
            told(str(error))
        yield found


@contextlib.contextmanager
def _started(config: Path | None, log: Path) -> Iterator[str]:
    """Serve on a free port; the origin."""
    command = [sys.executable, "-P", "-m", "dragoman", "serve", "--listen", "127.0.0.1:0", "--log-format", "text"]
    command += ["--while-stdin-is-open"]  # so that it ends with us, even if we are killed
    command += ["--config", str(config)] if config is not None else []
    with log.open("wb") as out:
        serving = subprocess.Popen(  # noqa: S603 - ourselves
            command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield _origin(serving, log)
    finally:
        serving.terminate()
        try:
            serving.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            serving.kill()
            serving.wait()


def _origin(serving: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until it says where it listens."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        ended = serving.poll() is not None
        said = log.read_text("utf-8", "replace")
        if found := _LISTENS.search(said):
            return found[1]
        if ended:
            told(said.strip() or f"the proxy ended with status {serving.returncode}")
        if time.monotonic() > deadline:
            told(f"the proxy did not start within {_SECONDS_TO_START:g} s; --log FILE keeps what it says")
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _overlay(start: Start, folder: Path) -> list[str]:
    """Write the settings of this run, and say how the agent is told of them."""
    if start.overlay is None:
        return []
    path = folder / "settings.json"
    path.touch(0o600)
    path.write_bytes(jsons.write(start.overlay.values))
    return [start.overlay.option, str(path)] if start.overlay.option else []


def _environment(start: Start, folder: Path) -> dict[str, str]:
    env = {**os.environ, **start.environment}
    if start.overlay is not None and start.overlay.variable:
        env[start.overlay.variable] = str(folder / "settings.json")
    if any(env.get(name) for name in NETWORK_PROXIES):
        env |= {name: _with_this_machine(env.get(name, "")) for name in ("NO_PROXY", "no_proxy")}
    return env


def _with_this_machine(hosts: str) -> str:
    """An agent that goes out by a proxy of the network finds ours nearer."""
    return ",".join(dict.fromkeys([*(host for host in hosts.split(",") if host), "127.0.0.1", "localhost"]))


def _run(command: list[str], env: Mapping[str, str]) -> int:
    """The agent's status, as a shell tells it: 128 and the signal's number, if one has ended it."""
    running: subprocess.Popen[bytes] | None = None
    waiting: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        if running is None:
            waiting.append(number)
        else:
            running.send_signal(number)

    # A function that does nothing and not SIG_IGN, which the agent would inherit.
    before = {number: signal.signal(number, lambda _number, _frame: None) for number in _OURS}
    before |= {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        running = subprocess.Popen(command, env=env)  # noqa: S603 - what the user asked for
        for number in waiting:
            running.send_signal(number)
        status = running.wait()
    except OSError as error:
        told(f"{command[0]} cannot be started: {error.strerror or error}", 126)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status
