#!/usr/bin/env python3
"""The test command: `python3 run_tests.py`. Needs Python 3.11 or newer, and brings everything else itself.

Makes or updates `.venv`, installs Dragoman with its extras and the development tools, installs the coding agents
(about 1.1 GB, in the user's cache directory), and runs format, lint, types and tests. On Debian and Ubuntu, as root,
it also installs what tests/debian-packages.txt names; elsewhere the tests that need one of them are skipped and say so.
It stops at the first stage that fails, with that stage's exit status. Anything it does not know is handed to pytest:
`run_tests.py -k sse`.

Standard library only.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
OLDEST_PYTHON: Final = (3, 11)
SLOW: Final = ("local_model", "agents")  # pytest's marks, in the order they run
DEBIAN_PACKAGES: Final = ROOT / "tests" / "debian-packages.txt"
NO_TESTS_CHOSEN: Final = 5  # pytest's exit status


def main() -> int:
    if sys.version_info < OLDEST_PYTHON:
        print(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Start this file with a newer one.")
        return 2
    wanted, for_pytest = _arguments()
    os.chdir(ROOT)
    return _prepare() or _install_debian_packages() or _check() or _test(wanted, for_pytest)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true", help="neither the local model nor the agents")
    parser.add_argument("--no-agents", action="store_true", help="install and drive no agents")
    return parser.parse_known_args()


def _prepare() -> int:
    """Make the virtual environment what pyproject.toml says, unless it is already."""
    stamp = VENV / "installed"
    if _runs(PYTHON) and stamp.exists() and stamp.read_text() == _wanted_environment():
        return 0
    if not _runs(PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
        if status := _stage("virtual environment", [sys.executable, "-m", "venv", str(VENV)]):
            print("Python could not make .venv. On Debian and Ubuntu: apt-get install python3-venv")
            return status
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    status = _stage("pip", [*pip, "--upgrade", "pip>=25.1"])  # the first with --group
    status = status or _stage("packages", [*pip, "-e", ".[all]", "--group", "dev"])
    if not status:
        stamp.write_text(_wanted_environment())
    return status


def _runs(python: Path) -> bool:
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def _wanted_environment() -> str:
    return f"{ROOT} {hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}\n"


def _install_debian_packages() -> int:
    """Install those that are missing, where that is possible without asking anybody."""
    lines = (line.partition("#")[0].strip() for line in DEBIAN_PACKAGES.read_text().splitlines())
    missing = [name for name in lines if name and not _is_debian_package_installed(name)]
    if not missing:
        return 0
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"== Debian packages: skipped, and with them some tests; apt-get install {' '.join(missing)}", flush=True)
        return 0
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *missing]
    return _stage("Debian package lists", ["apt-get", "-qq", "update"]) or _stage("Debian packages", install)


def _is_debian_package_installed(name: str) -> bool:
    if not shutil.which("dpkg-query"):
        return False
    ask = ["dpkg-query", "-W", "-f", "${db:Status-Status}", name]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout == "installed"


def _check() -> int:
    ruff, mypy = str(VENV / "bin" / "ruff"), str(VENV / "bin" / "mypy")
    return _stage("format", [ruff, "format", "--check"]) or _stage("lint", [ruff, "check"]) or _stage("types", [mypy])


def _test(wanted: argparse.Namespace, for_pytest: Sequence[str]) -> int:
    """Run pytest stage by stage. With -k a stage may have nothing to run, but not all of them."""
    worst = NO_TESTS_CHOSEN
    for status in _test_stages(wanted, for_pytest):
        if status not in {0, NO_TESTS_CHOSEN}:
            return status
        worst = min(worst, status)
    return worst


def _test_stages(wanted: argparse.Namespace, for_pytest: Sequence[str]) -> Iterator[int]:
    yield _pytest("tests", " and ".join(f"not {mark}" for mark in SLOW), for_pytest)
    if wanted.fast:
        return
    if _asked_for("DRAGOMAN_LOCAL_MODEL") or _is_local_model_cached():
        yield _pytest("local model", "local_model", for_pytest)
    else:
        print("== local model: skipped, not downloaded; DRAGOMAN_LOCAL_MODEL=1 downloads 2.4 GB", flush=True)
    if not wanted.no_agents:
        if status := _stage("install agents", [str(PYTHON), "-m", "tests.agents.install"]):
            yield status
        yield _pytest("agents", "agents", for_pytest, DRAGOMAN_REQUIRE_AGENTS="1")


def _is_local_model_cached() -> bool:
    ask = [str(PYTHON), "-m", "tests.local_model.weights"]
    return subprocess.run(ask, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _pytest(name: str, mark: str, extra: Sequence[str], **environment: str) -> int:
    """Run the tests of one mark. No time is printed after them: pytest's summary, which has it, stays the last line."""
    print(f"== {name}", flush=True)
    return _run([str(PYTHON), "-m", "pytest", "-q", "-m", mark, *extra], **environment)


def _stage(name: str, command: Sequence[str]) -> int:
    print(f"== {name}", flush=True)
    began = time.monotonic()
    status = _run(command)
    print(f"== {name}: {'failed' if status else 'ok'}, {time.monotonic() - began:.1f} s", flush=True)
    return status


def _run(command: Sequence[str], **environment: str) -> int:
    return subprocess.run(command, stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False).returncode


def _asked_for(variable: str) -> bool:
    return os.environ.get(variable, "") not in {"", "0"}


if __name__ == "__main__":
    sys.exit(main())
