"""`dragoman usage`: who used what, while the proxy runs or not."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final, NamedTuple, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dragoman.config.data_dir import ledger_file
from dragoman.config.findings import render_findings
from dragoman.config.load import load_file
from dragoman.config.schema import Config
from dragoman.ledger.export import csv_text, objects
from dragoman.ledger.foreign import Imported, NotTheirsError, take_over
from dragoman.ledger.period import Piece, last_days
from dragoman.ledger.reports import By, Row, report, total
from dragoman.ledger.tables import DAY, LEDGER
from dragoman.store.migrations import NewerFileError
from dragoman.store.opening import open_reader, open_writer
from dragoman.wire import jsons

usage = typer.Typer(help="Who used what: requests, tokens, times.", invoke_without_command=True)

_USUAL_FILE: Final = Path("config.yaml")
_LONGEST: Final = 3660  # days
_MOST_ROWS: Final = 50  # of a table; --json and --csv have all
_MIN_NAME: Final = 12
_TIMES_FROM: Final = 90  # columns of a terminal
_WIDEST_NAME: Final = 48

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file that the proxy is served with. Without it: that of DRAGOMAN_CONFIG,"
        " or config.yaml here, if there is one.",
    ),
]


@usage.callback()
def show(
    context: typer.Context,
    by: Annotated[By, typer.Option(help="What to add up by.")] = "day",
    days: Annotated[int, typer.Option(min=1, max=_LONGEST, help="Today and the days before it, together.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="A list of objects, with every number.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The same as CSV.")] = False,
    config: ConfigFile = None,
) -> None:
    """Show who used what. Days are those of this machine's time zone; a session is told as a whole."""
    if context.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv", param_hint="--csv")
    path = _ledger(_file(config))
    period = last_days(days, time.time(), None)
    with _told(path), closing(open_reader(path)) as db:
        rows = report(db, by, period)
        everything = total(db, Piece("all", period.since, period.until))
    if as_json:
        typer.echo(jsons.write_pretty(objects(rows, by)))
    elif as_csv:
        sys.stdout.write(csv_text(rows, by))
    else:
        _print(rows, everything, by)


@usage.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="go-llm-proxy's usage.db.")],
    config: ConfigFile = None,
) -> None:
    """Take over the usage database of go-llm-proxy. What has come before does not come again."""
    config = _file(config)
    settings = _settings(config)
    path = _place(settings, config)
    with _told(file):
        done = _take_over(file, path, time.time() - settings.usage_days * DAY)
    typer.echo(_said(done, path, settings))


def _take_over(file: Path, path: Path, since: float) -> Imported:
    open_reader(file).close()  # first: what cannot be read is no reason to make a ledger
    try:
        db = open_writer(path, [LEDGER])
    except (OSError, sqlite3.Error, NewerFileError) as error:
        _fail(f"{path} cannot be written: {error}")
    with closing(db):
        return take_over(db, file, since)


def _said(done: Imported, path: Path, settings: Config) -> str:
    parts = [f"{done.new:,} requests were taken over into {path}"]
    if done.known:
        parts.append(f"{done.known:,} had come before")
    if done.old:
        parts.append(f"{done.old:,} are older than `usage_days`, {settings.usage_days:g}, and were left out")
    if done.unreadable:
        parts.append(f"of {done.unreadable:,} the time cannot be read, so they were left out")
    return "; ".join(parts)


def _file(config: Path | None) -> Path | None:
    """The configuration file: the one that is named, here or in the environment, else the usual one, where it is."""
    if config is not None:
        return config
    named = Path(os.environ.get("DRAGOMAN_CONFIG") or _USUAL_FILE)
    return named if named.exists() else None


def _settings(path: Path | None) -> Config:
    if path is None:
        return Config()
    loaded = load_file(path, os.environ)
    if loaded.config is None:
        typer.echo(render_findings(loaded.findings, str(path)), err=True)
        raise typer.Exit(1)
    return loaded.config


def _place(settings: Config, config: Path | None) -> Path:
    path = ledger_file(settings, config, os.environ)
    if path is None:
        _fail(
            "usage is kept in memory only: `data_dir` is `none`, or you have no home directory; set `usage_db` to"
            " a file"
        )
    return path


