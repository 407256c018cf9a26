"""Reading one HTTP/1.1 reply, without a socket: bytes in, however they were cut."""

from collections.abc import Callable
from typing import Final

import httptools

from dragoman.net.headers import Headers
from dragoman.wire.fields import one_by_one

MAX_HEAD: Final = 64 * 2**10
_NONE: Final = Headers()


class RubbishError(Exception):
    """These bytes are not an HTTP/1.1 reply. The message says why and may quote them: for the log only."""


class ReplyReader:
    """Make one per reply, feed() it, look at what is known by then.

    headed: the head is complete, `status` and `headers` are known. complete: so is the body. chunks: what came of the
    body; whoever takes pieces empties the list, and must not replace it. reusable: the connection may be used again.

    The methods named on_* are the parser's callbacks. on_body is `list.append` itself, so that a piece of a body costs
    no call of ours.
    """

    __slots__ = (
        "_bodiless",
        "_feed",
        "_fruitless",
        "_names",
        "_parser",
        "_until_close",
        "_values",
        "chunks",
        "complete",
        "headed",
        "headers",
        "on_body",
        "reusable",
        "status",
    )

    def __init__(self, method: str) -> None:
        """method: of the request; the reply to HEAD has no body, whatever its head says."""
        self.chunks: Final[list[bytes]] = []
        self.on_body: Final = self.chunks.append
        self.status = 0
        self.headers = _NONE
        self.headed = self.complete = self.reusable = False
        self._bodiless = method == "HEAD"
        self._until_close = False
        self._names: Final[list[bytes]] = []
        self._values: Final[list[bytes]] = []
        self._fruitless = 0
        parser = httptools.HttpResponseParser(self)
        # As tolerant of sloppy servers as aiohttp is, but for odd characters in headers: those could travel further.
        parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True)
        self._parser: httptools.HttpResponseParser | None = parser
        self._feed: Callable[[bytes], None] | None = parser.feed_data

    def feed(self, data: bytes) -> None:
        """Raise RubbishError for what is no reply. `chunks` then still has what came before it."""
        feed = self._feed
        if feed is None:
            self.reusable = False
            return
        try:
            feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise RubbishError(str(error.__context__ or error)) from None
            self.reusable = False
        if self.complete:
            if self._bodiless and self.chunks:
                self.chunks.clear()
                self.reusable = False
            self.let_go()
        elif self.chunks:
            self._fruitless = 0
        else:
            self._count_fruitless(len(data))

    def finish(self) -> bool:
        """The connection has ended in good order: was that the end of the reply?"""
        self.complete = self.complete or (self.headed and self._until_close)
        return self.complete

    def let_go(self) -> None:
        """No more is fed. Part from the parser, whose callbacks are ours: a cycle per reply is work for the collector."""
        self._feed = self._parser = None

    def _count_fruitless(self, size: int) -> None:
        """Bytes that bring no body (head, chunk extensions, trailers) are the parser's to keep: not without end."""
        self._fruitless += size
        if self._fruitless > 2 * MAX_HEAD:
            raise RubbishError(f"{self._fruitless} bytes of head, chunk extension or trailer")

    def on_message_begin(self) -> None:
        if self.complete:
            raise RubbishError("bytes after the end of the reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headed:  # else it is a trailer
            self._names.append(name)
            self._values.append(value)

    def on_headers_complete(self) -> None:
        parser, names, values = self._parser, b"\n".join(self._names), b"\n".join(self._values)
        self._names.clear()
        self._values.clear()
        assert parser is not None, "it is the parser that calls"
        status = parser.get_status_code()
        if status == 101:
            raise RubbishError("status 101, though no upgrade was asked for")
        if status < 200:
            return
        if len(names) + len(values) > MAX_HEAD:
            raise RubbishError(f"more than {MAX_HEAD} bytes of header fields")
        named, said = one_by_one(names, values)
        self.status = status
        self.headers = headers = Headers(zip(named, said))  # noqa: B905 - as many of either, and asking takes longer
        # Does the head say where the body ends? Otherwise the connection's end is the body's (RFC 9112, 6.3).
        coding = headers.get("transfer-encoding")  # the last of them
        framed = "content-length" in headers if coding is None else coding.lower().rstrip().endswith("chunked")
        if len(headers) < len(named):
            self.headers = Headers(zip(reversed(named), reversed(said), strict=True))
        self.headed = True
        self.reusable = parser.should_keep_alive()
        self._bodiless = self._bodiless or status in {204, 304}
        self._until_close = not self._bodiless and not framed
        self.complete = self._bodiless

    def on_message_complete(self) -> None:
        self.complete = self.headed
