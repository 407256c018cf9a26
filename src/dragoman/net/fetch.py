"""What a URL from outside leads to: fetched through the guard, in bounded time, size and number of redirects.

Only GET, without cookies, credentials or referrer: what comes back is what the public sees, and asking changes nothing.
"""

import asyncio
from collections.abc import Callable
from email.message import Message
from typing import Final
from urllib.parse import urldefrag, urljoin

from msgspec import Struct

import dragoman
from dragoman.hub.allowed import Allowed
from dragoman.hub.problems import Kind, Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client
from dragoman.net.guard import NOT_ALLOWED, Guard
from dragoman.net.headers import Headers
from dragoman.net.reply import Reply
from dragoman.net.target import BadURLError, Target, target_of

MAX_REDIRECTS: Final = 5
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_NOT_FOUND: Final = 404
_GONE: Final = 410
_TOO_MANY: Final = 429
_DECODED: Final = frozenset({"", "identity"})
_USER_AGENT: Final = f"Mozilla/5.0 (compatible; Dragoman/{dragoman.__version__})"
_OCTETS: Final = "application/octet-stream"


class Found(Struct, frozen=True):
    """url: where it was found in the end. media_type: in lower case, as said; charset: "" = not said."""

    url: str
    media_type: str
    charset: str
    body: bytes


async def fetch(
    client: Client,
    url: str,
    *,
    limit: int,
    allowed: Allowed,
    seconds: float = 20.0,
    accept: str = "*/*",
    may_visit: Callable[[str], bool] = lambda _url: True,
) -> Found:
    """Return what is there. Cancelled, hang up at once.

    limit: bytes of the body, after decompression. seconds: for all of it. may_visit: is asked about the URL and about
    each one it redirects to.

    Raise Problem. Its `code` is what Messages calls it: "invalid_tool_input" for what is no URL, "url_not_allowed" for
    places nobody may be led to, "too_many_requests", "url_not_accessible" for all else. Its public text names the host,
    never addresses.
    """
    visit = _Visit(client, limit, Guard(allowed), accept, may_visit)
    try:
        async with asyncio.timeout(seconds):
            return await visit.follow(urldefrag(url.strip()).url)
    except TimeoutError:
        raise _trouble("timeout", f"{visit.host} took longer than {seconds:g} s") from None
    except Problem as problem:
        raise _told(problem, visit.host) from None


class _Visit:
    """host: which is being asked at the moment."""

    def __init__(self, client: Client, limit: int, guard: Guard, accept: str, may_visit: Callable[[str], bool]) -> None:
        self._client: Final = client
        self._limit: Final = limit
        self._guard: Final = guard
        self._headers: Final = [
            ("user-agent", _USER_AGENT),
            ("accept", accept),
            ("accept-encoding", "gzip, deflate"),
        ]
        self._may_visit: Final = may_visit
        self.host = "the server"

    async def follow(self, url: str) -> Found:
        for _ in range(MAX_REDIRECTS + 1):
            reply = await self._ask(self._target(url))
            try:
                elsewhere = reply.headers.get("location") if reply.status in _MOVED else None
                if elsewhere is None:
                    return await self._found(url, reply)
                url = _joined(url, elsewhere)
            finally:
                reply.close()
        raise _trouble("backend_failed", f"{self.host} redirects for ever")

    def _target(self, url: str) -> Target:
        try:
            target = target_of(url)
        except BadURLError as error:
            raise Problem("bad_request", f"the URL {error}", private=url, code="invalid_tool_input") from None
        self.host = target.origin.host
        if not self._may_visit(url):
            raise Problem("forbidden", f"{self.host} is not among the domains that may be visited", code=NOT_ALLOWED)
        return target

    async def _ask(self, target: Target) -> Reply:
        # Whoever calls has set the limit on all of it.
        patience = Timeouts(connect=3600.0, first_byte=3600.0, idle=3600.0)
        return await self._client.send_guarded("GET", target, self._headers, patience, self._guard)

    async def _found(self, url: str, reply: Reply) -> Found:
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        if (reply.headers.get("content-encoding") or "").strip().lower() not in _DECODED:
            raise _trouble("backend_failed", f"{self.host} answered in a coding that was not asked for")
        media_type, charset = _content_type(reply.headers)
        return Found(url, media_type, charset, await self._body(reply))

    async def _body(self, reply: Reply) -> bytes:
        said = reply.headers.get("content-length") or "0"
        pieces: list[bytes] = []
        size = int(said) if said.isascii() and said.isdecimal() else 0
        if size <= self._limit:
            size = 0
            while size <= self._limit and (data := await reply.read()):
                pieces.append(data)
                size += len(data)
        if size > self._limit:
            raise _trouble("too_large", f"what {self.host} has there is larger than {self._limit} bytes")
        return b"".join(pieces)

    def _refusal(self, reply: Reply) -> Problem:
        status = reply.status
        if status == _TOO_MANY:
            return Problem("rate_limited", f"{self.host} asks to come back later (429)", code="too_many_requests")
        if status in (_NOT_FOUND, _GONE):
            return _trouble("backend_failed", f"{self.host} has no such page ({status})")
        return _trouble("backend_failed", f"{self.host} answered with HTTP status {status}")


def _joined(url: str, location: str) -> str:
    try:
        return urldefrag(urljoin(url, location.strip())).url
    except ValueError:
        raise _trouble("backend_failed", "the page redirects to what is no URL") from None


def _content_type(headers: Headers) -> tuple[str, str]:
    """The media type and the character set; of what says nothing, that it is bytes."""
    field = Message()
    field["content-type"] = headers.get("content-type") or _OCTETS
    charset = field.get_param("charset", "")
    return field.get_content_type().lower(), charset.strip().lower() if isinstance(charset, str) else ""


def _trouble(kind: Kind, public: str) -> Problem:
    return Problem(kind, public, code="url_not_accessible")


def _told(problem: Problem, host: str) -> Problem:
    """What `net` says of backends, said of a page."""
    if problem.code is not None:
        return problem
    public = problem.public if problem.kind == "unreachable" else f"{host} broke off, or did not answer in HTTP"
    return Problem(problem.kind, public, private=problem.private, code="url_not_accessible")
