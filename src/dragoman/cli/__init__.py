"""Floor 5: the command line. A command's module is imported when that command is asked for.

A proxy that runs for months needs none of what only the others use.
"""

from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from dragoman import __version__

_COMMANDS: Final = ("serve", "check", "health", "setup", "launch", "keys", "usage")  # each a module with such a name


class _Commands(TyperGroup):
    """ctx: typer's or click's, which is not the same in every release of typer."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as the group calls it
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name in _COMMANDS:
            return _command(cmd_name)
        self.commands = {name: _command(name) for name in _COMMANDS}  # among which typer finds what may be meant
        return None


def _command(name: str) -> Any:
    found = getattr(import_module(f"dragoman.cli.{name}"), name)
    alone = typer.Typer(add_completion=False)
    if not isinstance(found, typer.Typer):
        alone.command(name)(found)
        return typer.main.get_command(alone)
    alone.add_typer(found, name=name)
    group: Any = typer.main.get_command(alone)
    return group.commands[name]


app = typer.Typer(
    cls=_Commands,
    name="dragoman",
    help="Connects coding agents to any model: Messages, Responses and Chat Completions on both sides.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dragoman {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Options before the command."""


def main() -> None:
    app()
