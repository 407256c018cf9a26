"""The books: which exchanges are under way, and the ledger that they go into when they are over."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final, Literal, get_args

from msgspec import Struct

from dragoman.agents.callers import caller
from dragoman.gateway.entry import Entry, place_of
from dragoman.gateway.responder import Responder
from dragoman.ledger.ledger import Ledger
from dragoman.ledger.line import Line
from dragoman.ledger.metrics import Metrics
from dragoman.protocols.sessions import session_in, subagent_in

State = Literal["arriving", "waiting", "answering"]
STATES: Final[tuple[State, ...]] = get_args(State)
_log: Final = logging.getLogger("dragoman.gateway")
_LONGEST: Final = 200  # characters of a name from outside
_LONGEST_LIST: Final = 500


class UnderWay(Struct, frozen=True, kw_only=True):
    """An exchange that has not ended. age_ms: since it began. Tokens as far as the backend has said; bytes as sent."""

    id: str
    state: State
    age_ms: int
    key: str
    agent: str
    session: str
    model: str
    rail: str
    attempts: int
    input_tokens: int | None
    output_tokens: int | None
    response_bytes: int


class _Account(Struct, frozen=True):
    entry: Entry
    responder: Responder
    headers: Mapping[str, str]


class Books:
    """ledger: None = nothing is recorded. metrics: None = nothing is counted.

    soon: seconds after which an exchange that is over is written down, with those that have ended meanwhile; 0 = at
    once. A client may ask again in the moment in which it has heard the end, and does not wait for our pen.
    """

    def __init__(self, ledger: Ledger | None, metrics: Metrics | None = None, *, soon: float = 0.01) -> None:
        self.ledger: Final = ledger
        self.metrics: Final = metrics
        self.soon = soon
        self._open: Final[dict[str, _Account]] = {}
        self._over: list[_Account] = []

    def open(self, entry: Entry, responder: Responder, headers: Mapping[str, str]) -> None:
        self._open[entry.id] = _Account(entry, responder, headers)

    def close(self, entry: Entry) -> None:
        """The exchange is over."""
        entry.ended = time.monotonic()
        self._over.append(self._open.pop(entry.id))
        if not self.soon:
            self.write()
        elif len(self._over) == 1:
            asyncio.get_running_loop().call_later(self.soon, self.write)

    def write(self) -> None:
        """Write down what is over: in the log, and what was let in at all, in the ledger.

        Whoever has no key leaves nothing on the disk, or he could fill it.
        """
        over, self._over = self._over, []
        for account in over:
            try:
                account.entry.write()
                if account.entry.key and (self.ledger is not None or self.metrics is not None):
                    self._record(_line(account))
            except Exception:  # noqa: BLE001 - a bug of ours; the others are written all the same
                _log.exception("%s: it could not be written down", account.entry.id)

    def shut(self) -> None:
        """Write down what is left. What ends from now on, is written at once."""
        self.soon = 0
        self.write()

    def _record(self, line: Line) -> None:
        if self.ledger is not None:
            self.ledger.record(line)
        if self.metrics is not None:
            self.metrics.count(line)

    def under_way(self) -> list[UnderWay]:
        """The oldest first. Only those that were let in: whoever knocks is nobody yet."""
        return [_under_way(account) for account in self._open.values() if account.entry.key]


def _under_way(account: _Account) -> UnderWay:
    entry, usage = account.entry, account.entry.usage
    answering: State = "waiting" if entry.first_byte is None else "answering"
    return UnderWay(
        id=entry.id,
        state=answering if entry.attempts else "arriving",
        age_ms=entry.milliseconds(),
        key=entry.key,
        agent=caller(account.headers).name,
        session=_session(account),
        model=_short(entry.configured or entry.model),
        rail=entry.rail,
        attempts=entry.attempts,
        input_tokens=usage.input,
        output_tokens=usage.output,
        response_bytes=account.responder.written,
    )


def _line(account: _Account) -> Line:
    entry, usage, agent = account.entry, account.entry.usage, caller(account.headers)
    return Line(
        time=round(entry.started * 1000),
        request_id=entry.id,
        key=_short(entry.key),
        key_hash=entry.owner,
        agent=agent.name,
        agent_version=agent.version,
        session=_session(account),
        subagent=_short(subagent_in(account.headers) or ""),
        path=entry.path,
        dialect=entry.dialect,
        backend_dialect=entry.backend_dialect,
        asked=_short(entry.model),
        model=entry.configured,
        backend_model=entry.backend_model,
        backend=place_of(entry.backend),
        rail=entry.rail,
        status=entry.status,
        problem=entry.problem.kind if entry.problem is not None else "",
        input_tokens=usage.input,
        cached_tokens=usage.cache_read,
        cache_written_tokens=usage.cache_written,
        output_tokens=usage.output,
        reasoning_tokens=usage.reasoning,
        request_bytes=entry.body_bytes,
        response_bytes=account.responder.written,
        first_byte_ms=entry.first_byte_ms,
        duration_ms=entry.milliseconds(),
        attempts=entry.attempts,
        tool_runs=entry.tool_runs,
        searches=entry.searches or usage.searches or 0,
        fetches=entry.fetches or usage.fetches or 0,
        pages=entry.pages,
        images=entry.images,
        losses=_short(", ".join(entry.losses), _LONGEST_LIST) if entry.losses else "",
    )


def _session(account: _Account) -> str:
    return _short(session_in(account.headers) or account.entry.session)


def _short(text: str, longest: int = _LONGEST) -> str:
    """What a client says may hold anything, and is shown to people."""
    text = text[:longest]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
