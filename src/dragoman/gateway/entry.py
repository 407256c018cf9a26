"""One exchange, one line: what was asked, where it went, what came of it. Never what was said."""

import functools
import logging
import time
from typing import Any, Final

from msgspec import Struct, field

from dragoman.hub.events import Event, Noted
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.route import Backend, Secret
from dragoman.hub.usage import Usage

_log: Final = logging.getLogger("dragoman.exchange")
# What all records of exchanges have in common.
_RECORD: Final = vars(logging.LogRecord(_log.name, logging.INFO, "", 0, None, None, None))
_OUR_SIDE: Final = 500  # from this status on it is our trouble or a backend's, not the client's
_LONGEST: Final = 300  # characters
_LONGEST_PRIVATE: Final = 500


class Entry(Struct, eq=False):
    """Filled while the exchange goes on. Times in seconds of the monotonic clock, but for started: since the epoch.

    owner: whose the things are that are kept between requests.
    configured: the name of the model that `model` means; "" = nobody knows it.
    tool_runs: that the proxy made for the model. rescued_calls: that the model has said as text.
    session: where the body says it and the headers do not.
    account: which of the backend's was asked last, and the only thing here that is secret.
    read_bytes: of the request as it was read, what it goes on from included.
    searches, fetches, pages, images: run or read by the proxy for this exchange. reused: what of the images and pages
        was known before.
    parent: the exchange for which a model of this house is asked.
    """

    id: str
    path: str
    dialect: str
    began: float = field(default_factory=time.monotonic)
    started: float = field(default_factory=time.time)
    first_byte: float | None = None
    ended: float | None = None
    key: str = ""
    owner: str = ""
    model: str = ""
    configured: str = ""
    backend_model: str = ""
    backend_dialect: str = ""
    backend: str = ""
    account: tuple[str, Secret] = ("", Secret(""))
    rail: str = ""
    why_not_relayed: str = ""
    status: int = 0
    problem: Problem | None = None
    usage: Usage = Usage()
    attempts: int = 0
    losses: tuple[str, ...] = ()
    tool_runs: int = 0
    rescued_calls: int = 0
    session: str = ""
    body_bytes: int = 0
    read_bytes: int = 0
    searches: int = 0
    fetches: int = 0
    pages: int = 0
    images: int = 0
    reused: int = 0
    parent: str = ""

    def attempted(self, backend: Backend) -> None:
        """A backend is being asked."""
        self.attempts += 1
        self.backend_dialect, self.backend, self.account = backend.dialect, backend.url, (backend.url, backend.key)

    def lost(self, losses: Losses) -> None:
        """What could not be said to the backend that answers."""
        self.losses = tuple(dict.fromkeys(loss.path for loss in losses.noted))

    def read(self, images: int, pages: int, reused: int) -> None:
        """What was read for a backend that cannot. For the next backend the same is read again, and known by then."""
        if not self.images and not self.pages:
            self.reused = reused
        self.images, self.pages = max(self.images, images), max(self.pages, pages)

    def hear(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Noted):
                self.usage = self.usage.updated(event.usage)

    def spoke(self) -> None:
        """Something reaches the client."""
        if self.first_byte is None:
            self.first_byte = time.monotonic()

    def failed(self, problem: Problem) -> None:
        """Without the frames it came through: they lead back here, and all would be left to the garbage collector."""
        self.problem = problem.with_traceback(None)

    def write(self) -> None:
        """Write the line, of an exchange that is over. Called once, whatever way it ended.

        The record is made by hand: `Logger.log` walks the stack for a place that is always this one, takes its file's
        name apart, and formats a sentence that nobody reads where the log is JSON.
        """
        problem = self.problem
        is_trouble = problem is not None and max(self.status, problem.status) >= _OUR_SIDE
        level = logging.WARNING if is_trouble else logging.INFO
        if not _log.isEnabledFor(level):
            return
        if problem is not None and problem.private:
            _log.info("%s %s: %s", self.id, problem.kind, _one_line(problem.private, _LONGEST_PRIVATE))
        ended = self.started + self.seconds()
        record = logging.LogRecord.__new__(logging.LogRecord)
        record.__dict__ = {
            **_RECORD,
            "levelno": level,
            "levelname": "WARNING" if is_trouble else "INFO",
            "created": ended,
            "msecs": ended % 1 * 1000,
            "msg": self,
            "entry": self,
        }
        _log.handle(record)

    def __str__(self) -> str:
        """The line for people."""
        usage, asked = self.usage, _one_line(self.model) or "-"
        tokens = f" {usage.input or 0}+{usage.output or 0} tokens" if usage != Usage() else ""
        trouble = f" {self.problem.kind}: {_one_line(self.problem.public)}" if self.problem is not None else ""
        lost = f" lost: {_one_line(', '.join(self.losses))}" if self.losses else ""
        took = f"{self.milliseconds()} ms"
        ran = f" {self.tool_runs} tool runs" if self.tool_runs else ""
        ran += f" {self.images} images" if self.images else ""
        ran += f" {self.pages} pages" if self.pages else ""
        ran += f" {self.rescued_calls} calls said as text" if self.rescued_calls else ""
        way = " ".join(filter(None, [self.rail or "-", place_of(self.backend).rpartition("/")[2]]))
        return f"{self.status or '-'} {self.path} {asked} {way} {took}{tokens}{ran}{trouble}{lost}"

    def seconds(self) -> float:
        """From its beginning to its end, or to now."""
        return (time.monotonic() if self.ended is None else self.ended) - self.began

    def milliseconds(self) -> int:
        return round(self.seconds() * 1000)

    @property
    def first_byte_ms(self) -> int | None:
        return None if self.first_byte is None else round((self.first_byte - self.began) * 1000)

    def fields(self) -> dict[str, Any]:
        """The line for machines."""
        return {
            "id": self.id,
            "path": self.path,
            "dialect": self.dialect,
            "key": self.key,
            "model": self.model,
            "backend_model": self.backend_model,
            "backend_dialect": self.backend_dialect,
            "backend": place_of(self.backend),
            "rail": self.rail,
            "why_not_relayed": self.why_not_relayed,
            "status": self.status,
            "problem": self.problem.kind if self.problem else None,
            "problem_text": self.problem.public if self.problem else None,
            "input_tokens": self.usage.input,
            "cached_tokens": self.usage.cache_read,
            "output_tokens": self.usage.output,
            "reasoning_tokens": self.usage.reasoning,
            "first_byte_ms": self.first_byte_ms,
            "duration_ms": self.milliseconds(),
            "attempts": self.attempts,
            "losses": list(self.losses),
            "tool_runs": self.tool_runs,
            "rescued_calls": self.rescued_calls,
            "parent": self.parent or None,
            "images": self.images,
            "pages": self.pages,
            "reused": self.reused,
        }


def _one_line(text: str, longest: int = _LONGEST) -> str:
    return printable(f"{text[:longest]}..." if len(text) > longest else text)


def printable(text: str) -> str:
    """Names and messages come from outside: none may look like a line of ours, or move the cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


@functools.lru_cache(maxsize=512)
def place_of(url: str) -> str:
    """Where a backend is, without what may be a credential in its URL."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.partition('/')[0].rpartition('@')[2]}"
