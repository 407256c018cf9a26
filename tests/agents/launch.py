"""What every agent's module is given and gives back."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from tests.agents import installed
from tests.agents.scenarios import Manner, Scenario, Wire

MCP_SERVER: Final = Path(__file__).with_name("mcp_stub.py")


@dataclasses.dataclass(frozen=True)
class Turn:
    """One start of an agent. `home` and `folder` are the run's own; `context` is the model's window, in tokens."""

    base_url: str  # the origin, without /v1
    key: str
    model: str
    wire: Wire
    scenario: Scenario
    prompt: str
    home: Path
    folder: Path
    context: int = 128_000
    manner: Manner = "plain"
    resume: bool = False


@dataclasses.dataclass(frozen=True)
class Launch:
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    stdin: str | None = None


@dataclasses.dataclass
class Told:
    """What the agent itself reported, in its own JSON lines."""

    text: str = ""
    thinking: str = ""
    results: list[str] = dataclasses.field(default_factory=list)
    error: str | None = None
    input_tokens: int = 0
    compacted: bool = False


class Agent(Protocol):
    wires: tuple[Wire, ...]

    def launch(self, turn: Turn) -> Launch:
        """Write the agent's configuration under `turn.home` and say how to start it."""

    def read(self, lines: Iterable[Mapping[str, Any]]) -> Told: ...


def bearer(turn: Turn) -> dict[str, str]:
    """How the proxy's own MCP server is told the key."""
    return {"Authorization": f"Bearer {turn.key}"}


def command(agent: str) -> tuple[str, ...]:
    found = installed.command(agent)
    if found is None:
        raise FileNotFoundError(f"{agent} is not installed in {installed.home()}: python -m tests.agents.install")
    return found


def environment(home: Path) -> dict[str, str]:
    """Return a whole environment: nothing of the user's own, and no way out but to this machine."""
    runtime = installed.node()
    own = [str(runtime.parent)] if runtime else []
    nowhere = "http://127.0.0.1:9"  # the discard port
    return {
        "PATH": os.pathsep.join([*own, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
    }
