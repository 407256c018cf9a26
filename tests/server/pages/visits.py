"""Visits of a browser, without one: what is asked, and what comes back."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway.call import Call, Message
from dragoman.server.keys import Door
from dragoman.server.limits import FailedLogins
from dragoman.server.pages.pages import Pages
from dragoman.wire import jsons


class Came:
    """What came back."""

    def __init__(self, messages: list[Message]) -> None:
        start, body = messages
        self.status: Final[int] = start["status"]
        self.headers: Final = {name.decode(): value.decode() for name, value in start["headers"]}
        self.body: Final[bytes] = body["body"]

    @property
    def json(self) -> Any:
        return jsons.read(self.body)


def call(
    path: str, method: str, headers: Mapping[str, str], body: bytes, heard: list[Message], query: str = ""
) -> Call:
    async def send(message: Message) -> None:
        heard.append(message)

    async def read_body(limit: int) -> bytes:
        assert len(body) <= limit
        return body

    async def admit(snapshot: Snapshot) -> Key:
        raise AssertionError("pages ask for no key")

    return Call("req_1", method, path, query, headers, admit, read_body, send, lambda: None)


def visited(
    pages: Pages,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    query: str = "",
    door: Door | None = None,
    *,
    is_secure: bool = False,
) -> Came:
    heard: list[Message] = []
    page = pages.at(path)
    assert page is not None, f"there is no page at {path}"
    said = {"host": "here:1", "content-type": "application/json", **(headers or {})}
    asked = call(path, method, said, body, heard, query)
    door = door or Door(FailedLogins(), lambda: "192.0.2.1", said)
    asyncio.run(pages.answer(page, asked, door, is_secure=is_secure))
    return Came(heard)
