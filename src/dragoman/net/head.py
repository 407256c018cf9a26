"""The head of a request, as bytes."""

import functools
import re
from collections.abc import Sequence
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.net.proxies import Proxy
from dragoman.net.target import Target

# What belongs to one connection, or is ours to say. Given by a caller, these are left out.
OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN: Final = re.compile(r"[\r\n\0]|[^\0-\xff]")  # in a value
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def write_head(
    method: str, target: Target, headers: Sequence[tuple[str, str]], body_size: int, proxy: Proxy | None
) -> bytes:
    """headers: in a tuple, if the same will come again. proxy: the one this request is handed to in plain text, None on a
    direct connection or inside a tunnel.

    Raise Problem("internal") for a header no line can hold: it comes from the configuration or from a bug, since no
    client can get one through an HTTP server.
    """
    before = (_kept if type(headers) is tuple else _before_length)(method, target, headers, proxy)
    length = f"content-length: {body_size}\r\n\r\n" if body_size or method not in _BODILESS else "\r\n"
    return before + length.encode()


def _before_length(method: str, target: Target, headers: Sequence[tuple[str, str]], proxy: Proxy | None) -> bytes:
    """All of it but its last header and its end."""
    said, lines, encodings = "", 0, "accept-encoding: identity\r\n"
    for name, value in headers:
        lowered = _lowered(name)
        if lowered in OURS:
            continue
        if lowered == "accept-encoding":
            encodings = ""
        said += f"{name}: {value}\r\n"
        lines += 1
    if said.count("\n") != lines or said.count("\r") != lines or "\0" in said:
        raise _culprit(headers)
    opening = _opening(method, target, whole=proxy is not None)
    to_proxy = f"proxy-authorization: {proxy.authorization}\r\n" if proxy and proxy.authorization is not None else ""
    try:
        return f"{opening}{said}{encodings}{to_proxy}".encode("latin-1")
    except UnicodeEncodeError:
        raise _culprit(headers) from None


_kept: Final = functools.lru_cache(maxsize=256)(_before_length)


@functools.lru_cache(maxsize=256)
def _lowered(name: str) -> str:
    """The name of a header in lower case, if it can be one."""
    if not _TOKEN.fullmatch(name):
        raise _unsayable(name)
    return name.lower()


@functools.lru_cache(maxsize=512)
def _opening(method: str, target: Target, *, whole: bool) -> str:
    """The request line and the host. whole: it names the whole URL, as a proxy wants it."""
    if not _TOKEN.fullmatch(method):
        raise Problem("internal", "the request method is not one HTTP knows", private=repr(method))
    authority = target.origin.authority
    where = f"{target.origin.scheme}://{authority}{target.path}" if whole else target.path
    return f"{method} {where} HTTP/1.1\r\nhost: {authority}\r\n"


def _culprit(headers: Sequence[tuple[str, str]]) -> Problem:
    """About the header whose value no line can hold."""
    return _unsayable(next((name for name, value in headers if _FORBIDDEN.search(value)), ""))


def _unsayable(name: str) -> Problem:
    """The value may be a key, so it is said nowhere."""
    return Problem(
        "internal",
        "a header for the backend holds a line break or a character outside Latin-1; "
        "check the backend's key and headers in the configuration",
        private=f"header {name!r}",
    )
