"""What a search engine is to us: how it is asked, and how its answer is read. It opens no connection itself."""

from __future__ import annotations

from typing import Final, Protocol

from msgspec import Struct

from dragoman.hub.request import Hit
from dragoman.hub.route import Secret


class Query(Struct, frozen=True):
    """count: of hits that are wanted. length: characters of each hit's text. country: ISO 3166-1 alpha-2 in capitals.

    allowed, blocked: domains, of which an engine is told the hosts. One that cannot be told of them may ignore them: the
    answer is sifted anyway.
    """

    text: str
    count: int = 8
    length: int = 1000
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    country: str = ""
    region: str = ""
    city: str = ""
    timezone: str = ""


class Question(Struct, frozen=True):
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Heard(Struct, frozen=True):
    """headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Engine(Protocol):
    """name: as the configuration names it. home: base URL of the service itself, "" = everybody has their own.

    longest: characters that a query may have.
    """

    @property
    def name(self) -> str: ...
    @property
    def home(self) -> str: ...
    @property
    def needs_key(self) -> bool: ...
    @property
    def longest(self) -> int: ...

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        """url: base URL, without a slash at its end."""

    def hear(self, heard: Heard) -> list[Hit]:
        """Raise Problem for everything but an answer. Nothing found is an answer; an engine that is broken is not."""


class Account(Struct, frozen=True):
    """An engine, and with which key and where it is to be asked."""

    engine: Engine
    key: Secret
    url: str


JSON: Final = ("accept", "application/json")
JSON_BODY: Final = ("content-type", "application/json")
