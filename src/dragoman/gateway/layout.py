"""PaddleOCR's `/layout-parsing`, which reads pages and keeps their structure.

Its servers stand in for each other. One that has failed is asked for its health before it is asked for work again.
"""

import asyncio
import base64
import re
from typing import Any, Final, Literal

from dragoman.config.schema import BackendConfig, PaddleOCRConfig
from dragoman.hub.problems import Kind, Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client, Reply
from dragoman.wire import jsons

_MAX_ANSWER: Final = 256 * 2**20  # bytes: it sends pictures of what it has found along
_MAX_ERROR: Final = 2**16
_LARGE: Final = 2**18  # bytes
_HEALTH: Final = Timeouts(connect=2.0, first_byte=3.0, idle=3.0)
_KINDS: Final = {"pdf": 0, "image": 1}
# Pictures of its own that its Markdown shows; what they point at stays with the service.
_FIGURES: Final = re.compile(r"<div[^>]*>\s*<img[^>]*>\s*</div>|<img[^>]*>|!\[[^\]]*\]\([^)]*\)")


class Layout:
    """Knows which of the servers failed last. One per process."""

    def __init__(self, net: Client) -> None:
        self._net: Final = net
        self._failed: Final[set[str]] = set()

    async def read(self, settings: PaddleOCRConfig, data: bytes, kind: Literal["pdf", "image"]) -> list[str]:
        """The text of each page, as Markdown. Raise Problem if none of the servers can say."""
        file = await _base64(data)
        body = jsons.write({"file": file, "fileType": _KINDS[kind], "visualize": False})
        reply = await self.ask(settings, body)
        try:
            return _texts(jsons.read(await reply.read_all(_MAX_ANSWER)))
        except jsons.JSONError:
            raise _unreadable() from None
        finally:
            reply.close()

    async def ask(self, settings: PaddleOCRConfig, body: bytes) -> Reply:
        """The first good reply; to be closed by the caller. Raise the Problem of the last server that was asked."""
        failure = Problem("unreachable", "the layout service has no server that is well")
        for server in self._in_order(settings):
            if server.url in self._failed and not await self._is_well(server, settings):
                continue
            try:
                reply = await self._ask(server, settings, body)
            except Problem as problem:
                if problem.kind == "bad_request":
                    raise  # of another server the same
                self._failed.add(server.url)
                failure = problem
            else:
                self._failed.discard(server.url)
                return reply
        raise failure

    def _in_order(self, settings: PaddleOCRConfig) -> list[BackendConfig]:
        servers = [server for server in settings.backends if not server.disabled]
        return sorted(servers, key=lambda server: server.url in self._failed)

    async def _is_well(self, server: BackendConfig, settings: PaddleOCRConfig) -> bool:
        url = server.url.rstrip("/") + settings.health_endpoint
        try:
            reply = await self._net.send("GET", url, _headers(server), b"", _HEALTH)
        except Problem:
            return False
        reply.close()
        return reply.status < 400

    async def _ask(self, server: BackendConfig, settings: PaddleOCRConfig, body: bytes) -> Reply:
        seconds = settings.timeout or PaddleOCRConfig().timeout
        timeouts = Timeouts(first_byte=seconds, idle=seconds)
        url = server.url.rstrip("/")
        reply = await self._net.send("POST", url + settings.endpoint, _headers(server), body, timeouts)
        if reply.status == 200:
            return reply
        try:
            raise await _refusal(reply)
        finally:
            reply.close()


async def _refusal(reply: Reply) -> Problem:
    """What it says of the reason is for the log: it may be anything."""
    said = (await reply.read_all(_MAX_ERROR)).decode("utf-8", "replace")
    kind: Kind = "backend_failed"
    if reply.status in (429, 503):
        kind = "overloaded"
    elif reply.status in (400, 413, 422):
        kind = "bad_request"
    return Problem(kind, f"the layout service answered with HTTP status {reply.status}", private=said)


def _headers(server: BackendConfig) -> list[tuple[str, str]]:
    key = server.api_key.reveal()
    return [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        *([("authorization", f"Bearer {key}")] if key else []),
    ]


async def _base64(data: bytes) -> str:
    if len(data) < _LARGE:
        return base64.b64encode(data).decode()
    return (await asyncio.to_thread(base64.b64encode, data)).decode()


def _texts(answer: Any) -> list[str]:
    """Of `{"errorCode": 0, "result": {"layoutParsingResults": [{"markdown": {"text": ...}}, ...]}}`."""
    if isinstance(answer, dict) and answer.get("errorCode"):
        private = str(answer.get("errorMsg"))
        raise Problem("backend_failed", f"the layout service failed with code {answer['errorCode']}", private=private)
    try:
        texts = [page["markdown"]["text"] for page in answer["result"]["layoutParsingResults"]]
        return [_FIGURES.sub("", text).strip() for text in texts]
    except (KeyError, TypeError):
        raise _unreadable() from None


def _unreadable() -> Problem:
    return Problem("backend_failed", "the layout service answers in a form that is not known here")
