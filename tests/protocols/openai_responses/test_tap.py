"""The tap beside a relayed answer of the Responses dialect: what it cost, and whether it ended."""

import pytest

from dragoman.hub.events import Noted
from dragoman.hub.usage import Usage
from dragoman.protocols.openai_responses.tap import Tap
from dragoman.wire.sse import FrameTooLargeError, SSEReader
from tests.laws.recorded import Recording, each, whole_streams

NOTED = [Noted(Usage(input=7, output=1))]
WHOLE = b'{"object":"response","usage":{"input_tokens":7,"output_tokens":1}}'


@pytest.mark.parametrize("line", [b"event: response.completed\n", b""], ids=["named", "bare"])
def test_usage_is_heard_in_the_terminal_event(line: bytes) -> None:
    tap = Tap()
    assert tap.feed(b'event: response.created\ndata: {"type":"response.created","response":{"usage":null}}\n\n') == []
    assert not tap.ended
    assert tap.feed(line + b'data: {"type":"response.completed","response":' + WHOLE + b"}\n\n") == NOTED
    assert tap.ended


def test_usage_is_heard_in_a_whole_answer() -> None:
    assert Tap().hear_whole(WHOLE) == NOTED


@pytest.mark.parametrize("body", [b'{"usage":null}', b'{"usage":7}', b'{"usage":{}}', b"[1]", b"{oops", b""])
def test_a_body_that_says_nothing_is_no_trouble(body: bytes) -> None:
    assert Tap().hear_whole(body) == []


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete", "response.failed", "error"])
@pytest.mark.parametrize(
    "form", ['event: {0}\ndata: {{"type":"{0}"}}\n\n', 'data: {{"a":1, "type": "{0}"}}\n\n', 'data: {{"type":"{0}"}}']
)
def test_it_ended(kind: str, form: str) -> None:
    tap = Tap()
    assert tap.feed(form.format(kind).encode()) == []
    assert tap.ended


@pytest.mark.parametrize(
    "said",
    [
        b'data: {"type":"response.output_text.delta","delta":"\\"type\\":\\"response.completed\\""}\n\n',
        b'data: {"type":"response.output_text.done","part":{"type":"error"}}\n\n',
        b"event: response.completed\ndata: {oops\n\n",
        b"event: response.completed\ndata: [1]\n\n",
        b'data: {"type":"response.comple',
        b": ping\n\n",
        b"",
    ],
)
def test_it_did_not_end(said: bytes) -> None:
    tap = Tap()
    assert tap.feed(said) == []
    assert not tap.ended


@each([recording for recording in whole_streams() if recording.dialect == "openai-responses"])
def test_recorded_streams_end_and_cost(recording: Recording) -> None:
    tap = Tap()
    events = [event for n in range(len(recording.stream)) for event in tap.feed(recording.stream[n : n + 1])]
    assert tap.ended
    assert events
    assert all(isinstance(event, Noted) for event in events)


def test_what_is_too_large_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    tap = Tap()
    monkeypatch.setattr(tap, "_sse", SSEReader(limit=5))
    with pytest.raises(FrameTooLargeError):
        tap.feed(b"data: 123456")
