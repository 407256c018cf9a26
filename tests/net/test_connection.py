"""Silence, cancellation, and readers slower than the backend."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.hub.route import Timeouts
from dragoman.net.client import Client
from dragoman.net.connection import MAX_UNREAD, Connection, Into
from dragoman.net.reply_reader import ReplyReader
from dragoman.net.target import Origin
from tests.net.scripted import PATIENT, Backend, Peer, Run, Script, answering, chunked, ok, problem_of, serving, until

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNK = b"5\r\nhello\r\n"


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    aborted = False

    def write(self, data: object) -> None:
        pass

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


class Clock:
    """An event loop's clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, then: Callable[[], None]) -> "Clock.Handle":
        self.timers.append((when, then))
        return Clock.Handle(self, self.timers[-1])

    async def go(self, seconds: float) -> None:
        """Let everyone come to rest, fire what is due by then, each at its time, and let whoever is woken go on."""
        await asyncio.sleep(0)
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer[0] <= until]:
            timer = min(due, key=lambda timer: timer[0])
            self.timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = until
        await asyncio.sleep(0)

    class Handle:
        def __init__(self, clock: "Clock", timer: tuple[float, Callable[[], None]]) -> None:
            self.clock, self.timer = clock, timer

        def cancel(self) -> None:
            if self.timer in self.clock.timers:
                self.clock.timers.remove(self.timer)


def connected(clock: Clock, timeouts: Timeouts) -> Connection:
    """A connection over a wire, by this clock, whose request has left."""
    connection = Connection(Origin("http", "a.example", 80), lambda _: None)
    connection._loop = clock  # type: ignore[misc, assignment]
    connection.expect("POST", timeouts)
    connection.connection_made(Wire())
    connection.send(b"head", b"body")
    return connection


async def hung_up(backend: Backend) -> None:
    async with asyncio.timeout(2):
        await backend.gone.wait()


def silent_after(*pieces: bytes) -> Script:
    """Say this, then nothing; set `backend.gone` when the client has hung up."""

    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(*pieces)
        await peer.gone()
        peer.backend.gone.set()

    return script


@pytest.mark.parametrize(
    ("said", "timeouts", "field"),
    [
        ((), Timeouts(first_byte=0.05), "`timeout`"),
        ((b"HTTP/1.1 200 OK\r\n",), Timeouts(first_byte=0.05), "`timeout`"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), Timeouts(first_byte=0.05), "`timeout`"),
        ((HEAD,), Timeouts(idle=0.05), "`idle_timeout`"),
        ((HEAD, CHUNK), Timeouts(idle=0.05), "`idle_timeout`"),
        ((HEAD, CHUNK, b"5\r\n"), Timeouts(idle=0.05), "`idle_timeout`"),
    ],
)
def test_silence_is_a_timeout_in_every_phase(run: Run, said: tuple[bytes, ...], timeouts: Timeouts, field: str) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(*said)) as backend:
            problem = await problem_of(client, backend.url, timeouts)
            assert problem.kind == "timeout"
            assert field in problem.public
            assert "0.05 s" in problem.public
            assert "127.0.0.1" not in problem.public
            await hung_up(backend)
            await client.close()

    run(main())


def test_what_came_before_the_silence_is_read_first(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD + CHUNK)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", Timeouts(idle=0.05))
            assert await reply.read() == b"hello"
            with pytest.raises(Problem, match="fell silent"):
                await reply.read()
            with pytest.raises(Problem, match="fell silent"):
                await reply.read()
            reply.close()
            await client.close()

    run(main())


def test_a_backend_that_keeps_talking_is_never_timed_out(run: Run) -> None:
    """Each pause is shorter than the limit, all of them together are far longer."""

    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10, idle=2))
        connection.data_received(HEAD)
        reply = await connection.head()
        for _ in range(20):
            reading = asyncio.ensure_future(connection.read(reply))
            await clock.go(1.9)
            connection.data_received(CHUNK[:2])  # nothing to read in it, but a sign of life
            await clock.go(1.9)
            connection.data_received(CHUNK[2:])
            assert await reading == b"hello"
        reading = asyncio.ensure_future(connection.read(reply))
        await clock.go(1.9)
        assert not reading.done()
        await clock.go(0.2)
        with pytest.raises(Problem, match="fell silent for 2 s"):
            await reading

    run(main())


