"""What was asked since the start, counted for a monitoring system: Prometheus' text form, version 0.0.4."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final

from dragoman.ledger.line import Line

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # seconds
_TOKENS: Final = ("input", "cached", "cache_written", "output", "reasoning")
# Each line of the text has the names and values of one of these before its number.
_Labels = tuple[str, ...]


class Metrics:
    """Told every line. The configuration bounds the names in it, so there are only so many counters."""

    def __init__(self) -> None:
        self._requests: Final[Counter[_Labels]] = Counter()
        self._problems: Final[Counter[_Labels]] = Counter()
        self._tokens: Final[Counter[_Labels]] = Counter()
        self._durations: Final[dict[str, _Times]] = {}
        self._first_tokens: Final[dict[str, _Times]] = {}

    def count(self, line: Line) -> None:
        self._requests[line.model, line.backend, str(line.status)] += 1
        if line.is_error:
            self._problems[line.model, line.problem or f"status {line.status}"] += 1
        for kind in _TOKENS:
            if tokens := getattr(line, f"{kind}_tokens"):
                self._tokens[line.model, kind] += tokens
        if not line.is_cancelled:
            self._durations.setdefault(line.model, _Times()).add(line.duration_ms)
        if line.first_byte_ms is not None:
            self._first_tokens.setdefault(line.model, _Times()).add(line.first_byte_ms)

    def text(self, in_flight: Mapping[str, int], lost: int) -> str:
        """in_flight: requests by their state. lost: lines that the ledger lost."""
        return "".join(self._lines(in_flight, lost))

    def _lines(self, in_flight: Mapping[str, int], lost: int) -> Iterator[str]:
        yield from _counter("requests", "Requests that have ended.", ("model", "backend", "status"), self._requests)
        yield from _counter(
            "errors", "Requests that failed, by kind (docs/errors.md).", ("model", "kind"), self._problems
        )
        about = "Tokens; those cached and written to the cache are part of the input, reasoning of the output."
        yield from _counter("tokens", about, ("model", "kind"), self._tokens)
        yield from _histogram("request_duration", "Until the end.", self._durations)
        yield from _histogram("first_token", "Until the client heard something.", self._first_tokens)
        yield _head("requests_in_flight", "gauge", "Requests under way, by their state.")
        for state, count in in_flight.items():
            yield _said("requests_in_flight", {"state": state}, count)
        yield from _counter("usage_lost", "Requests whose usage could not be recorded.", (), {(): lost})


class _Times:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.sum = 0.0
        self._counts: Final = [0] * (len(_BOUNDS) + 1)

    def add(self, milliseconds: int) -> None:
        seconds = milliseconds / 1000
        self.sum += seconds
        self._counts[bisect_left(_BOUNDS, seconds)] += 1

    def up_to(self) -> Iterator[tuple[str, int]]:
        """How many took at most so long."""
        return zip((*(f"{bound:g}" for bound in _BOUNDS), "+Inf"), accumulate(self._counts), strict=True)


def _counter(name: str, about: str, labels: _Labels, counts: Mapping[_Labels, int]) -> Iterator[str]:
    yield _head(f"{name}_total", "counter", about)
    for values, count in counts.items():
        yield _said(f"{name}_total", dict(zip(labels, values, strict=True)), count)


def _histogram(name: str, about: str, by_model: Mapping[str, _Times]) -> Iterator[str]:
    yield _head(f"{name}_seconds", "histogram", about)
    for model, times in by_model.items():
        count = 0
        for bound, count in times.up_to():
            yield _said(f"{name}_seconds_bucket", {"model": model, "le": bound}, count)
        yield _said(f"{name}_seconds_sum", {"model": model}, round(times.sum, 3))
        yield _said(f"{name}_seconds_count", {"model": model}, count)


def _head(name: str, kind: str, about: str) -> str:
    return f"# HELP dragoman_{name} {about}\n# TYPE dragoman_{name} {kind}\n"


def _said(name: str, labels: Mapping[str, str], number: float) -> str:
    said = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
    return f"dragoman_{name}{{{said}}} {number}\n" if said else f"dragoman_{name} {number}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
