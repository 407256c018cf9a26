"""Until something was written a problem is a status; afterwards it can only be said inside the stream."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.gateway.responder import SECURITY, Responder
from dragoman.hub.problems import Problem
from dragoman.protocols.codec import Refused
from tests.gateway.stage import run

PROBLEM = Problem("overloaded", "busy")
REFUSED = Refused(529, [("request-id", "req_other"), ("retry-after", "7")], b'{"error":1}')


class Told:
    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.over_after: list[int] = []
        self.responder = Responder(self.send, "req_1", lambda: self.over_after.append(len(self.said)))

    async def send(self, message: Any) -> None:
        self.said.append(message)

    @property
    def start(self) -> dict[str, Any]:
        return self.said[0]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        headers: list[tuple[bytes, bytes]] = self.start["headers"]
        return headers

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.said[1:])

    @property
    def ends(self) -> list[bool]:
        return [not message["more_body"] for message in self.said[1:]]


def telling(main: Callable[[Told], Any]) -> None:
    async def run_it() -> None:
        await main(Told())

    run(run_it)


def test_a_whole_answer_has_its_length_and_the_security_headers() -> None:
    async def main(told: Told) -> None:
        await told.responder.whole(200, b"{}")
        assert told.start["status"] == told.responder.status == 200
        assert set(SECURITY) <= set(told.headers)
        assert (b"content-length", b"2") in told.headers
        assert (b"request-id", b"req_1") in told.headers
        assert (b"cache-control", b"no-store") in told.headers
        assert (told.body, told.ends, told.over_after) == (b"{}", [True], [1])

    telling(main)


def test_a_stream_begins_once_and_ends_once() -> None:
    async def main(told: Told) -> None:
        told.responder.add_headers([("x-dragoman-model", "b")])
        await told.responder.stream(b"")
        assert [message["type"] for message in told.said] == ["http.response.start"]
        await told.responder.stream(b"one")
        await told.responder.stream(b"two")
        await told.responder.end()
        await told.responder.end()
        assert (b"content-type", b"text/event-stream; charset=utf-8") in told.headers
        assert (b"x-dragoman-model", b"b") in told.headers
        assert (told.body, told.ends, told.over_after) == (b"onetwo", [False, False, True], [3])

    telling(main)


def test_nothing_that_was_not_begun_is_ended() -> None:
    async def main(told: Told) -> None:
        await told.responder.end()
        assert told.said == []

    telling(main)


def test_a_problem_before_the_first_word_is_a_status() -> None:
    async def main(told: Told) -> None:
        await told.responder.fail(PROBLEM, REFUSED)
        assert (told.start["status"], told.body) == (529, REFUSED.body)
        assert (b"retry-after", b"7") in told.headers
        assert [value for name, value in told.headers if name == b"request-id"] == [b"req_1"]

    telling(main)


def test_a_problem_in_mid_stream_is_said_there() -> None:
    async def main(told: Told) -> None:
        told.responder.failure = lambda problem: problem.public.encode()
        await told.responder.stream(b"words ")
        await told.responder.fail(PROBLEM, REFUSED)
        assert (told.start["status"], told.body, told.ends) == (200, b"words busy", [False, False, True])

    telling(main)


def test_a_problem_behind_the_end_is_not_said() -> None:
    async def main(told: Told) -> None:
        told.responder.failure = lambda problem: problem.public.encode()
        await told.responder.stream(b"words")
        await told.responder.end()
        await told.responder.fail(PROBLEM, REFUSED)
        assert told.body == b"words"

    telling(main)


def test_half_a_file_does_not_end() -> None:
    async def main(told: Told) -> None:
        await told.responder.begin(200, [("content-type", "audio/mpeg")])
        await told.responder.piece(b"half")
        await told.responder.fail(PROBLEM, REFUSED)
        assert (b"content-type", b"audio/mpeg") in told.headers
        assert (told.body, told.ends, told.over_after) == (b"half", [False], [])

    telling(main)


def test_headers_hold_nothing_that_ends_them() -> None:
    async def main(told: Told) -> None:
        told.responder.add_headers([("x-dragoman-loss", "a\r\nset-cookie: b"), ("x", "日本 é\x00")])
        await told.responder.whole(200, b"", "text/plain; x=日")
        values = dict(told.headers)
        assert values[b"x-dragoman-loss"] == b"a  set-cookie: b"
        assert values[b"x"] == b"?? \xe9 "

    telling(main)


def test_fillers_are_said_while_there_is_a_stream_to_come() -> None:
    async def main(told: Told) -> None:
        await told.responder.keep_alive()
        assert told.said == []
        told.responder.pulse = lambda: b"ping"
        await told.responder.keep_alive()
        assert told.body == b"ping"
        await told.responder.end()
        await told.responder.keep_alive()
        assert told.body == b"ping"

    telling(main)


def test_what_is_said_is_sent_at_once() -> None:
    async def main(told: Told) -> None:
        await told.responder.stream(b"")
        assert told.responder.say(b"one")
        assert told.responder.say(b"two")
        assert told.body == b"onetwo"
        assert told.responder.written == 6
        await told.responder.flushed()
        await told.responder.end()
        assert told.ends == [False, False, True]

    telling(main)


def test_a_slow_client_is_waited_for() -> None:
    class Slow(Told):
        def __init__(self) -> None:
            super().__init__()
            self.room = asyncio.Event()
            self.left = False

        async def send(self, message: Any) -> None:
            if message.get("body") == b"much":
                try:
                    await self.room.wait()
                finally:
                    self.left = True
            await super().send(message)

    async def main() -> None:
        told = Slow()
        await told.responder.stream(b"one")
        assert not told.responder.say(b"much")
        waiting = asyncio.ensure_future(told.responder.flushed())
        await asyncio.sleep(0)
        assert (told.body, waiting.done()) == (b"one", False)
        told.room.set()
        await waiting
        assert told.body == b"onemuch"
        await told.responder.flushed()
        assert told.body == b"onemuch"

    async def gone() -> None:
        told = Slow()
        await told.responder.stream(b"one")
        assert not told.responder.say(b"much")
        waiting = asyncio.ensure_future(told.responder.flushed())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (told.body, told.left) == (b"one", True)

    run(main)
    run(gone)
