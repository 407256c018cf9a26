"""Floor 5: the command line."""

import typer

from dragoman import __version__
from dragoman.cli.check import check
from dragoman.cli.health import health
from dragoman.cli.keys import keys
from dragoman.cli.launch import launch
from dragoman.cli.serve import serve
from dragoman.cli.setup import setup
from dragoman.cli.usage import usage

app = typer.Typer(
    name="dragoman",
    help="Connects coding agents to any model: Messages, Responses and Chat Completions on both sides.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(check)
app.command()(health)
app.command()(setup)
app.command()(launch)
app.add_typer(keys, name="keys")
app.add_typer(usage, name="usage")


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
