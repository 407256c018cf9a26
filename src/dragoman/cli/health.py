"""`dragoman health`: is the proxy of this machine well? For containers and watchdogs, which have no curl."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from dragoman.config.environment import CONFIG, with_environment
from dragoman.config.listen import ListenAddress
from dragoman.config.load import load_file
from dragoman.config.schema import Config
from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client

_TIMEOUTS: Final = Timeouts(connect=2.0, first_byte=4.0, idle=4.0)
_MAX_ANSWER: Final = 2**16
_ANY: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - no places to connect to


def health(
    url: Annotated[str | None, typer.Option(help="Where it listens, if not where the configuration says.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", envvar=CONFIG, help="The configuration file.")
    ] = None,
) -> None:
    """Ask whether the proxy is well. Exit status 1 if it does not answer."""
    url = url or listening_url(config, os.environ)
    trouble = asyncio.run(_trouble(url.rstrip("/")))
    typer.echo(f"{url}: {trouble or 'well'}", err=bool(trouble))
    if trouble:
        raise typer.Exit(1)


def listening_url(config: Path | None, env: Mapping[str, str]) -> str:
    """Where a proxy with this configuration is reached from this machine."""
    return _url(_address(config, env))


def _address(path: Path | None, env: Mapping[str, str]) -> ListenAddress:
    """Where the configuration listens; where it would, while the file is not sound."""
    loaded = load_file(path, env).config if path is not None else None
    return (loaded or with_environment(Config(), env)[0]).listen


def _url(address: ListenAddress) -> str:
    return f"http://{address._replace(host=_ANY.get(address.host, address.host))}"


async def _trouble(url: str) -> str:
    """What is wrong; "" if nothing is."""
    net = Client()
    try:
        reply = await net.send("GET", f"{url}/healthz", [], b"", _TIMEOUTS)
        await reply.read_all(_MAX_ANSWER)
    except Problem as problem:
        return problem.public
    finally:
        await net.close()
    return "" if reply.status == 200 else f"it answers with HTTP {reply.status}"
