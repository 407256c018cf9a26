"""The tap beside a relayed chat: what it cost, and whether it ended."""

import pytest

from dragoman.hub.events import Event, Noted
from dragoman.hub.usage import Usage
from dragoman.protocols.openai_chat.tap import Tap
from dragoman.wire.sse import FrameTooLargeError, SSEReader
from tests.laws.recorded import Recording, each, whole_streams

NOTED = [Noted(Usage(input=7, output=1))]
USAGE = b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}'


def test_usage_is_heard_wherever_it_is() -> None:
    tap = Tap()
    assert tap.feed(b'data: {"choices":[{"finish_reason":null}],"usage":null}\n\n') == []
    assert not tap.ended
    assert tap.feed(b"data: " + USAGE + b"\n\n") == NOTED
    assert tap.hear_whole(USAGE) == NOTED


@pytest.mark.parametrize("body", [b'{"usage":null}', b'{"usage":7}', b'{"usage":{}}', b"[1]", b"{oops", b""])
def test_a_body_that_says_nothing_is_no_trouble(body: bytes) -> None:
    assert Tap().hear_whole(body) == []


@pytest.mark.parametrize(
    "end",
    [
        b"data: [DONE]\n\n",
        b'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[{"finish_reason": "stop"}]}',
        b'data: {"error":{"message":"x"}}\n\n',
        b"data: [DONE]",
    ],
)
def test_it_ended(end: bytes) -> None:
    tap = Tap()
    tap.feed(end)
    assert tap.ended


@pytest.mark.parametrize(
    "end",
    [
        b'data: {"choices":[{"delta":{"content":"\\"finish_reason\\":\\"stop\\""},"finish_reason":null}]}\n\n',
        b'data: {"choices":[{"delta":{},"finish_reason": null}]}\n\n',
        b'data: {"choices":[{"finish_reason":"st',
        b": ping\n\n",
        b"",
    ],
)
def test_it_did_not_end(end: bytes) -> None:
    tap = Tap()
    tap.feed(end)
    assert not tap.ended


@each([recording for recording in whole_streams() if recording.dialect == "openai-chat"])
def test_recorded_streams_end_and_cost(recording: Recording) -> None:
    tap, events = Tap(), list[Event]()
    for frame in recording.stream.split(b"\n\n"):
        assert not tap.ended or b"[DONE]" in frame or b'"usage"' in frame or not frame.strip()
        events += tap.feed(frame + b"\n\n")
    assert tap.ended
    assert all(isinstance(event, Noted) for event in events)


def test_what_is_too_large_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = Tap()
    monkeypatch.setattr(tap, "_sse", SSEReader(limit=5))
    with pytest.raises(FrameTooLargeError):
        tap.feed(b"data: 123456")
