"""Measures Dragoman beside nginx relaying the same answers, in one run, and prints a table. See README.md."""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import interpreter
import proxies
import table
import toolchain
from load import Generator
from measures import GROUPS, Bench, Results

ROOT = Path(__file__).resolve().parent.parent
OPEN_FILES = 8192  # a thousand streams take two sockets each in the proxy
BUSY = 0.1  # cores; when others use more, numbers of a small machine are not worth much


class Wish(NamedTuple):
    """What the command line asked for."""

    json: Path | None
    quick: bool
    rounds: int
    only: Sequence[str]
    targets: Sequence[proxies.Running]
    budget: bool
    aiohttp: bool
    proxy: str | None
    python: Path | None
    mock_port: int


def main(words: Sequence[str]) -> int:
    wish = _wish(words)
    try:
        _allow_many_files()
        with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as folder:
            return _run(wish, Path(folder))
    except toolchain.CannotMeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _wish(words: Sequence[str]) -> Wish:
    parser = argparse.ArgumentParser(prog="bench/run.py", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to FILE")
    parser.add_argument("--quick", action="store_true", help="one round of shorter loads: a look, not a measurement")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved rounds (default: 4, with --quick 1)")
    parser.add_argument("--only", default=",".join(GROUPS), metavar="GROUP,...", help="of: %(default)s")
    parser.add_argument("--budget", action="store_true", help="compare with the budgets; never changes the exit status")
    parser.add_argument(
        "--aiohttp", action="store_true", help="measure a plain relay on aiohttp too: a yardstick for the first token"
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        type=_target,
        metavar="NAME=URL,PID",
        help="measure this running proxy too; the mock (see --mock-port) must be the backend of its models "
        + ", ".join(f"{model} ({dialect})" for dialect, model in proxies.MODELS.items()),
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--python",
        type=_program,
        metavar="PATH",
        help="run Dragoman under this Python, in an environment that is made for it, instead of the project's .venv",
    )
    instead.add_argument(
        "--proxy",
        metavar="COMMAND",
        help="start this in Dragoman's place; {port}, {backend} (the mock's port) and {config} are filled in",
    )
    parser.add_argument("--mock-port", type=int, default=9000, help="port of the mock backend (default: 9000)")
    said = parser.parse_args(words)
    only = said.only.split(",")
    if unknown := set(only) - set(GROUPS):
        parser.error(f"--only {', '.join(sorted(unknown))}: expected some of {', '.join(GROUPS)}")
    return Wish(
        json=said.json,
        quick=said.quick,
        rounds=said.rounds or (1 if said.quick else 4),
        only=only,
        targets=said.target,
        budget=said.budget,
        aiohttp=said.aiohttp,
        proxy=said.proxy,
        python=said.python,
        mock_port=said.mock_port,
    )


def _program(text: str) -> Path:
    if found := shutil.which(text):
        return Path(found).absolute()
    raise argparse.ArgumentTypeError(f"{text}: no such program")


def _target(text: str) -> proxies.Running:
    name, _, place = text.partition("=")
    url, _, pid = place.rpartition(",")
    if not name or not urlsplit(url).port or not pid.isdecimal() or not Path("/proc", pid).exists():
        raise argparse.ArgumentTypeError(f"{text}: expected NAME=http://HOST:PORT,PID of a running process")
    return proxies.Running(name, url, int(pid), translates=True)


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < OPEN_FILES:
        raise toolchain.CannotMeasureError(
            f"a process may open only {most} files here: run `ulimit -n {OPEN_FILES}` first"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, most))


