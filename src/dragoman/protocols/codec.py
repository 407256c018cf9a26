"""The two sides of a codec.

A codec reads and writes one dialect. Its *client side* listens to clients, its *backend side* talks to backends.
Readers and writers of streams are small objects made per exchange, synchronous and without I/O; writers hold indices,
ids and sequence numbers, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from dragoman.hub.answer import Answer
from dragoman.hub.events import Event
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Defaults, Profile, Route
from dragoman.wire.jsons import Members


class Stamp(Struct, frozen=True):
    """What makes one answer this one: id (24 hex digits, unique), at (seconds since the epoch)."""

    id: str
    at: int


class Refused(NamedTuple):
    """A problem in a dialect's envelope."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class StreamWriter(Protocol):
    """One streamed answer to a client."""

    def begin(self) -> bytes:
        """What is sent as soon as the answer is certain to come. Empty after the first call; `feed` calls it."""

    def feed(self, event: Event) -> bytes: ...

    def pulse(self) -> bytes:
        """A filler that tells the client the line is alive, as its own idle timer counts it."""


class StreamReader(Protocol):
    """One streamed answer from a backend."""

    def feed(self, data: bytes) -> list[Event]:
        """Never raises: bad bytes become `Failed`."""

    def finish(self) -> list[Event]:
        """The bytes have ended. Adds what is missing for a grammatical stream: `Failed`, if the answer was cut off."""


class Tap(Protocol):
    """Listens to a relayed stream: what did it cost, did it end?"""

    def feed(self, data: bytes) -> list[Event]: ...

    def hear_whole(self, body: bytes) -> list[Event]:
        """The usage of a whole answer."""

    @property
    def ended(self) -> bool: ...


class ClientSide(Protocol):
    @property
    def dialect(self) -> Dialect: ...

    def read_request(self, body: bytes, headers: Mapping[str, str]) -> Request:
        """Raises Problem("bad_request") naming the field. headers: names in lower case."""

    def note_losses(self, request: Request, losses: Losses) -> None:
        """Record what of this dialect's own extras no other dialect can say."""

    def stream_writer(self, request: Request, stamp: Stamp) -> StreamWriter: ...

    def write_answer(self, answer: Answer, request: Request, stamp: Stamp) -> bytes: ...

    def write_problem(self, problem: Problem, request_id: str) -> Refused: ...

    def write_stream_problem(self, problem: Problem) -> bytes:
        """The in-stream form, for a stream that was relayed so far."""

    def pulse(self) -> bytes:
        """A filler for a relayed stream, as its clients' idle timers count it."""

    def default_members(self, defaults: Defaults) -> dict[str, Any]:
        """The model's defaults as members of a request of this dialect."""


class BackendSide(Protocol):
    @property
    def dialect(self) -> Dialect: ...

    def url(self, backend: Backend) -> str: ...

    def headers(self, backend: Backend) -> list[tuple[str, str]]:
        """Credentials, and what else this dialect always wants."""

    def write_request(self, request: Request, route: Route, backend: Backend, losses: Losses) -> bytes:
        """Pure: called again for another backend."""

    def stream_reader(self, request: Request, profile: Profile, stamp: Stamp) -> StreamReader: ...

    def read_answer(self, body: bytes, request: Request, profile: Profile, stamp: Stamp) -> list[Event]:
        """A whole answer as the events it would have been streamed as."""

    def read_problem(self, status: int, headers: Mapping[str, str], body: bytes) -> Problem: ...

    def tap(self) -> Tap: ...

    def asking_usage(self, members: Members, profile: Profile) -> dict[str, Any]:
        """What a relayed request lacks for its stream to tell usage; empty where it tells it by itself."""

    def without_usage(self, data: bytes) -> bytes:
        """Whole events of a relayed stream, without those that a client does not know who has not asked for them."""

    def with_reason(self, data: bytes) -> bytes:
        """The last events of a relayed stream whose tap has told that it ends without saying why, with a reason."""
