"""How long things took, so that percentiles of a million of them are at hand without a million rows.

A histogram is one large integer: a lane of 32 bits a bucket, so that adding two is one addition. Buckets grow by a
fourth root of two, and a percentile is right to within a tenth.
"""

import math
from collections.abc import Iterable
from typing import Final

_PER_OCTAVE: Final = 4
_BUCKETS: Final = 96  # the last begins at 3.9 hours
_LANE: Final = 32  # bits
_BYTES: Final = _LANE // 8


def one(milliseconds: float) -> int:
    """The histogram of a single value."""
    return 1 << (_LANE * _bucket(milliseconds))


def pack(histogram: int) -> bytes:
    """As bytes, without the zeros at its end."""
    return histogram.to_bytes((histogram.bit_length() + 7) // 8, "little")


def unpack(packed: bytes | None) -> int:
    return int.from_bytes(packed or b"", "little")


def percentiles(histogram: int, shares: Iterable[float]) -> list[float | None]:
    """For each share, 0 to 1, the milliseconds that so many took at most; None where there is nothing."""
    counts = [int.from_bytes(lane, "little") for lane in _lanes(histogram.to_bytes(_BUCKETS * _BYTES, "little"))]
    total = sum(counts)
    return [_percentile(counts, share * total) if total else None for share in shares]


def _lanes(packed: bytes) -> list[bytes]:
    return [packed[start : start + _BYTES] for start in range(0, len(packed), _BYTES)]


def _percentile(counts: list[int], rank: float) -> float:
    """Inside its bucket values are taken to lie evenly on the scale."""
    below = 0
    for bucket, count in enumerate(counts):
        if count and below + count >= rank:
            return float(2 ** ((bucket + (rank - below) / count) / _PER_OCTAVE))
        below += count
    raise AssertionError("the rank is that of a value")


def _bucket(milliseconds: float) -> int:
    if milliseconds <= 1:
        return 0
    return min(int(math.log2(milliseconds) * _PER_OCTAVE), _BUCKETS - 1)
