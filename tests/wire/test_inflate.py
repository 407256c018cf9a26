"""What comes out is what went in, or an exception of three, and never more than is allowed."""

import contextlib
import gzip
import zlib
from collections.abc import Callable
from typing import Final

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dragoman.wire.inflate import (
    MAX_WINDOW,
    MOST_CODINGS,
    MOST_MEMBERS,
    GarbledError,
    TooLargeError,
    UnknownCodingError,
    inflate,
)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def zstd_streamed(data: bytes) -> bytes:
    """Without the size in the head, and with a check sum at the end."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return packer.compress(data) + packer.flush()


PACKERS: Final[dict[str, tuple[str, Callable[[bytes], bytes]]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-Gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "zstd": ("zstd", zstd),
    "streamed zstd": ("zstd", zstd_streamed),
    "identity": ("identity", bytes),
}
packers = pytest.mark.parametrize("packer", PACKERS)
in_members = pytest.mark.parametrize("packer", ["gzip", "zstd", "streamed zstd"])


@packers
@given(data=st.binary(max_size=5000))
def test_what_went_in_comes_out(packer: str, data: bytes) -> None:
    coding, pack = PACKERS[packer]
    assert inflate(pack(data), coding, len(data)) == data


@given(st.binary(max_size=500), st.lists(st.sampled_from(sorted(PACKERS)), max_size=MOST_CODINGS))
def test_codings_are_undone_in_reverse(data: bytes, layers: list[str]) -> None:
    packed = data
    for layer in layers:
        packed = PACKERS[layer][1](packed)
    assert inflate(packed, " , ".join(PACKERS[layer][0] for layer in layers), 10_000) == data


@packers
def test_one_byte_more_than_allowed_is_too_large(packer: str) -> None:
    coding, pack = PACKERS[packer]
    assert inflate(pack(bytes(1000)), coding, 1000) == bytes(1000)
    with pytest.raises(TooLargeError):
        inflate(pack(bytes(1001)), coding, 1000)


@packers
def test_a_bomb_is_not_unpacked(packer: str) -> None:
    coding, pack = PACKERS[packer]
    with pytest.raises(TooLargeError):
        inflate(pack(bytes(30_000_000)), coding, 1000)


def test_a_bomb_within_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(TooLargeError):
        inflate(gzip.compress(gzip.compress(bytes(30_000_000))), "gzip, gzip", 1000)


@in_members
@given(parts=st.lists(st.binary(max_size=50), max_size=5))
def test_members_in_a_row_are_one_body(packer: str, parts: list[bytes]) -> None:
    coding, pack = PACKERS[packer]
    assert inflate(b"".join(map(pack, parts)), coding, 1000) == b"".join(parts)


@in_members
def test_members_without_end_are_refused(packer: str) -> None:
    coding, pack = PACKERS[packer]
    assert inflate(pack(b"") * MOST_MEMBERS, coding, 0) == b""
    with pytest.raises(TooLargeError):
        inflate(pack(b"") * (MOST_MEMBERS + 1), coding, 1000)


@packers
@given(data=st.binary(min_size=1, max_size=500), cut=st.integers(min_value=1, max_value=500))
def test_a_body_that_was_cut_is_garbled(packer: str, data: bytes, cut: int) -> None:
    coding, pack = PACKERS[packer]
    packed = pack(data)
    if coding == "identity" or cut >= len(packed):
        return
    with pytest.raises(GarbledError):
        inflate(packed[:-cut], coding, 1000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
@given(data=st.binary(min_size=1, max_size=500))
def test_rubbish_raises_nothing_else(coding: str, data: bytes) -> None:
    with contextlib.suppress(GarbledError, TooLargeError):
        inflate(data, coding, 1000)


@pytest.mark.parametrize("coding", ["br", "compress", "gzip;q=1", "gzip, br", "x" * 10_000])
def test_unknown_codings_are_named(coding: str) -> None:
    with pytest.raises(UnknownCodingError, match="is not known here") as raised:
        inflate(gzip.compress(b""), coding, 1000)
    assert len(str(raised.value)) < 100


def test_too_many_codings_are_refused() -> None:
    with pytest.raises(UnknownCodingError, match="more than 4"):
        inflate(b"", ",".join(["gzip"] * (MOST_CODINGS + 1)), 1000)


def test_a_large_window_is_not_allocated() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    packed = packer.compress(b"small") + packer.flush()
    assert zstandard.get_frame_parameters(packed).window_size > MAX_WINDOW
    with pytest.raises(GarbledError, match="memory"):
        inflate(packed, "zstd", 1000)


def test_no_coding_and_no_body_are_fine() -> None:
    assert inflate(b"abc", "", 3) == b"abc"
    assert inflate(b"abc", " , ", 3) == b"abc"
    for coding in ("gzip", "deflate", "zstd"):
        assert inflate(b"", coding, 0) == b""
