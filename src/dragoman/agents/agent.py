"""What is known of a coding agent."""

import shlex
from collections.abc import Callable, Mapping

from msgspec import Struct


class Choice(Struct, frozen=True):
    """What an agent is to be connected to. origin: without a path. context_window: tokens, None = not known."""

    origin: str
    key: str
    model: str
    context_window: int | None = None


class Agent(Struct, frozen=True):
    """name: as people call it. connect: the shell line that runs it against this proxy, touching no files."""

    name: str
    connect: Callable[[Choice], str]


def line(environment: Mapping[str, str], *command: str) -> str:
    """A line for a POSIX shell."""
    return " ".join([*(f"{name}={shlex.quote(value)}" for name, value in environment.items()), shlex.join(command)])
