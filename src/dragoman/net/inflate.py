"""gzip and deflate bodies, piece by piece, so that a stream stays a stream and a bomb stays small."""

import zlib
from typing import Final, Literal

STEP: Final = 2**20


class Inflater:
    """feed() returns at most STEP bytes; while `more` is set, feed(b"") returns further ones.

    It raises zlib.error for what is not the announced coding. gzip members may follow each other; whatever else
    follows the end is dropped, as browsers and curl do.
    """

    def __init__(self, coding: Literal["gzip", "deflate"]) -> None:
        self._coding = coding
        self._stream: zlib._Decompress | None = None
        self._held = b""
        self.more = False

    @property
    def finished(self) -> bool:
        """Has the end come that the coding itself announces? A body without a byte has nothing to end."""
        return not self.more and (self._stream is None or self._stream.eof)

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        stream = self._stream
        if stream is None or stream.eof:
            stream = self._next_stream(data)
        if stream is None:
            self._held, self.more = b"", False
            return b""
        self._stream = stream
        inflated = stream.decompress(data, STEP)
        self._held = stream.unused_data if stream.eof else stream.unconsumed_tail
        # zlib may have taken all its input and still owe output: only a short answer says that it does not.
        self.more = bool(self._held) or (len(inflated) == STEP and not stream.eof)
        return inflated

    def _next_stream(self, data: bytes) -> "zlib._Decompress | None":
        """None where nothing begins: no data yet, or padding after the end."""
        if not data:
            return None
        if self._coding == "gzip":
            begins = self._stream is None or data.startswith(b"\x1f")
            return zlib.decompressobj(16 + zlib.MAX_WBITS) if begins else None
        if self._stream is not None:
            return None
        # Deflate comes with zlib's header or bare (RFC 9110, 8.4.1.2). The header begins with a method of 8; a bare
        # stream that does so would have garbage in the padding of a stored block.
        return zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)


def inflater_of(content_encoding: str) -> Inflater | None:
    """None for what needs no decoding, and for codings we do not know: who asked for one decodes it."""
    match content_encoding.strip().lower():
        case "gzip" | "x-gzip":
            return Inflater("gzip")
        case "deflate":
            return Inflater("deflate")
        case _:
            return None
