"""Cutting the bytes elsewhere changes nothing, and what must not be said is not said."""

import sys
from types import FrameType
from typing import Any, Final, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.sse import Frame, FrameTooLargeError, SSEReader, write, write_data

names: Final = st.sampled_from(["", "ping", "message", "content_block_delta"])
lines: Final = st.text(st.characters(blacklist_characters="\r\n", codec="utf-8")).map(str.encode)
payloads: Final = st.lists(lines, min_size=1, max_size=3).map(b"\n".join)
frames: Final = st.lists(st.builds(Frame, names, payloads), max_size=4)
endings: Final = st.sampled_from([b"\n", b"\r\n", b"\r"])
asides: Final = st.sampled_from([b"", b": a comment", b":", b"id: 7", b"retry: 100", b"unknown: x", b"nonsense"])


def read(*pieces: bytes) -> list[Frame]:
    reader = SSEReader()
    return [frame for piece in pieces for frame in reader.feed(piece)] + reader.unfinished()


@st.composite
def on_the_wire(draw: st.DrawFn, said: list[Frame]) -> bytes:
    """The frames as some server may send them: its line ends, its asides, with or without the space, BOM and end."""
    ending, space = draw(endings), draw(st.sampled_from([b"", b" "]))
    written = []
    for frame in said:
        written.append(draw(asides))
        if frame.event:
            written.append(b"event:" + space + frame.event.encode())
        data = frame.data.split(b"\n")
        written += [b"data:" + (b" " if space or line.startswith(b" ") else b"") + line for line in data]
        written += [b""] * draw(st.integers(1, 2))
    while written and not written[-1] and draw(st.booleans()):  # the last blank lines may be missing
        written.pop()
    wire = b"".join(line + ending for line in written)
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + wire


@given(said=frames, data=st.data())
def test_frames_survive_any_cutting(said: list[Frame], data: st.DataObject) -> None:
    wire = data.draw(on_the_wire(said))
    pieces = []
    for size in data.draw(st.lists(st.integers(0, 7), max_size=60)):
        pieces.append(wire[:size])
        wire = wire[size:]
    assert read(*pieces, wire) == said


@given(st.binary())
def test_any_bytes_are_read_the_same_whole_and_singly(data: bytes) -> None:
    assert read(*[data[n : n + 1] for n in range(len(data))]) == read(data)


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_only_carriage_return_and_line_feed_end_a_line(inside: str) -> None:
    data = f'{{"text":"a{inside}b"}}'.encode()
    assert read(b"data: " + data + b"\n\n") == [Frame("", data)]


def test_several_data_lines_are_one_event() -> None:
    assert read(b'data: {\ndata: "a":1\ndata: }\n\n') == [Frame("", b'{\n"a":1\n}')]


def test_an_event_without_data_is_none_and_its_name_does_not_stick() -> None:
    assert read(b"event: ping\n\ndata: x\n\n") == [Frame("", b"x")]


def test_a_field_without_colon_has_an_empty_value() -> None:
    assert read(b"data\n\n") == [Frame("", b"")]


def test_what_is_not_finished_can_be_seen_twice_and_goes_on() -> None:
    reader = SSEReader()
    assert reader.feed(b"event: a\ndata: 1\ndat") == []
    assert reader.unfinished() == reader.unfinished() == [Frame("a", b"1")]
    assert reader.feed(b"a: 2\n\n") == [Frame("a", b"1\n2")]
    assert reader.unfinished() == []


def test_the_end_of_a_line_is_seen_at_its_carriage_return() -> None:
    reader = SSEReader()
    assert reader.feed(b"data: x\r\r") == [Frame("", b"x")]
    assert reader.feed(b"\n") == []


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: 12345678901"],
        [b"data: 1234", b"5678901"],
        [b"data: 12345\ndata: 67890\n"],
        [b"data: 12345\n", b"data: 67890\n"],
        [b"data: 12345\n", b": 67890123"],
    ],
    ids=["one line", "one line in two", "two lines", "two lines in two", "a comment counts"],
)
def test_an_event_has_a_limit(pieces: list[bytes]) -> None:
    reader = SSEReader(limit=10)
    for piece in pieces[:-1]:
        reader.feed(piece)
    with pytest.raises(FrameTooLargeError, match="larger than 10 bytes"):
        reader.feed(pieces[-1])


def test_the_limit_is_for_each_event() -> None:
    reader = SSEReader(limit=10)
    assert len(reader.feed(b"data: 1234\n\n" * 50)) == 50


class _Counting(bytearray):
    """Counts the bytes that go in and out."""

    moved = 0

    def __iadd__(self, other: Any) -> Self:  # type: ignore[misc]  # bytearray takes any buffer
        self.moved += len(other)
        super().extend(other)
        return self

    def __bytes__(self) -> bytes:
        self.moved += len(self)
        return bytes(memoryview(self))


def test_a_huge_event_costs_linear_work() -> None:
    """8 MB in pieces of 1 kB: each byte is moved twice, and each piece costs the same few calls."""
    pieces = [b"data: "] + [b"x" * 1024] * 8192 + [b"\n\n"]
    reader, kept, calls = SSEReader(), _Counting(), 0
    reader._rest = kept

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        read_frames = [frame for piece in pieces for frame in reader.feed(piece)]
    finally:
        sys.setprofile(None)
    assert [len(frame.data) for frame in read_frames] == [8 * 2**20]
    assert kept.moved <= 2 * 8 * 2**20 + 100
    assert calls <= 10 * len(pieces)


def test_frames_are_written_strictly() -> None:
    assert write("ping", b'{"type":"ping"}') == b'event: ping\ndata: {"type":"ping"}\n\n'
    assert write_data(b"[DONE]") == b"data: [DONE]\n\n"
