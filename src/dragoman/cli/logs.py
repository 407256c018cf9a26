"""Where the log goes: lines for people on a terminal, JSON lines for machines elsewhere."""

import datetime as dt
import logging
import sys
from typing import Final, Literal, TextIO

from dragoman.gateway.entry import Entry, printable
from dragoman.wire import jsons

Form = Literal["auto", "text", "json"]
_COLOURS: Final = {logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m", logging.CRITICAL: "\x1b[31m"}


def start(form: Form, level: str) -> None:
    """Send the log to stderr."""
    # What no line of ours shows need not be found out for each: it is half of what a record costs.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    on_terminal = sys.stderr.isatty()
    stream = _Lines()
    stream.setFormatter(_JSON() if form == "json" or (form == "auto" and not on_terminal) else _Text(on_terminal))
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(logging.WARNING)
    logging.getLogger("dragoman").setLevel(level.upper())


class _Lines(logging.StreamHandler[TextIO]):
    """Python writes each line to stderr as it ends, so that there is nothing to flush."""

    def flush(self) -> None:
        pass


class _Text(logging.Formatter):
    def __init__(self, coloured: bool) -> None:
        super().__init__()
        self._coloured: Final = coloured

    def format(self, record: logging.LogRecord) -> str:
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).astimezone().strftime("%H:%M:%S")
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        line = f"{when} {level}{printable(record.getMessage())}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        colour = _COLOURS.get(record.levelno, "") if self._coloured else ""
        return f"{colour}{line}\x1b[0m" if colour else line


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
        said: dict[str, object] = {"time": when, "level": record.levelname.lower(), "logger": record.name}
        entry = getattr(record, "entry", None)
        if isinstance(entry, Entry):
            said |= entry.fields()
        else:
            said["message"] = record.getMessage()
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return jsons.write_text(said)
