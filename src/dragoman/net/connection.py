"""One HTTP/1.1 connection to a backend: one request at a time, and its reply.

A read of the socket is parsed, collected and announced at once: whoever waits wakes once and takes all of it. Who can do
with what has come without waiting for anything has it poured, and then is not even woken. There is no task and no timer
per read. One timer per connection looks, whenever it fires, at how long the present wait has
lasted, and goes back to sleep if that is not long enough yet.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.reply_reader import ReplyReader, RubbishError
from dragoman.net.target import Origin

# Bytes that may wait unread before the backend is made to wait.
MAX_UNREAD: Final = 256 * 2**10
# Bytes up to which it is cheaper to copy a body behind its head than to write twice.
_ONE_WRITE: Final = 64 * 2**10
# Takes a piece of a body without waiting for anything, and says whether it would take another.
Into: TypeAlias = Callable[[bytes], bool]
# 408: how some servers part from a connection that was idle for too long (RFC 9110, 15.5.9).
_TIRED: Final = 408
# Seconds within which that may have crossed our request. Later it is an answer: of a gateway that has waited for a model.
CROSSING: Final = 1.0
# Seconds by which an event loop may fire a timer early.
_EARLY: Final = 0.002


class Connection(asyncio.Protocol):
    """Made before its socket is connected; whatever comes while no reply is expected ends it.

    Its user calls expect and send, or ask when it was at rest; then head, read until b"" and rest, in this order, or
    unheard in place of the last two; pour between reads and abort at any time.

    heard: has a byte of the present reply come? idle_since: kept by the pool. lost: done when the socket is gone for
    good, whoever closed it.
    """

    __slots__ = (
        "_asked",
        "_at_rest",
        "_closed",
        "_fires_at",
        "_into",
        "_loop",
        "_on_lost",
        "_paused",
        "_problem",
        "_reply",
        "_sending",
        "_since",
        "_timeouts",
        "_timer",
        "_transport",
        "_unread",
        "_waiter",
        "heard",
        "idle_since",
        "lost",
        "origin",
        "sock",
    )

    def __init__(self, origin: Origin, on_lost: Callable[["Connection"], None]) -> None:
        self.origin: Final = origin
        self.heard = False
        self.idle_since = 0.0
        self.sock: socket.socket | None = None
        self._loop: Final = asyncio.get_running_loop()
        self.lost: Final[asyncio.Future[None]] = self._loop.create_future()
        self._on_lost: Final = on_lost
        self._transport: asyncio.Transport | None = None
        self._reply: ReplyReader | None = None  # None while idle
        self._waiter: asyncio.Future[None] | None = None
        self._into: Into | None = None  # while the body is poured
        self._at_rest: Callable[[Connection], None] | None = None  # while nobody listens to it
        self._problem: Problem | None = None
        self._timeouts = Timeouts()
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = self._since = self._asked = 0.0
        self._unread = 0
        self._paused = self._sending = self._closed = False

    def expect(self, method: str, timeouts: Timeouts) -> None:
        """Get ready for the reply to a request of that method, before a byte of the request is written."""
        self._reply = ReplyReader(method)
        self._timeouts = timeouts
        self._unread = 0
        self.heard = False

    def ask(self, method: str, head: bytes, body: bytes, timeouts: Timeouts) -> None:
        """expect and send of one that was at rest. Its reply cannot come before the loop's next turn, so first things
        first.
        """
        self._timeouts = timeouts
        self.send(head, body)
        self._asked = self._since
        self.expect(method, timeouts)

    def send(self, head: bytes, body: bytes) -> None:
        if self._closed or self._transport is None:
            return
        self._since = self._loop.time()
        self._arm(self._timeouts.first_byte)
        if len(body) <= _ONE_WRITE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def parted(self, reply: ReplyReader) -> bool:
        """Whether the reply to what was asked is but a farewell to the connection, and means nobody's request."""
        return reply.status == _TIRED and self._loop.time() - self._asked < CROSSING

    async def head(self) -> ReplyReader:
        """Wait for the reply's head. Cancelled, hang up."""
        reply = self._reply
        assert reply is not None, "nobody is expected to answer"
        while not reply.headed:
            if self._problem is not None:
                raise self._problem
            try:
                await self._news()
            except asyncio.CancelledError:
                self.abort()
                raise
        if not reply.complete:
            self._since = self._loop.time()
            self._arm(self._timeouts.idle)
        return reply

    async def read(self, reply: ReplyReader) -> bytes:
        """Return what has come of the body since the last call; b"" at its end. Cancelled, hang up."""
        chunks = reply.chunks
        while not chunks:
            if reply.complete:
                return b""
            if self._problem is not None:
                raise self._problem
            self._since = self._loop.time()
            try:
                await self._news()
            except asyncio.CancelledError:
                self.abort()
                raise
        return self.take(reply)

    def take(self, reply: ReplyReader) -> bytes:
        """What has come of the body and was not read; b"" = nothing has."""
        self._unread = 0
        if self._paused:
            self._resume()
        chunks = reply.chunks
        if len(chunks) == 1:
            return chunks.pop()
        data = b"".join(chunks)
        chunks.clear()
        return data

    async def pour(self, reply: ReplyReader, into: Into) -> None:
        """Hand on what comes of the body in the moment in which it has come, until `into` says False.

        A body that ends or fails is `read` to its end: that is not poured, nor is what waits already. Raise what `into`
        raises. Cancelled, hang up.
        """
        if reply.chunks or reply.complete or self._problem is not None:
            return
        self._into = into
        self._since = self._loop.time()
        try:
            await self._news()
        except BaseException:
            self.abort()
            raise
        finally:
            self._into = None

    def rest(self) -> bool:
        """Become idle, if the reply was read to its end and nothing stands against another request."""
        reply = self._reply
        if reply is None or not reply.complete or reply.chunks or not reply.reusable:
            return False
        if self._closed or self._sending or self._paused:
            return False
        self._reply = None
        return True

    def unheard(self, at_rest: Callable[["Connection"], None]) -> None:
        """Nobody listens to the rest of the reply: tell `at_rest` when that has come, if it leaves a connection at rest."""
        if self._reply is None:
            return
        self._at_rest = at_rest
        if self._paused:
            self._resume()
        self._pass_over(self._reply)

    @property
    def is_open(self) -> bool:
        """Whether nothing was seen of an end."""
        return not self._closed and self._transport is not None and not self._transport.is_closing()

    def abort(self, problem: Problem | None = None) -> None:
        """Hang up at once. Whoever still waits hears of `problem`."""
        self._fail(problem or Problem("truncated", "the backend's answer was given up before its end"))

    def secured(self, transport: asyncio.Transport) -> None:
        """From here on speak through this transport: TLS over the one we had."""
        self._transport = transport
        # So low that we are told when all of a request has left: then the wait for its answer begins. Not zero, for
        # there TLS transports, of which an empty buffer "reaches" zero, pause and never resume.
        transport.set_write_buffer_limits(high=1, low=0)

    @property
    def transport(self) -> asyncio.Transport | None:
        """None before there is a socket, and once it is closed."""
        return None if self._closed else self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.secured(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        reply = self._reply
        if self._closed:
            return
        if reply is None:
            self.abort()  # nobody asked: junk, or a farewell like 408
            return
        self.heard = True
        try:
            reply.feed(data)
        except RubbishError as error:
            self._fail(self._rubbish(error))
            return
        if self._at_rest is not None:
            self._pass_over(reply)
            return
        if self._into is not None and not reply.complete and self._poured(reply, self._into):
            return
        self._unread += len(data)
        if self._unread > MAX_UNREAD and not self._paused and not reply.complete:
            self._pause()
        waiter = self._waiter
        if waiter is not None and reply.headed:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def eof_received(self) -> None:
        self._end(None)
        cast("asyncio.Transport", self._transport).abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        if self._reply is not None:
            self._reply.let_go()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.lost.done():
            self.lost.set_result(None)
        self._on_lost(self)

    def pause_writing(self) -> None:
        self._sending = True

    def resume_writing(self) -> None:
        self._sending = False
        self._since = self._loop.time()

    def _pass_over(self, reply: ReplyReader) -> None:
        reply.chunks.clear()
        self._unread = 0
        if reply.complete:
            at_rest, self._at_rest = self._at_rest, None
            if at_rest is not None and self.rest():
                at_rest(self)
            else:
                self.abort()

    def _poured(self, reply: ReplyReader, into: Into) -> bool:
        """Whether it was all taken, and more would be."""
        if not reply.chunks:
            return True  # framing
        self._since = self._loop.time()
        data = b"".join(reply.chunks)
        reply.chunks.clear()
        try:
            more = into(data)
        except Exception as error:  # noqa: BLE001 - it is whoever pours that has to know
            more, waiter = False, self._waiter
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
        if not more:
            self._into = None
        return more

    def _news(self) -> asyncio.Future[None]:
        """What is done as soon as there is something to look at."""
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _pause(self) -> None:
        self._paused = True
        cast("asyncio.Transport", self._transport).pause_reading()

    def _resume(self) -> None:
        self._paused = False
        if not self._closed:
            cast("asyncio.Transport", self._transport).resume_reading()

    def _end(self, error: Exception | None) -> None:
        """The backend has hung up; error: None if in good order."""
        if self._closed:
            return
        self._closed = True
        reply = self._reply
        if reply is not None and not reply.complete and not (error is None and reply.finish()):
            self._problem = self._truncated(reply, error)
        self._wake()

    def _fail(self, problem: Problem) -> None:
        if self._closed:
            return
        self._closed = True
        if self._reply is None or not self._reply.complete:
            self._problem = problem
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _arm(self, limit: float) -> None:
        """Let the timer fire `limit` seconds after the present wait began, or earlier."""
        fires_at = self._since + limit
        if self._timer is not None:
            if self._fires_at <= fires_at + _EARLY:
                return
            self._timer.cancel()
        self._fires_at = fires_at
        self._timer = self._loop.call_at(fires_at, self._look)

    def _look(self) -> None:
        self._timer = None
        reply = self._reply
        if self._closed or reply is None or reply.complete:
            return
        limit = self._timeouts.idle if reply.headed else self._timeouts.first_byte
        now = self._loop.time()
        if self._waiter is None:
            self._since = now  # nobody is waiting for the backend
        elif now >= self._since + limit - _EARLY:
            self._fail(self._timeout(reply, limit))
            return
        self._arm(limit)

    def _timeout(self, reply: ReplyReader, limit: float) -> Problem:
        if reply.headed:
            said = (
                f"the backend fell silent for {limit:g} s in the middle of its answer (`idle_timeout` sets the limit)"
            )
        elif self._sending:
            said = f"the backend did not take the request within {limit:g} s (`timeout` sets the limit)"
        else:
            said = f"the backend did not begin to answer within {limit:g} s (`timeout` sets the limit)"
        return Problem("timeout", said, private=self.origin.address)

    def _truncated(self, reply: ReplyReader, error: Exception | None) -> Problem:
        if reply.headed:
            said = "the backend's answer broke off before its end"
        elif self.heard:
            said = "the backend's answer broke off in the middle of its head"
        else:
            said = "the backend closed the connection without an answer"
        how = "end of stream" if error is None else f"{type(error).__name__}: {error}"
        return Problem("truncated", said, private=f"{self.origin.address}: {how}")

    def _rubbish(self, error: RubbishError) -> Problem:
        return Problem(
            "backend_failed", "the backend's answer is not valid HTTP/1.1", private=f"{self.origin.address}: {error}"
        )
