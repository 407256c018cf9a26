"""A search, asked of one account after another until one answers.

An account that is used up, or whose key is refused, is left in peace for a while: asking it again costs time, and
sometimes makes it angrier.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from dragoman.hub.problems import Kind, Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client
from dragoman.protocols.redaction import redacted
from dragoman.store.results import Results, key_of
from dragoman.tools.domains import hosts_to_ask, hosts_to_omit, permits
from dragoman.tools.search.engine import Account, Heard, Query, Question
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.tools")

_TIMEOUTS: Final = Timeouts(connect=5.0, first_byte=20.0, idle=10.0)
_SECONDS: Final = 25.0  # for all of one account's answer
_MAX_ANSWER: Final = 8 * 2**20
_KEPT: Final = 900.0  # seconds that an answer is good for
# Seconds that an account rests after such a problem, if it does not say itself how long.
_RESTS: Final[dict[Kind, float]] = {"rate_limited": 10.0, "out_of_credit": 900.0, "backend_refused_us": 300.0}
_LONGEST_REST: Final = 3600.0
_LONGEST_URL: Final = 2000
_LONGEST_TITLE: Final = 300
# After these an account rests as well, but is asked all the same if there is no other.
_FALTERS: Final[dict[Kind, float]] = {"unreachable": 30.0, "timeout": 30.0, "truncated": 10.0, "overloaded": 10.0}

_HAPPENED: Final[dict[Kind, str]] = {
    "unreachable": "cannot be reached",
    "timeout": "did not answer in time",
    "truncated": "broke off its answer",
}


class _Rest(NamedTuple):
    until: float
    problem: Problem


_Place: TypeAlias = tuple[str, str, object]


class Searches:
    """For all models. clock: seconds, monotonic."""

    def __init__(self, net: Client, results: Results, clock: Callable[[], float] = time.monotonic) -> None:
        self._net: Final = net
        self._results: Final = results
        self._clock: Final = clock
        self._rests: Final[dict[_Place, _Rest]] = {}

    async def search(self, accounts: Sequence[Account], query: Query) -> tuple[Hit, ...]:
        """Return what was found, sifted by the query's domains; none is an answer too. Raise Problem if nobody answers.

        accounts: at least one.
        """
        awake = self._awake(accounts)
        said: list[Problem] = []
        for account in accounts:
            try:
                if account not in awake:
                    raise self._still(account)
                return _sifted(await self._ask(account, query), query)
            except Problem as problem:
                said.append(problem)
        raise _together(said)

    def _awake(self, accounts: Sequence[Account]) -> list[Account]:
        """Those that do not rest; if all do, those that only faltered."""
        now = self._clock()
        problems = {
            account: rest.problem
            for account in accounts
            if (rest := self._rests.get(_place(account))) is not None and rest.until > now
        }
        awake = [account for account in accounts if account not in problems]
        return awake or [account for account in accounts if problems[account].kind in _FALTERS]

    def _still(self, account: Account) -> Problem:
        """What it rests for, and for how much longer."""
        until, problem = self._rests[_place(account)]
        return Problem(
            problem.kind, problem.public, code=problem.code, retry_after=max(1.0, math.ceil(until - self._clock()))
        )

    def _rest(self, account: Account, problem: Problem) -> None:
        seconds = _RESTS.get(problem.kind) or _FALTERS.get(problem.kind)
        if seconds is not None:
            seconds = min(seconds if problem.retry_after is None else problem.retry_after, _LONGEST_REST)
            self._rests[_place(account)] = _Rest(self._clock() + seconds, problem)

    async def _ask(self, account: Account, query: Query) -> list[Hit]:
        asked = jsons.write_text([account.engine.name, account.url, msgspec.to_builtins(query)])
        try:
            kept = await self._results.once(
                "web search", await key_of(asked), lambda: self._fresh(account, query), ttl=_KEPT, failures_last=0
            )
        except Problem as problem:
            _log.warning("web search: %s%s", problem.public, _private(problem, account))
            self._rest(account, problem)
            raise
        return msgspec.convert(jsons.read(kept), list[Hit])

    async def _fresh(self, account: Account, query: Query) -> str:
        engine = account.engine
        if len(query.text) > engine.longest:
            said = f"{engine.name} takes queries of at most {engine.longest} characters"
            raise Problem("bad_request", said, code="query_too_long")
        asked = msgspec.structs.replace(
            query, allowed=hosts_to_ask(query.allowed), blocked=hosts_to_omit(query.blocked)
        )
        question = engine.ask(asked, account.url, account.key)
        try:
            async with asyncio.timeout(_SECONDS):
                heard = await self._heard(question)
        except TimeoutError:
            raise Problem("timeout", f"{engine.name} took longer than {_SECONDS:g} s") from None
        except Problem as problem:
            said = f"{engine.name} {_HAPPENED.get(problem.kind, 'did not answer properly')}"
            raise Problem(problem.kind, said, private=f"{problem.public}; {problem.private}") from None
        return jsons.write_text(msgspec.to_builtins(engine.hear(heard)))

    async def _heard(self, question: Question) -> Heard:
        reply = await self._net.send(question.method, question.url, question.headers, question.body, _TIMEOUTS)
        try:
            return Heard(reply.status, dict(reply.headers.items()), await reply.read_all(_MAX_ANSWER))
        finally:
            reply.close()


def _place(account: Account) -> _Place:
    return (account.engine.name, account.url, account.key)


def _private(problem: Problem, account: Account) -> str:
    """For the log: what the engine said, without the key, which it may have quoted."""
    said = problem.private
    if account.key:
        said = said.replace(account.key.reveal(), "[key]")
    said = " ".join(redacted(said).split())
    return f" ({''.join(c for c in said if c.isprintable())})" if said else ""


def _sifted(hits: list[Hit], query: Query) -> tuple[Hit, ...]:
    """Pages of the web, each once, from the domains that were asked for, and no longer than asked for."""
    kept: dict[str, Hit] = {}
    for hit in hits:
        is_page = hit.url.startswith(("https://", "http://")) and len(hit.url) <= _LONGEST_URL and "\n" not in hit.url
        if is_page and permits(hit.url, query.allowed, query.blocked):
            kept.setdefault(
                hit.url, Hit(hit.url, _cut(hit.title, _LONGEST_TITLE), _cut(hit.text, query.length), hit.age)
            )
    return tuple(kept.values())[: query.count]


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest].rstrip()} ..."


def _together(said: list[Problem]) -> Problem:
    """Several problems as one: of their kind if they are of one kind."""
    if len(said) == 1:
        return said[0]
    kinds = {problem.kind for problem in said}
    codes = {problem.code for problem in said}
    waits = [problem.retry_after for problem in said if problem.retry_after is not None]
    return Problem(
        kinds.pop() if len(kinds) == 1 else "backend_failed",
        "; ".join(problem.public for problem in said),
        code=codes.pop() if len(codes) == 1 else None,
        retry_after=min(waits, default=None),
    )
