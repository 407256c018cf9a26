"""Compressed request bodies, with a limit on what comes out of them.

Codex (0.155 and later) compresses with zstd. A few kilobytes can hold gigabytes, so the limit is kept while
inflating and not afterwards.
"""

import zlib
from collections.abc import Callable
from typing import Final, Protocol

import zstandard

# Codings one upon the other, and members or frames in a row: both are allowed, and nobody needs many.
MOST_CODINGS: Final = 4
MOST_MEMBERS: Final = 100
# zstd's window, which is allocated whatever comes out: 8 MiB is what RFC 9659 demands of everybody, twice that is had
# with the highest compression levels.
MAX_WINDOW: Final = 16 * 2**20
# Bytes fed to zstd at a time. It says all that they hold at once, and one of them may hold 32 KiB.
_SLICE: Final = 1024


class UnknownCodingError(ValueError):
    """A Content-Encoding that is not known, or too many of them. The message is for people."""


class TooLargeError(ValueError):
    """More comes out than is allowed."""


class GarbledError(ValueError):
    """The bytes are not what the Content-Encoding says."""


class _Stream(Protocol):
    """One member of a compressed body. eof: it is complete. unused_data: what came behind it."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...


def inflate(body: bytes, codings: str, limit: int) -> bytes:
    """Undo the codings of a Content-Encoding header, the last one first. limit: bytes of the result."""
    named = [coding for part in codings.split(",") if (coding := part.strip().lower())]
    if len(named) > MOST_CODINGS:
        raise UnknownCodingError(f"more than {MOST_CODINGS} codings are not undone")
    for coding in reversed(named):
        inflater = _INFLATERS.get(coding)
        if inflater is None:
            raise UnknownCodingError(f"{coding[:40]!r} is not known here")
        body = inflater(body, limit)
    return body


def _identity(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLargeError
    return body


def _zlib(window: int) -> Callable[[bytes, int], bytes]:
    def member(body: bytes, limit: int) -> tuple[bytes, _Stream]:
        stream = zlib.decompressobj(window)
        try:
            data = stream.decompress(body, limit + 1)
        except zlib.error as error:
            raise GarbledError(str(error)) from None
        if len(data) > limit or stream.unconsumed_tail:
            raise TooLargeError
        return data, stream

    return lambda body, limit: _members(body, limit, member)


def _deflate(body: bytes, limit: int) -> bytes:
    """With the zlib header the standard demands, or without it, as some send it."""
    try:
        return _zlib(zlib.MAX_WBITS)(body, limit)
    except GarbledError:
        return _zlib(-zlib.MAX_WBITS)(body, limit)


def _zstd(body: bytes, limit: int) -> bytes:
    return _members(body, limit, _zstd_frame)


def _zstd_frame(body: bytes, limit: int) -> tuple[bytes, _Stream]:
    stream = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).decompressobj()
    pieces: list[bytes] = []
    size = at = 0
    try:
        while at < len(body) and not stream.eof:
            piece = stream.decompress(body[at : at + _SLICE])
            at += _SLICE
            size += len(piece)
            if size > limit:
                raise TooLargeError
            pieces.append(piece)
    except zstandard.ZstdError as error:
        raise GarbledError(str(error)) from None
    return b"".join(pieces), _Frame(stream.eof, stream.unused_data + body[at:])


class _Frame:
    def __init__(self, eof: bool, unused_data: bytes) -> None:  # noqa: FBT001 - as zlib names them
        self.eof: Final = eof
        self.unused_data: Final = unused_data


def _members(body: bytes, limit: int, member: Callable[[bytes, int], tuple[bytes, _Stream]]) -> bytes:
    """gzip files and zstd frames may come several in a row."""
    pieces: list[bytes] = []
    while body:
        if len(pieces) == MOST_MEMBERS:
            raise TooLargeError
        piece, stream = member(body, limit - sum(map(len, pieces)))
        if not stream.eof:
            raise GarbledError("it ends too early")
        pieces.append(piece)
        body = stream.unused_data
    return b"".join(pieces)


_INFLATERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "identity": _identity,
    "gzip": _zlib(zlib.MAX_WBITS | 16),
    "x-gzip": _zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "zstd": _zstd,
}
