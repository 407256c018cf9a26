"""Cutting the bytes elsewhere changes nothing; no step is larger than it may be."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.net.inflate import STEP, Inflater, inflater_of

CODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": lambda data: zlib.compress(data, wbits=-zlib.MAX_WBITS),
}


def all_of(inflater: Inflater, *pieces: bytes) -> bytes:
    inflated = b""
    for piece in pieces:
        inflated += inflater.feed(piece)
        while inflater.more:
            inflated += inflater.feed(b"")
    return inflated


def inflater(coding: str) -> Inflater:
    found = inflater_of(coding)
    assert found is not None
    return found


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@given(st.sampled_from(sorted(CODERS)), st.binary(max_size=200), st.lists(st.integers(0, 9), max_size=30))
def test_any_cutting(coding: str, body: bytes, sizes: list[int]) -> None:
    stream = inflater(coding)
    assert all_of(stream, *cut(CODERS[coding](body), sizes)) == body
    assert stream.finished


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.lists(st.integers(0, 9), max_size=30))
def test_gzip_members_follow_each_other(members: list[bytes], sizes: list[int]) -> None:
    stream = inflater("gzip")
    assert all_of(stream, *cut(b"".join(map(gzip.compress, members)), sizes)) == b"".join(members)
    assert stream.finished


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("size", [STEP - 1, STEP, STEP + 1, 3 * STEP, 5 * STEP + 17])
def test_a_bomb_comes_in_steps(coding: str, size: int) -> None:
    stream = inflater(coding)
    sizes = [len(stream.feed(CODERS[coding](bytes(size))))]
    while stream.more:
        sizes.append(len(stream.feed(b"")))
    assert sum(sizes) == size
    assert max(sizes) <= STEP
    assert stream.finished


@pytest.mark.parametrize("coding", sorted(CODERS))
def test_a_broken_off_body_is_not_finished(coding: str) -> None:
    stream = inflater(coding)
    all_of(stream, CODERS[coding](b"hello hello hello")[:-1])
    assert not stream.finished


@pytest.mark.parametrize("coding", sorted(CODERS))
def test_what_follows_the_end_is_dropped(coding: str) -> None:
    stream = inflater(coding)
    assert all_of(stream, CODERS[coding](b"hello") + b"\0\0\0", b"\0") == b"hello"
    assert stream.finished


def test_a_body_without_a_byte_is_finished() -> None:
    assert inflater("gzip").finished


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_rubbish_is_an_error(coding: str) -> None:
    with pytest.raises(zlib.error):
        inflater(coding).feed(b"\x07 not compressed at all")


@pytest.mark.parametrize("coding", ["", "identity", "br", "zstd", "gzip, br"])
def test_other_codings_are_left_alone(coding: str) -> None:
    assert inflater_of(coding) is None
