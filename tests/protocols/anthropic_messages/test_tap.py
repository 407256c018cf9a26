"""The tap beside a relayed message: what it cost, and whether it ended."""

import pytest

from dragoman.hub.events import Event, Noted
from dragoman.hub.usage import Usage
from dragoman.protocols.anthropic_messages.tap import Tap
from tests.laws.recorded import Recording, each, whole_streams

START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":7,"cache_read_input_tokens":3}}}\n\n'
DELTA = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":2}}\n\n'


def test_usage_is_put_together() -> None:
    tap = Tap()
    assert tap.feed(START) == [Noted(Usage(input=10, cache_read=3))]
    assert tap.feed(DELTA) == [Noted(Usage(input=10, cache_read=3, output=2))]
    assert not tap.ended
    assert tap.feed(b'event: message_stop\ndata: {"type":"message_stop"}\n\n') == []
    assert tap.ended


@pytest.mark.parametrize("data", [b"{oops", b"[]", b'{"message":7}', b'{"message":{"usage":null}}', b'{"message":{}}'])
def test_what_cannot_be_read_is_no_trouble(data: bytes) -> None:
    tap = Tap()
    assert tap.feed(b"event: message_start\ndata: " + data + b"\n\n") == []
    assert tap.feed(b"event: message_delta\ndata: " + data + b"\n\n") == []


def test_an_error_is_an_end() -> None:
    tap = Tap()
    tap.feed(b'event: error\ndata: {"type":"error"}\n\n')
    assert tap.ended


@pytest.mark.parametrize(
    ("rest", "ended"),
    [(b'event: message_stop\ndata: {"type":"message_stop"}', True), (b'event: message_stop\ndata: {"ty', False)],
)
def test_the_last_event_may_lack_its_blank_line(rest: bytes, ended: bool) -> None:
    tap = Tap()
    tap.feed(rest)
    assert tap.ended is ended


def test_a_whole_answer_costs_too() -> None:
    assert Tap().hear_whole(b'{"content":[],"usage":{"input_tokens":7}}') == [Noted(Usage(input=7))]
    assert Tap().hear_whole(b'{"content":[]}') == []
    assert Tap().hear_whole(b"{oops") == []


@each([recording for recording in whole_streams() if recording.dialect == "anthropic-messages"])
def test_recorded_streams_end_and_cost(recording: Recording) -> None:
    tap, events = Tap(), list[Event]()
    for frame in recording.stream.split(b"\n\n"):
        assert not tap.ended or not frame.strip()
        events += tap.feed(frame + b"\n\n")
    assert tap.ended
    assert any(isinstance(event, Noted) and event.usage.input for event in events)
    assert any(isinstance(event, Noted) and event.usage.output for event in events)
