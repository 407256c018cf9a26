"""The outside, as processors see it: other models of this house, what URLs lead to, the layout service, the workers.

To ask a model is an exchange of its own, with a line of its own in the log, on behalf of the same key. The key need
not be allowed to use that model by name: the operator has said that it helps.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from dragoman.config.snapshot import Key
from dragoman.gateway.call import new_id
from dragoman.gateway.entry import Entry
from dragoman.gateway.parties import Parties
from dragoman.gateway.responder import Responder
from dragoman.hub.answer import Answer
from dragoman.hub.pipeline import Pipeline
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Backend, Route
from dragoman.ledger.line import CLIENT_GONE
from dragoman.net.fetch import fetch
from dragoman.processors.ports import Loaded, Purpose, Workers
from dragoman.protocols import CLIENTS
from dragoman.routing.needs import needs_of
from dragoman.store.results import Results
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_OK: Final = 200
_LARGEST: Final = 32 * 2**20  # bytes of what a URL leads to
_SECONDS: Final = 30.0
_replace: Final = msgspec.structs.replace

# How a model is asked: `converse.gathered`.
Ask: TypeAlias = Callable[[Request, Route, Parties], Awaitable[Answer]]


class Outside:
    """Of one exchange. It may be asked by work that goes on when the exchange has ended."""

    def __init__(self, parties: Parties, ask: Ask) -> None:
        self._call: Final = parties.call
        self._gateway: Final = parties.gateway
        self._snapshot: Final = parties.snapshot
        self._parent: Final = parties.entry
        self._ask: Final = ask

    @property
    def workers(self) -> Workers:
        return self._gateway.workers

    @property
    def results(self) -> Results:
        return self._gateway.results

    def identity(self, model: str) -> str:
        known = self._snapshot.model(model)
        if known is None:
            return model
        return jsons.write_text([known.backend_model, *sorted(backend.url for backend in known.in_service)])

    async def ask(self, model: str, request: Request, purpose: Purpose) -> Answer:
        request_id = new_id()
        key = Key(self._parent.key, None, self._parent.owner)
        entry = Entry(request_id, purpose, request.dialect)
        entry.parent, entry.rail = self._parent.id, "translate"
        entry.key, entry.owner = key.name, key.fingerprint
        entry.model = entry.configured = model
        parties = Parties(
            self._call,
            CLIENTS[request.dialect],
            _replace(self._gateway, tools=lambda _config, _model: ()),  # it is to look, not to search
            self._snapshot,
            Responder(_Nobody(), request_id),
            entry,
        )
        self._gateway.books.open(entry, parties.responder, self._call.headers)
        try:
            route = self._gateway.router.resolve(self._snapshot, key, model, request.dialect)
            entry.backend_model = route.backend_model
            answer = await self._ask(request, seeing(route), parties)
            entry.status = _OK
        except Problem as problem:
            entry.failed(problem)
            entry.status = problem.status
            raise
        finally:
            entry.status = entry.status or CLIENT_GONE  # it took too long
            self._gateway.books.close(entry)
        return answer

    async def fetch(self, url: str) -> Loaded:
        config = self._snapshot.config
        found = await fetch(self._gateway.net, url, limit=_LARGEST, allowed=config.allowed, seconds=_SECONDS)
        return Loaded(found.media_type, found.body)

    async def read_layout(self, data: bytes, kind: Literal["pdf", "image"]) -> list[str]:
        settings = self._snapshot.config.documents.paddleocr
        if settings is None:
            raise Problem("unsupported", "there is no layout service here")
        return await self._gateway.layout.read(settings, data, kind)


def seeing(route: Route) -> Route:
    """The route to a model that the operator calls one that sees, whatever its backend says of itself."""
    pipeline = _replace(route.pipeline, asked=True)
    return _replace(route, pipeline=pipeline, backends=tuple(_seeing(backend, pipeline) for backend in route.backends))


def _seeing(backend: Backend, pipeline: Pipeline) -> Backend:
    backend = _replace(backend, profile=_replace(backend.profile, vision=True))
    return _replace(backend, needs=needs_of(pipeline, backend))


class _Nobody:
    """What is said to it, nobody hears."""

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], first: bytes = b"") -> bool:  # noqa: ARG002 - as every outlet
        return True

    def write(self, data: bytes) -> bool:  # noqa: ARG002 - as every outlet
        return True

    def end(self, data: bytes = b"") -> None: ...

    async def drained(self) -> None: ...

    @property
    def hears(self) -> bool:
        return False