def test_a_slow_reader_is_not_the_backends_silence(run: Run) -> None:
    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10, idle=2))
        connection.data_received(HEAD + CHUNK)
        reply = await connection.head()
        await clock.go(100)
        assert await connection.read(reply) == b"hello"
        await clock.go(100)
        reading = asyncio.ensure_future(connection.read(reply))
        await clock.go(1.9)
        connection.data_received(CHUNK)
        assert await reading == b"hello"

    run(main())


def test_the_wait_for_an_answer_begins_when_the_request_has_left(run: Run) -> None:
    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10))
        connection.pause_writing()
        waiting = asyncio.ensure_future(connection.head())
        await clock.go(9)
        connection.resume_writing()
        await clock.go(9)
        assert not waiting.done()
        await clock.go(1)
        with pytest.raises(Problem, match="did not begin to answer within 10 s"):
            await waiting

    run(main())


def test_interim_answers_do_not_prolong_the_wait(run: Run) -> None:
    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10))
        waiting = asyncio.ensure_future(connection.head())
        await clock.go(9)
        connection.data_received(b"HTTP/1.1 102 Processing\r\n\r\n")
        await clock.go(1)
        with pytest.raises(Problem, match="did not begin to answer"):
            await waiting

    run(main())


def test_a_timer_set_for_one_request_does_not_end_the_next(run: Run) -> None:
    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10))
        connection.data_received(ok())
        assert await connection.read(await connection.head()) == b"hello"
        assert connection.rest()
        await clock.go(6)
        connection.expect("POST", Timeouts(first_byte=10))
        connection.send(b"head", b"")
        waiting = asyncio.ensure_future(connection.head())
        await clock.go(9)
        assert len(clock.timers) == 1
        connection.data_received(ok())
        assert (await waiting).status == 200

    run(main())


def test_a_short_limit_holds_after_a_long_one_on_the_same_connection(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(answering(ok())) as backend:
            first = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await first.read_all(100) == b"hello"
            with pytest.raises(Problem, match=r"0\.05 s"):
                await client.send("POST", backend.url, [], b"{}", Timeouts(first_byte=0.05))
            assert backend.accepted == 1
            await client.close()

    run(main())


def test_a_backend_that_does_not_take_the_request(run: Run) -> None:
    async def script(peer: Peer) -> None:
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await peer.backend.gone.wait()

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            with pytest.raises(Problem, match="did not take the request") as caught:
                await client.send("POST", backend.url, [], bytes(20_000_000), Timeouts(first_byte=0.1))
            assert caught.value.kind == "timeout"
            backend.gone.set()
            await client.close()

    run(main())


@pytest.mark.parametrize("said", [(), (b"HTTP/1.1 200",)])
def test_cancelling_send_hangs_up(run: Run, said: tuple[bytes, ...]) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(*said)) as backend:
            sending = asyncio.ensure_future(client.send("POST", backend.url, [], b"{}", PATIENT))
            await until(lambda: bool(backend.asked))
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await hung_up(backend)
            await client.close()

    run(main())


def test_cancelling_read_hangs_up(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD, CHUNK)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await reply.read() == b"hello"
            reading = asyncio.ensure_future(reply.read())
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await hung_up(backend)
            with pytest.raises(Problem):
                await reply.read()
            await client.close()

    run(main())


def test_cancelling_between_the_wake_up_and_the_step_hangs_up(run: Run) -> None:
    """The bytes are there, the reader is scheduled, and then its client goes away."""

    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            reading = asyncio.ensure_future(reply.read())
            await asyncio.sleep(0)
            (connection,) = client._open
            connection.data_received(CHUNK)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await hung_up(backend)
            await client.close()

    run(main())


