"""When to look whether too much is kept: not at every write, for looking costs more than writing."""

from typing import Final

_SHARE: Final = 32
_WRITES: Final = 256


class Sweeps:
    """max_bytes: the limit that is to be kept to. It is passed by a thirty-second part, or by 256 small writes."""

    def __init__(self, max_bytes: int) -> None:
        self._slack: Final = max_bytes // _SHARE
        self._bytes = 0
        self._writes = 0

    def due(self, size: int) -> bool:
        """Tell of a write. Return whether it is time. size: in bytes."""
        self._bytes += size
        self._writes += 1
        if self._bytes <= self._slack and self._writes < _WRITES:
            return False
        self._bytes = self._writes = 0
        return True
