"""Until something was written a problem is a status; afterwards it can only be said inside the stream."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.gateway.responder import SECURITY, Responder
from dragoman.hub.problems import Problem
from dragoman.protocols.codec import Refused
from tests.gateway.stage import run
from tests.gateway.told import Told

PROBLEM = Problem("overloaded", "busy")
REFUSED = Refused(529, [("request-id", "req_other"), ("retry-after", "7")], b'{"error":1}')


def telling(main: Callable[[Responder, Told], Any]) -> None:
    async def run_it() -> None:
        told = Told()
        await main(Responder(told, "req_1"), told)

    run(run_it)


def test_a_whole_answer_has_its_length_and_the_security_headers() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.whole(200, b"{}")
        assert told.status == responder.status == 200
        assert set(SECURITY) <= set(told.headers)
        assert (b"content-length", b"2") in told.headers
        assert (b"request-id", b"req_1") in told.headers
        assert (b"cache-control", b"no-store") in told.headers
        assert (told.body, told.ends) == (b"{}", 1)

    telling(main)


def test_a_stream_begins_once_and_ends_once() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.add_headers([("x-dragoman-model", "b")])
        await responder.stream(b"")
        assert (told.status, told.pieces) == (200, [])
        await responder.stream(b"one")
        await responder.stream(b"two")
        responder.end()
        responder.end()
        assert (b"content-type", b"text/event-stream; charset=utf-8") in told.headers
        assert (b"x-dragoman-model", b"b") in told.headers
        assert (told.body, told.ends) == (b"onetwo", 1)

    telling(main)


def test_the_last_words_leave_with_the_end() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.open()
        responder.end(b"bye")
        responder.end(b"again")
        assert (told.body, told.ends, responder.written) == (b"bye", 1, 3)

    telling(main)


def test_nothing_that_was_not_begun_is_ended() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.end()
        assert not told.status

    telling(main)


def test_a_problem_before_the_first_word_is_a_status() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.fail(PROBLEM, REFUSED)
        assert (told.status, told.body) == (529, REFUSED.body)
        assert (b"retry-after", b"7") in told.headers
        assert [value for name, value in told.headers if name == b"request-id"] == [b"req_1"]

    telling(main)


def test_a_problem_in_mid_stream_is_said_there() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.failure = lambda problem: problem.public.encode()
        await responder.stream(b"words ")
        responder.fail(PROBLEM, REFUSED)
        assert (told.status, told.body, told.ends) == (200, b"words busy", 1)

    telling(main)


def test_a_problem_behind_the_end_is_not_said() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.failure = lambda problem: problem.public.encode()
        await responder.stream(b"words")
        responder.end()
        responder.fail(PROBLEM, REFUSED)
        assert told.body == b"words"

    telling(main)


def test_half_a_file_does_not_end() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.begin(200, [("content-type", "audio/mpeg")])
        await responder.piece(b"half")
        responder.fail(PROBLEM, REFUSED)
        assert (b"content-type", b"audio/mpeg") in told.headers
        assert (told.body, told.ends) == (b"half", 0)

    telling(main)


def test_headers_hold_nothing_that_ends_them() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.add_headers([("x-dragoman-loss", "a\r\nset-cookie: b"), ("x", "日本 é\x00")])
        responder.whole(200, b"", "text/plain; x=日")
        values = dict(told.headers)
        assert values[b"x-dragoman-loss"] == b"a  set-cookie: b"
        assert values[b"x"] == b"?? \xe9 "

    telling(main)


def test_fillers_are_said_while_there_is_a_stream_to_come() -> None:
    async def main(responder: Responder, told: Told) -> None:
        await responder.keep_alive()
        assert not told.status
        responder.pulse = lambda: b"ping"
        await responder.keep_alive()
        assert told.body == b"ping"
        responder.end()
        await responder.keep_alive()
        assert told.body == b"ping"

    telling(main)


def test_what_is_said_is_sent_at_once() -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.open()
        responder.open()
        assert responder.say(b"one")
        assert responder.say(b"two")
        assert told.body == b"onetwo"
        assert responder.written == 6
        await responder.flushed()
        responder.end()
        assert told.ends == 1

    telling(main)


@pytest.mark.parametrize("way", ["stream", "piece"])
def test_a_slow_client_is_waited_for(way: str) -> None:
    async def main(responder: Responder, told: Told) -> None:
        responder.open()
        told.reads.clear()
        assert not responder.say(b"one")
        waiting = asyncio.ensure_future(getattr(responder, way)(b"two"))
        await asyncio.sleep(0)
        assert (told.body, waiting.done()) == (b"onetwo", False)
        told.reads.set()
        await waiting
        assert responder.say(b"three")

    telling(main)
