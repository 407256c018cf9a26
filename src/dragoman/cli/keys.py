"""`dragoman keys`: keys for clients, in the configuration file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragoman.config import edit, key_edits
from dragoman.config.edit import EditError
from dragoman.config.environment import CONFIG
from dragoman.config.key_edits import Made, name_of
from dragoman.config.schema import KeyConfig

keys = typer.Typer(
    help="Keys for clients: added, listed, renewed and revoked in the configuration file. A running proxy takes the"
    " change over within seconds.",
    no_args_is_help=True,
)
_FINGERPRINT: Final = 16  # hex digits, as in the log

ConfigFile = Annotated[Path, typer.Option("--config", "-c", envvar=CONFIG, help="The configuration file.")]
Name = Annotated[str, typer.Argument(help="Whose key it is, for logs and usage reports.")]


@keys.command()
def add(
    name: Name,
    models: Annotated[
        str, typer.Option(help="The models and aliases it may use, with commas between them; all unless said.")
    ] = "",
    config: ConfigFile = Path("config.yaml"),
) -> None:
    """Make a key. It is shown once, alone on the last line; the file keeps its hash."""
    chosen = _names(models)
    with _told():
        made = key_edits.add_key(config, name, chosen, os.environ)
    _show(made, f"A key for {name}, who {_may(chosen)}, is in {config} as a hash.")


@keys.command("list")
def list_(config: ConfigFile = Path("config.yaml")) -> None:
    """Whose keys there are, and what they may use. The keys themselves are not shown."""
    with _told():
        found = edit.read(config, os.environ)
    if not found.keys:
        typer.echo("There are no keys: everybody who can connect may use every model.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("NAME", "FINGERPRINT", "MODELS", "KEPT"):
        table.add_column(title, overflow="fold")
    for key in found.keys:
        models = ", ".join(key.models) or "all"
        table.add_row(Text(name_of(key)), _fingerprint(key), Text(models), "in clear" if key.key else "as a hash")
    Console(highlight=False).print(table)


@keys.command()
def rotate(name: Name, config: ConfigFile = Path("config.yaml")) -> None:
    """Put a new key in the old one's place, which no longer opens. Shown once, alone on the last line."""
    with _told():
        made = key_edits.rotate_key(config, name, os.environ)
    _show(made, f"{name} has a new key; the old one no longer opens.")


@keys.command()
def allow(
    name: Name,
    models: Annotated[
        str,
        typer.Option(help="The models and aliases it may use from now on, with commas between them; all unless said."),
    ] = "",
    config: ConfigFile = Path("config.yaml"),
) -> None:
    """Say anew which models a key may use."""
    chosen = _names(models)
    with _told():
        key_edits.allow_models(config, name, chosen, os.environ)
    typer.echo(f"{name} {_may(chosen)} from now on.")


@keys.command()
def revoke(name: Name, config: ConfigFile = Path("config.yaml")) -> None:
    """Take a key out of the file: it no longer opens."""
    with _told():
        key_edits.revoke_key(config, name, os.environ)
    typer.echo(f"The key of {name} is taken out of {config} and no longer opens.")


def _names(models: str) -> list[str]:
    return [model.strip() for model in models.split(",") if model.strip()]


def _may(chosen: list[str]) -> str:
    return f"may use {', '.join(chosen)}" if chosen else "may use every model"


def _show(made: Made, about: str) -> None:
    typer.echo(about)
    if made.first:
        typer.echo("It is the first: from now on nobody is let in without a key.")
    typer.echo("Keep it now, for it is not shown again:")
    typer.echo(made.key.reveal())


def _fingerprint(key: KeyConfig) -> str:
    digest = key.digest
    return digest.hex()[:_FINGERPRINT] if digest else ""


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except EditError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
