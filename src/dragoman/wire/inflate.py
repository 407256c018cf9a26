"""Compressed request bodies, with a limit on what comes out of them.

Codex (0.155 and later) compresses with zstd. A few kilobytes can hold gigabytes, so the limit is kept while
inflating and not afterwards.
"""

import zlib
from collections.abc import Callable
from typing import Final

import zstandard


class UnknownCodingError(ValueError):
    """A Content-Encoding that is not known."""


class TooLargeError(ValueError):
    """More comes out than is allowed."""


class GarbledError(ValueError):
    """The bytes are not what the Content-Encoding says."""


def inflate(body: bytes, codings: str, limit: int) -> bytes:
    """Undo the codings of a Content-Encoding header, the last one first. limit: bytes of the result."""
    for coding in reversed([c.strip().lower() for c in codings.split(",") if c.strip()]):
        inflater = _INFLATERS.get(coding)
        if inflater is None:
            raise UnknownCodingError(coding)
        body = inflater(body, limit)
    return body


def _identity(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLargeError
    return body


def _zlib(window: int) -> Callable[[bytes, int], bytes]:
    def run(body: bytes, limit: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while body:  # gzip files may be several members in a row
            stream = zlib.decompressobj(window)
            try:
                piece = stream.decompress(body, limit - size + 1)
            except zlib.error as error:
                raise GarbledError(str(error)) from None
            size += len(piece)
            if size > limit or stream.unconsumed_tail:
                raise TooLargeError
            if not stream.eof:
                raise GarbledError("it ends too early")
            pieces.append(piece)
            body = stream.unused_data
        return b"".join(pieces)

    return run


def _deflate(body: bytes, limit: int) -> bytes:
    """With the zlib header the standard demands, or without it, as some send it."""
    try:
        return _zlib(zlib.MAX_WBITS)(body, limit)
    except GarbledError:
        return _zlib(-zlib.MAX_WBITS)(body, limit)


_CHUNK: Final = 1 << 16
# The window a frame may ask for: 128 MiB would be allocated for a body of a few bytes otherwise.
_MAX_WINDOW: Final = 1 << 27


def _zstd(body: bytes, limit: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(body, read_across_frames=True)
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := reader.read(_CHUNK):
            size += len(piece)
            if size > limit:
                raise TooLargeError
            pieces.append(piece)
    except zstandard.ZstdError as error:
        raise GarbledError(str(error)) from None
    return b"".join(pieces)


_INFLATERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "identity": _identity,
    "gzip": _zlib(zlib.MAX_WBITS | 16),
    "x-gzip": _zlib(zlib.MAX_WBITS | 16),
    "deflate": _deflate,
    "zstd": _zstd,
}
