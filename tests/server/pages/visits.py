"""Visits of a browser, without one: what is asked, and what comes back."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway.call import Call
from dragoman.server.keys import Door
from dragoman.server.limits import FailedLogins
from dragoman.server.pages.pages import Pages
from dragoman.wire import jsons
from tests.gateway.told import Told


class Came:
    """What came back."""

    def __init__(self, told: Told) -> None:
        assert told.ends == 1
        self.status: Final = told.status
        self.headers: Final = {name.decode(): value.decode() for name, value in told.headers}
        self.body: Final = told.body

    @property
    def json(self) -> Any:
        return jsons.read(self.body)


def call(path: str, method: str, headers: Mapping[str, str], body: bytes, told: Told, query: str = "") -> Call:
    async def read_body(limit: int) -> bytes:
        assert len(body) <= limit
        return body

    async def admit(snapshot: Snapshot) -> Key:
        raise AssertionError("pages ask for no key")

    return Call("req_1", method, path, query, headers, admit, read_body, told)


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
    told = Told()
    page = pages.at(path)
    assert page is not None, f"there is no page at {path}"
    said = {"host": "here:1", "content-type": "application/json", **(headers or {})}
    asked = call(path, method, said, body, told, query)
    door = door or Door(FailedLogins(), lambda *_: "192.0.2.1", None, said)
    asyncio.run(pages.answer(page, asked, door, is_secure=is_secure))
    return Came(told)
