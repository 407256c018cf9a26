"""A yardstick: a relay on aiohttp's server and client that does nothing else. What most proxies in Python begin with.

aiohttp_relay.py PORT BACKEND_PORT, on the loopback interface; `run.py --aiohttp` starts it.
"""

import sys
from collections.abc import AsyncIterator

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

_LARGEST_BODY = 2**26  # bytes
_SESSION = web.AppKey("session", ClientSession)
_BACKEND = web.AppKey("backend", str)


async def _open_session(app: web.Application) -> AsyncIterator[None]:
    async with ClientSession(timeout=ClientTimeout(total=None), connector=TCPConnector(limit=0)) as app[_SESSION]:
        yield


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _relay(request: web.Request) -> web.StreamResponse:
    asked, body = request.app[_BACKEND] + request.path, await request.read()
    headers = {"content-type": "application/json"}
    async with request.app[_SESSION].post(asked, data=body, headers=headers) as answer:
        said = web.StreamResponse(status=answer.status, headers={"content-type": answer.headers["content-type"]})
        await said.prepare(request)
        async for piece in answer.content.iter_any():
            await said.write(piece)
        await said.write_eof()
    return said


def app(backend: int) -> web.Application:
    """backend: its port."""
    relay = web.Application(client_max_size=_LARGEST_BODY)
    relay[_BACKEND] = f"http://127.0.0.1:{backend}"
    relay.cleanup_ctx.append(_open_session)
    relay.router.add_get("/healthz", _healthy)
    relay.router.add_post("/{path:.*}", _relay)
    return relay


if __name__ == "__main__":
    uvloop.install()
    port, backend = map(int, sys.argv[1:3])
    web.run_app(app(backend), host="127.0.0.1", port=port, print=None, access_log=None)
