"""`dragoman setup`: an agent's own settings, printed or written."""

import os
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import KEY_PLACE, KEY_VARIABLE, Agent, Choice, File, Model
from dragoman.agents.choosing import UnknownModelError
from dragoman.agents.jsonc import UnreadableError
from dragoman.agents.merge import hindrances, merged
from dragoman.agents.shells import SHELLS
from dragoman.cli import written
from dragoman.cli.running import USUAL, NoKeyError, NoProxyError, Proxy, ask, led_past, origin_of
from dragoman.cli.written import ChangedSinceError
from dragoman.wire import jsons

AgentName = Enum("AgentName", {agent.name: agent.name for agent in AGENTS}, type=str)  # type: ignore[misc] # made of the list
ShellName = Enum("ShellName", {shell.name: shell.name for shell in SHELLS}, type=str)  # type: ignore[misc] # likewise

WhichAgent = Annotated[AgentName, typer.Argument(help="The agent.")]
Models = Annotated[
    list[str],
    typer.Option("--model", "-m", help="A model; may be repeated. SLOT=MODEL puts it into a slot, as in haiku=small."),
]
Url = Annotated[str | None, typer.Option(help=f"Where the proxy is; {USUAL} unless said.")]
KeyOption = Annotated[str, typer.Option(envvar=KEY_VARIABLE, help="Your key, if the proxy has any.")]
Effort = Annotated[str, typer.Option(help="How hard to think, for agents that are told (Codex): low, medium, high.")]
Window = Annotated[
    int | None,
    typer.Option(
        min=1, help="The model's context window in tokens, for agents that are told (Codex), if you know better."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet/--no-quiet", help="Tell it to talk to nobody but the proxy.")]

_UNDONE: Final[Mapping[written.Undone, str]] = {
    "nothing": "There is nothing to put back at {}.",
    "all": "{} is as it was.",
    "rest": "What was written into {} is taken out again. It has changed since, and what has changed stays.",
}
_NO_HOME: Final = "You have no home directory here: set HOME, or {} to the folder of the agent's settings."


def setup(
    agent: WhichAgent,
    print_: Annotated[bool, typer.Option("--print", help="Print the file; the default.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write it, merged into what is there.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Put back what was before the last --write; what has changed since stays.")
    ] = False,
    script: Annotated[
        ShellName | None, typer.Option(help="Print a script that starts the agent in place of a file.")
    ] = None,
    model: Models = [],  # noqa: B006 - typer makes a new one
    url: Url = None,
    key: KeyOption = "",
    effort: Effort = "",
    window: Window = None,
    quiet: Quiet = True,
) -> None:
    """Set up an agent: print its settings, or write them into its own file, with a way back (--undo)."""
    if print_ + write + undo + (script is not None) > 1:
        raise typer.BadParameter("one of --print, --write, --undo and --script is enough")
    wanted = BY_NAME[agent.value]
    if undo:
        _undo(wanted)
        return
    proxy = _proxy(url, key, model, needs_key=write)
    choice = chosen_or_told(proxy, wanted, model, effort, window=window, quiet=quiet)
    if not write and (past := led_past(choice.origin, os.environ)):
        typer.echo(past, err=True)
    if write:
        _write(wanted, choice)
    elif script is not None:
        shell = next(shell for shell in SHELLS if shell.name == script.value)
        typer.echo(shell.script(wanted.start(choice), wanted.title), nl=False)
    else:
        file = wanted.file(choice)
        typer.echo(f"For {_place(file) or file.path}; --write puts it there:", err=True)
        typer.echo(merged(file), nl=False)


def chosen_or_told(
    proxy: Proxy, agent: Agent, wanted: list[str], effort: str, *, window: int | None = None, quiet: bool = True
) -> Choice:
    try:
        return proxy.choice(agent, wanted, effort, window=window, quiet=quiet)
    except UnknownModelError as error:
        told(str(error))


def told(message: str, status: int = 1) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(status)


def address(url: str | None) -> str:
    try:
        return origin_of(url or USUAL)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None


def _proxy(url: str | None, key: str, models: list[str], *, needs_key: bool) -> Proxy:
    """What is running; without one, what was said, if that is enough to go by."""
    origin = address(url)
    try:
        return ask(origin, key)
    except NoKeyError as error:
        if needs_key or not models:
            told(str(error))
        typer.echo(f"{error}. Windows and abilities are not known.", err=True)
    except NoProxyError as error:
        if not models:
            told(f"{error}. Start it with `dragoman serve`, or name its address with --url, or models with --model.")
        typer.echo(f"{error}. Windows and abilities are not known.", err=True)
    return Proxy(origin, key or KEY_PLACE)


def _place(file: File) -> Path | None:
    """None for a user without a home, as in a container."""
    try:
        return written.place_of(file, os.environ, Path.home)
    except RuntimeError:
        return None


def _write(agent: Agent, choice: Choice) -> None:
    file = agent.file(choice)
    path = _place(file) or told(_NO_HOME.format(file.moved_by))
    try:
        changed = written.write(file, path)
    except (UnreadableError, UnicodeDecodeError) as error:
        told(f"{path} cannot be read as {file.form.upper()}, so it is left alone: {error}")
    except OSError as error:
        told(f"{path} cannot be written: {error.strerror or error}")
    text = path.read_text("utf-8")
    past = led_past(choice.origin, os.environ)
    stands_in_the_way = [f"- {remedy}" for remedy in (*hindrances(file, text), *([past] if past else []))]
    if not changed:
        typer.echo("\n".join([f"{path} says this already.", *stands_in_the_way]))
        return
    typer.echo(f"{path} is written. `dragoman setup {agent.name} --undo` puts back what was.")
    for note in agent.notes:
        typer.echo(f"- {note}")
    for line in stands_in_the_way:
        typer.echo(line)
    if file.strict and not jsons.is_object(text):
        typer.echo(
            f"- It holds comments or commas that JSON has no place for: {agent.title} reads none of it. Remove them."
        )
    if choice.key == KEY_PLACE:
        typer.echo(f"- Put your key in the place of {KEY_PLACE}.")
    typer.echo(f"Start it with `{agent.name}`.")


def _undo(agent: Agent) -> None:
    file = agent.file(Choice(origin=USUAL, key="", models=(Model(""),)))
    path = _place(file) or told(_NO_HOME.format(file.moved_by))
    try:
        done = written.undo(file, path)
    except ChangedSinceError as error:
        told(str(error))
    except OSError as error:
        told(f"{path} cannot be put back: {error.strerror or error}")
    typer.echo(_UNDONE[done].format(path))
