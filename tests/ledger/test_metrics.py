"""Counters for a monitoring system, as it reads them."""

import re

from dragoman.ledger.metrics import Metrics
from tests.ledger.writing import line

NUMBER = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? ([0-9.e+]+)')


def numbers(metrics: Metrics, lost: int = 0) -> dict[str, float]:
    """Every sample by its name and labels. Fails on a line that is neither a sample nor a comment."""
    found = {}
    for said in metrics.text({"waiting": 2}, lost).splitlines():
        if not said.startswith(("# HELP dragoman_", "# TYPE dragoman_")):
            match = NUMBER.fullmatch(said)
            assert match is not None, said
            name, labels, number = match.groups()
            found[f"{name} {labels}" if labels else name] = float(number)
    return found


def test_requests_tokens_and_errors_are_added_up() -> None:
    metrics = Metrics()
    for status, problem in ((200, ""), (200, ""), (502, "backend_failed"), (200, "truncated"), (499, "")):
        metrics.count(line(status=status, problem=problem, backend="http://b", input_tokens=10, output_tokens=None))
    found = numbers(metrics, lost=3)
    assert found['dragoman_requests_total model="m",backend="http://b",status="200"'] == 3
    assert found['dragoman_requests_total model="m",backend="http://b",status="499"'] == 1
    assert found['dragoman_errors_total model="m",kind="truncated"'] == 1
    assert found['dragoman_tokens_total model="m",kind="input"'] == 50
    assert 'dragoman_tokens_total model="m",kind="output"' not in found
    assert (found['dragoman_requests_in_flight state="waiting"'], found["dragoman_usage_lost_total"]) == (2, 3)


def test_times_are_histograms_that_grow() -> None:
    metrics = Metrics()
    for milliseconds in (100, 101, 700, 3_600_000):
        metrics.count(line(duration_ms=milliseconds, first_byte_ms=50))
    metrics.count(line(status=499, duration_ms=5))  # whoever hangs up says nothing of how long it takes
    found = numbers(metrics)
    name = "dragoman_request_duration_seconds"
    ups = [found[f'{name}_bucket model="m",le="{up}"'] for up in ("0.1", "0.25", "0.5", "1", "600", "+Inf")]
    assert ups == [1, 2, 2, 3, 3, 4]
    assert (found[f'{name}_count model="m"'], found[f'{name}_sum model="m"']) == (4, 3600.901)
    assert found['dragoman_first_token_seconds_count model="m"'] == 4


def test_names_cannot_make_lines_of_their_own() -> None:
    metrics = Metrics()
    metrics.count(line(model='a"b\\c\n# HELP dragoman_x y'))
    assert 'dragoman_requests_total model="a\\"b\\\\c\\n# HELP dragoman_x y",backend="",status="200"' in numbers(
        metrics
    )