def _run(wish: Wish, folder: Path) -> int:
    mockup, loadgen = toolchain.build()
    nginx = proxies.nginx(toolchain.nginx(), wish.mock_port)
    subject = _subject(wish)
    launchers, python = (nginx, subject), _python_of(subject)
    beside = [proxies.floor(python, wish.mock_port)] if python else []
    if wish.aiohttp:
        beside.append(proxies.aiohttp(with_aiohttp(python), wish.mock_port))
    begun = time.monotonic()
    with proxies.mock(mockup, wish.mock_port, folder / "mock") as mock:
        bench = Bench(Generator(loadgen, mock), folder, rounds=wish.rounds, quick=wish.quick, say=_say)
        if "memory" in wish.only:
            bench.memory(launchers)
        if "start" in wish.only:
            bench.start(launchers)
        if set(wish.only) - {"memory", "start"}:
            with ExitStack() as stack:
                running = [
                    stack.enter_context(launcher.started(bench.fresh_folder()))
                    for launcher in (nginx, *beside, subject)
                ]
                bench.load([*running, *wish.targets], wish.only)
    _say("")
    names = [launcher.name for launcher in (nginx, *beside, subject)] + [target.name for target in wish.targets]
    about = _about(wish, time.monotonic() - begun, bench.results, python)
    if wish.json:
        wish.json.write_text(json.dumps({"about": about, "rows": table.as_json(bench.results)}, indent=1) + "\n")
    _print(about, bench.results, names, subject.name if wish.budget else None)
    return 1 if bench.results.errors else 0


def _subject(wish: Wish) -> proxies.Launcher:
    if wish.proxy:
        return proxies.other(wish.proxy, wish.mock_port)
    return proxies.dragoman(_environment(wish.python) / "bin" / "dragoman", wish.mock_port)


def _environment(python: Path | None) -> Path:
    if python:
        return interpreter.environment(python)
    own = ROOT / ".venv"
    return own if (own / "bin" / "dragoman").exists() else Path(sys.prefix)


def _python_of(subject: proxies.Launcher) -> Path | None:
    """The Python that runs what is measured, if it is one that has what Dragoman has."""
    python = Path(subject.command[0]).parent / "python"
    has = [str(python), "-c", "import httptools, uvloop"]
    return python if python.exists() and not subprocess.run(has, capture_output=True, check=False).returncode else None


def with_aiohttp(python: Path | None) -> Path:
    """The same Python, so that both are measured on equal terms."""
    if python is None:
        raise toolchain.CannotMeasureError("--aiohttp runs under Dragoman's own Python: leave out --proxy")
    if subprocess.run([python, "-c", "import aiohttp"], capture_output=True, check=False).returncode:
        raise toolchain.CannotMeasureError(f"aiohttp is missing: run `{python} -m pip install aiohttp`")
    return python


def _say(text: str) -> None:
    """What is going on, where a person is looking."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _about(wish: Wish, seconds: float, results: Results, python: Path | None) -> dict[str, Any]:
    revision = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
        "revision": revision.stdout.strip() or None,
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "python": python and interpreter.version(python),
        "python_optimised": python and interpreter.is_optimised(python),
        "rounds": wish.rounds,
        "quick": wish.quick,
        "seconds": round(seconds),
        "others_cores": {"median": median(results.others or [0]), "highest": max(results.others, default=0)},
        "errors": list(results.errors),
    }


def _print(about: dict[str, Any], results: Results, names: Sequence[str], judged: str | None) -> None:
    print(f"{about['when']}, revision {about['revision']}, {about['machine']}")
    if about["python"]:
        print(f"Dragoman runs on {about['python']}, {interpreter.IN_WORDS[about['python_optimised']]}")
    print(
        f"{about['rounds']} rounds in {about['seconds']} s; medians ± half the range; x nginx: median of the rounds' ratios"
    )
    print("nginx relays in every row, translated ones included, what the backend speaks\n")
    print("\n".join(table.lines(results, names, judged)))
    others = about["others_cores"]
    if results.others:
        print(f"\nOther programs used {others['median']:.2f} cores (median), {others['highest']:.2f} at worst.")
    if others["median"] > BUSY:
        print("The machine was busy with other things: trust the ratios, not the numbers, and those little.")
    for error in about["errors"]:
        print(f"BROKEN: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