def test_closing_a_reply_hangs_up_and_wakes_its_reader(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            reading = asyncio.ensure_future(reply.read())
            await asyncio.sleep(0)
            reply.close()
            reply.close()
            with pytest.raises(Problem, match="given up"):
                await reading
            with pytest.raises(Problem, match="given up"):
                await reply.read()
            await hung_up(backend)
            await client.close()

    run(main())


def test_a_read_takes_all_that_has_come(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            (connection,) = client._open
            connection.data_received(CHUNK * 3)
            connection.data_received(CHUNK)
            assert await reply.read() == b"hello" * 4
            reply.close()
            await client.close()

    run(main())


def test_a_reader_that_does_not_read_makes_the_backend_wait(run: Run) -> None:
    piece = b"%x\r\n%b\r\n" % (65536, bytes(65536))
    written = 0

    async def script(peer: Peer) -> None:
        nonlocal written
        await peer.asked()
        await peer.say(HEAD)
        for _ in range(1000):
            await peer.say(piece)
            written += 65536
        await peer.say(b"0\r\n\r\n")
        await peer.asked()
        await peer.say(ok())

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            (connection,) = client._open
            await until(lambda: connection._paused)
            # What we hold: the mark, and at most one read beyond it. The rest is in the kernel's buffers.
            assert connection._unread <= MAX_UNREAD + 256 * 1024
            assert written < 1000 * 65536
            assert len(await reply.read_all(2**27)) == 1000 * 65536
            reply.close()
            assert backend.accepted == 1
            again = await client.send("POST", backend.url, [], b"{}", PATIENT)
            again.close()
            assert backend.accepted == 1
            await client.close()

    run(main())


def test_closing_while_the_backend_waits_hangs_up(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        try:
            await peer.say(HEAD, *[b"%x\r\n%b\r\n" % (65536, bytes(65536))] * 1000)
        except ConnectionError:
            peer.backend.gone.set()

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            (connection,) = client._open
            await until(lambda: connection._paused)
            reply.close()
            await hung_up(backend)
            await client.close()

    run(main())


@pytest.mark.parametrize("size", [2 * 2**20, 5])
@pytest.mark.parametrize("reset", [True, False])
def test_a_connection_lost_in_the_body(run: Run, size: int, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(HEAD, b"%x\r\n" % (size + 1), bytes(size))
        if reset:
            peer.reset()

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            assert (await problem_of(client, backend.url)).kind == "truncated"
            await client.close()

    run(main())


def test_a_reset_is_not_the_end_of_a_body_that_ends_with_the_connection(run: Run) -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await peer.backend.gone.wait()
        peer.reset()

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await reply.read() == b"hello"
            backend.gone.set()
            with pytest.raises(Problem) as caught:
                await reply.read()
            assert caught.value.kind == "truncated"
            await client.close()

    run(main())


def test_one_chunk_of_two_megabytes(run: Run) -> None:
    body = bytes(range(256)) * 8192

    async def main() -> None:
        client = Client()
        async with serving(answering(chunked(body))) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await reply.read_all(2**22) == body
            await client.close()

    run(main())


def test_a_streamed_read_costs_one_wake_up_and_no_timer(run: Run) -> None:
    """Events that come one by one are read one by one, whatever timers and tasks the loop has."""

    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(HEAD)
        for _ in range(50):
            await turn.wait()
            turn.clear()
            await peer.say(CHUNK)
        await peer.say(b"0\r\n\r\n")

    turn = asyncio.Event()

    async def main() -> None:
        client = Client()
        async with serving(script) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            (connection,) = client._open
            timer = connection._timer
            for _ in range(50):
                turn.set()
                assert await reply.read() == b"hello"
            assert connection._timer is timer
            assert await reply.read() == b""
            await client.close()

    run(main())


def poured(connection: Connection, reply: ReplyReader, into: Into) -> "asyncio.Future[None]":
    return asyncio.ensure_future(connection.pour(reply, into))


def test_what_is_poured_arrives_in_the_moment_it_comes(run: Run) -> None:
    async def main() -> None:
        connection = connected(Clock(), PATIENT)
        connection.data_received(HEAD)
        reply, heard = await connection.head(), list[bytes]()
        pouring = poured(connection, reply, lambda data: not heard.append(data))  # type: ignore[func-returns-value]
        await asyncio.sleep(0)
        connection.data_received(CHUNK)
        assert heard == [b"hello"]
        connection.data_received(CHUNK[:2])
        connection.data_received(CHUNK[2:] + CHUNK)
        assert heard == [b"hello", b"hellohello"]
        assert not pouring.done()
        connection.data_received(CHUNK + b"0\r\n\r\n")
        await pouring
        assert len(heard) == 2
        assert await connection.read(reply) == b"hello"
        assert await connection.read(reply) == b""
        assert connection.rest()

    run(main())


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=5), max_size=12),
    taken=st.lists(st.integers(1, 4), min_size=1, max_size=12),
    ready=st.booleans(),
)
def test_reading_and_pouring_take_turns_and_lose_nothing(pieces: list[bytes], taken: list[int], *, ready: bool) -> None:
    """pieces: of the body. taken: after how many of them each pouring has enough. ready: some has come before each."""

    async def main() -> None:
        connection = connected(Clock(), PATIENT)
        connection.data_received(HEAD)
        reply, heard, coming = await connection.head(), list[bytes](), [*pieces]

        def come() -> None:
            if coming:
                piece = coming.pop(0)
                connection.data_received(b"%x\r\n%b\r\n" % (len(piece), piece))
            elif not reply.complete:
                connection.data_received(b"0\r\n\r\n")

        for most in taken:
            left = most

            def into(data: bytes) -> bool:
                nonlocal left
                heard.append(data)
                left -= 1
                return left > 0

            if ready:
                come()
            pouring = poured(connection, reply, into)
            await asyncio.sleep(0)
            while not pouring.done():
                come()
                await asyncio.sleep(0)
        while coming or not reply.complete:
            come()
        while data := await connection.read(reply):
            heard.append(data)
        assert b"".join(heard) == b"".join(pieces)

    asyncio.run(main())


def test_what_goes_wrong_while_pouring_is_raised_and_hangs_up(run: Run) -> None:
    async def main() -> None:
        def into(data: bytes) -> bool:
            raise ValueError(data)

        connection = connected(Clock(), PATIENT)
        connection.data_received(HEAD)
        reply = await connection.head()
        pouring = poured(connection, reply, into)
        await asyncio.sleep(0)
        connection.data_received(CHUNK)
        connection.data_received(CHUNK)
        with pytest.raises(ValueError, match="hello"):
            await pouring
        assert connection.transport is None

    run(main())


def test_a_pouring_that_falls_silent_times_out(run: Run) -> None:
    async def main() -> None:
        clock = Clock()
        connection = connected(clock, Timeouts(first_byte=10, idle=2))
        connection.data_received(HEAD)
        reply = await connection.head()
        pouring = poured(connection, reply, lambda _: True)
        for _ in range(5):
            await clock.go(1.9)
            connection.data_received(CHUNK)
        await clock.go(1.9)
        assert not pouring.done()
        await clock.go(0.2)
        await pouring
        with pytest.raises(Problem, match="fell silent for 2 s"):
            await connection.read(reply)

    run(main())


def test_cancelling_a_pouring_hangs_up(run: Run) -> None:
    async def main() -> None:
        client = Client()
        async with serving(silent_after(HEAD, CHUNK)) as backend:
            reply = await client.send("POST", backend.url, [], b"{}", PATIENT)
            assert await reply.read() == b"hello"
            pouring = asyncio.ensure_future(reply.pour(lambda _: True))
            await asyncio.sleep(0)
            pouring.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pouring
            await hung_up(backend)
            await client.close()

    run(main())
