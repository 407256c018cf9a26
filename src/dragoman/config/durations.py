"""Spans of time as people write them: `300`, `1.5`, `300s`, `5m`, `1h30m`."""

import re
from typing import Final, NewType

Seconds = NewType("Seconds", float)

# The units of Go's time.ParseDuration, in seconds.
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_PLAIN: Final = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+", re.ASCII)


def read_seconds(text: str) -> Seconds:
    """Return the seconds, or raise ValueError."""
    if _PLAIN.fullmatch(text):
        return Seconds(float(text))
    pieces = _PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise ValueError("wanted a duration such as 300, 300s or 5m")
    return Seconds(sum(float(number) * _UNITS[unit] for number, unit in pieces))
