"""The same bytes come out, cut between events and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.sse import FrameTooLargeError
from dragoman.wire.whole_events import WholeEvents

lines = st.binary(min_size=1, max_size=6).filter(lambda line: b"\r" not in line and b"\n" not in line)
endings = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def wires(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """Events as they stand on the wire, and one that is not whole."""
    ending = draw(endings)
    event = st.lists(lines, min_size=1, max_size=3).map(lambda said: b"".join(line + ending for line in said) + ending)
    return draw(st.lists(event, max_size=5)), draw(st.one_of(st.just(b""), lines))


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    cut = []
    for size in sizes:
        cut.append(data[:size])
        data = data[size:]
    return [piece for piece in (*cut, data) if piece]


@given(wires(), st.lists(st.integers(min_value=1, max_value=9), max_size=60))
def test_what_comes_out_is_whole_events_and_nothing_is_lost(wire: tuple[list[bytes], bytes], sizes: list[int]) -> None:
    events, rest = wire
    ends = {len(b"".join(events[:n])) for n in range(len(events) + 1)}
    cutter, said = WholeEvents(), b""
    for piece in pieces(b"".join(events) + rest, sizes):
        said += cutter.feed(piece)
        assert len(said) in ends
    assert said == b"".join(events)
    assert cutter.last() == (rest + b"\n\n" if rest else b"")


def test_a_piece_that_ends_with_an_event_is_passed_on_as_it_is() -> None:
    piece = b"data: 1\n\ndata: 2\n\n"
    assert WholeEvents().feed(piece) is piece


def test_an_event_without_end_is_refused() -> None:
    cutter = WholeEvents(limit=100)
    assert cutter.feed(b"x" * 100) == b""
    with pytest.raises(FrameTooLargeError, match="larger than 100 bytes"):
        cutter.feed(b"x")
