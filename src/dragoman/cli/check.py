"""`dragoman check`: everything that is wrong with a configuration file, without serving."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dragoman.config.environment import CONFIG
from dragoman.config.findings import render_findings
from dragoman.config.load import contents, load_file


def check(
    config: Annotated[Path, typer.Option("--config", "-c", envvar=CONFIG, help="The file to check.")] = Path(
        "config.yaml"
    ),
) -> None:
    """Check a configuration file. Exit status 1 if it cannot be served."""
    loaded = load_file(config, os.environ)
    if loaded.findings:
        typer.echo(render_findings(loaded.findings, str(config)), err=loaded.config is None)
    if loaded.config is None:
        raise typer.Exit(1)
    typer.echo(f"{config}: fine: {contents(loaded.config)}")