def _ledger(config: Path | None) -> Path:
    settings = _settings(config)
    path = _place(settings, config)
    if not path.exists():
        if not settings.log_metrics:
            _fail("no usage is recorded: `log_metrics` is false")
        _fail(
            f"there is no usage yet: {path} is made by `dragoman serve`; if it runs with another configuration file,"
            " name it with --config"
        )
    return path


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What is wrong with a file is said in one line."""
    try:
        yield
    except NotTheirsError as error:
        _fail(f"{path} is not go-llm-proxy's: {error}")
    except sqlite3.Error as error:
        if "no such table" in str(error):
            _fail(f"{path} has no usage of Dragoman; if it is go-llm-proxy's: dragoman usage import {path}")
        why = "there is no such file" if not path.exists() else str(error)
        _fail(f"{path} cannot be read: {why}")


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


class _Column(NamedTuple):
    """width: of a terminal that has room for it."""

    title: str
    text: Callable[[Row], str]
    width: int = 0


def _count(name: str) -> Callable[[Row], str]:
    return lambda row: _short(getattr(row, name))


def _pair(name: str) -> Callable[[Row], str]:
    return lambda row: _two(getattr(row, f"{name}_ms_p50"), getattr(row, f"{name}_ms_p95"))


_COLUMNS: Final = (
    _Column("REQUESTS", lambda row: f"{row.requests:,}"),
    _Column("ERRORS", lambda row: f"{row.errors:,}" if row.errors else "", 60),
    _Column("INPUT", _count("input_tokens")),
    _Column("CACHED", lambda row: "" if row.cache_hit_rate is None else f"{row.cache_hit_rate:.0%}", 60),
    _Column("OUTPUT", _count("output_tokens")),
    _Column("FIRST TOKEN", _pair("first_token"), _TIMES_FROM),
    _Column("DURATION", _pair("duration"), _TIMES_FROM),
    _Column("TOOLS", lambda row: f"{row.tool_runs:,}" if row.tool_runs else "", 112),
    _Column("LAST", lambda row: _when(row.last), 124),
)


def _print(rows: list[Row], everything: Row, by: By) -> None:
    console = Console(highlight=False)
    columns = [column for column in _COLUMNS if column.width <= console.width]
    shown = _since_first_use(rows) if by == "day" else rows[:_MOST_ROWS]
    texts = [[column.title, column.text(everything), *map(column.text, shown)] for column in columns]
    taken = sum(2 + max(map(len, column)) for column in texts)
    table = Table(box=None, pad_edge=False, show_footer=bool(rows))
    name_width = max(_MIN_NAME, min(_WIDEST_NAME, console.width - taken))
    table.add_column(by.upper(), "all", no_wrap=True, overflow="ellipsis", max_width=name_width)
    for title, footer, *_ in texts:
        table.add_column(title, footer, justify="right", no_wrap=True)
    for row, *cells in zip(shown, *(column[2:] for column in texts), strict=True):
        table.add_row(Text(_printable(row.name) or "(none)"), *cells)
    console.print(table)
    if by != "day" and len(rows) > _MOST_ROWS:
        console.print(f"... and {len(rows) - _MOST_ROWS:,} more; --json and --csv have all")
    if console.width >= _TIMES_FROM:
        console.print("\nTimes: half of the requests took at most the first, 95 % the second.", style="dim")


def _since_first_use(days: list[Row]) -> list[Row]:
    """Of days before anything was used people need no row; of today they do."""
    first = next((at for at, row in enumerate(days) if row.requests), len(days) - 1)
    return days[first:]


def _short(count: int) -> str:
    """Three digits that count: 999, 12.3k, 4.56M."""
    for unit, sign in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if count >= unit:
            value = count / (unit if sign != "k" else 1000)
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}{sign}"
    return f"{count:,}" if count else ""


def _two(half: int | None, most: int | None) -> str:
    return "" if half is None or most is None else f"{_seconds(half)} {_seconds(most):>6}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.{2 if milliseconds < 10_000 else 1}f}s"


def _when(milliseconds: int | None) -> str:
    return "" if milliseconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(milliseconds / 1000))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
