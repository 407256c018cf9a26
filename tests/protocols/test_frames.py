"""A stream as frames, and what is no stream as a body."""

import pytest

from dragoman.protocols import frames as module
from dragoman.protocols.frames import Frames
from dragoman.wire.sse import Frame, FrameTooLargeError


def test_a_stream_is_frames() -> None:
    frames = Frames()
    assert frames.feed(b"\n\ndata: 1\n\nda") == [Frame("", b"1")]
    assert frames.feed(b"ta: 2\n\n") == [Frame("", b"2")]
    assert not frames.body


@pytest.mark.parametrize("start", ["{", "[", " \r\n{", "<!doctype html>"])
def test_what_begins_as_json_or_as_a_page_is_a_body(start: str) -> None:
    frames = Frames()
    whole = f'{start}"a":1}}\n\ndata: 1\n\n'.encode()
    assert [frame for n in range(len(whole)) for frame in frames.feed(whole[n : n + 1])] == []
    assert bytes(frames.body) == whole.lstrip()
    assert frames.unfinished() == []


@pytest.mark.parametrize(
    ("pieces", "mended"),
    [
        ([rb'{"a":"x\ud83d"}', rb'{"a":"\ude00y"}'], [b'{"a":"x"}', rb'{"a":"\ud83d\ude00y"}']),
        (
            [rb'{"a":"\uD83D"}', b'{"a":1,', rb'{"b":{"a":"\uDE00"}}'],
            [b'{"a":""}', b'{"a":1,', rb'{"b":{"a":"\uD83D\uDE00"}}'],
        ),
        (
            [rb'{"a":"\ud83d"}', rb'{"a":"\ude00\ud83d"}', rb'{"a":"\ude01"}'],
            [b'{"a":""}', rb'{"a":"\ud83d\ude00"}', rb'{"a":"\ud83d\ude01"}'],
        ),
        ([rb'{"a":"\\ud83d",'], [rb'{"a":"\\ud83d",']),
        ([rb'{"a":"\ude00"}'], [rb'{"a":"\ude00"}']),
    ],
)
def test_a_character_that_was_cut_in_two_is_put_together(pieces: list[bytes], mended: list[bytes]) -> None:
    frames = Frames()
    assert [frames.mend(piece) for piece in pieces] == mended


def test_a_body_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FRAME", 10)
    frames = Frames()
    frames.feed(b'{"a":')
    with pytest.raises(FrameTooLargeError, match="larger than 10 bytes"):
        frames.feed(b"123456789")


@pytest.mark.parametrize(
    ("end", "left"),
    [
        (b'data: {"a":1}', [Frame("", b'{"a":1}')]),
        (b"event: message_stop\ndata: {}\n", [Frame("message_stop", b"{}")]),
        (b"data: [DONE]", [Frame("", b"[DONE]")]),
        (b'data: {"a":', []),
        (b"data: [DON", []),
        (b"event: x", []),
    ],
)
def test_the_last_event_counts_if_only_its_blank_line_is_missing(end: bytes, left: list[Frame]) -> None:
    frames = Frames()
    frames.feed(end)
    assert frames.unfinished() == left
