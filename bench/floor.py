"""Python's floor: relays bytes with uvloop and httptools, and does nothing else. What a proxy in Python cannot go below.

floor.py PORT BACKEND_PORT, on the loopback interface; `run.py` starts it.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop

_HEALTHY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Backend(asyncio.Protocol):
    """One connection to the backend, one request at a time."""

    def __init__(self, idle: list["Backend"]) -> None:
        self._idle = idle
        self._client: Client | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, client: "Client", request: bytes) -> None:
        self._client, self._ended = client, False
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._client is None or self._parser is None:
            self._transport.close()
            return
        self._parser.feed_data(data)
        self._client.hear(data)
        if self._ended:
            self._client = self._parser = None
            self._idle.append(self)

    def on_message_complete(self) -> None:
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - gone is gone
        if self in self._idle:
            self._idle.remove(self)


class Client(asyncio.Protocol):
    def __init__(self, backend: int, idle: list[Backend]) -> None:
        self._backend = backend
        self._idle = idle
        self._parser = httptools.HttpRequestParser(self)
        self._request = b""
        self._url = b""
        self._asking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._request += data
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        request, self._request = self._request, b""
        if self._url == b"/healthz":
            self.hear(_HEALTHY)
        elif self._idle:
            self._idle.pop().ask(self, request)
        else:
            self._asking = asyncio.get_running_loop().create_task(self._connect(request))

    async def _connect(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, backend = await loop.create_connection(lambda: Backend(self._idle), "127.0.0.1", self._backend)
        backend.ask(self, request)

    def hear(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def main(port: int, backend: int) -> None:
    idle: list[Backend] = []
    listening = await asyncio.get_running_loop().create_server(lambda: Client(backend, idle), "127.0.0.1", port)
    await listening.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:3])))
