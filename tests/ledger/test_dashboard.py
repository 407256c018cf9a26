"""All that the dashboard shows of some days."""

import datetime as dt

import pytest

from dragoman.ledger.dashboard import RANGES, dashboard
from dragoman.wire import jsons
from tests.ledger.writing import NOON, line, written


@pytest.mark.parametrize("days", RANGES)
def test_every_range_has_its_pieces(days: int) -> None:
    found = dashboard(written(line(session="s")), days, NOON, dt.UTC)
    assert (found["days"], found["zone"], found["unit"]) == (days, "UTC", "hour" if days == 1 else "day")
    assert len(found["series"]) == (24 if days == 1 else days)
    assert all(len(model["tokens"]) == len(found["series"]) for model in found["tokens_by_model"])
    assert found["totals"]["requests"] == 1
    assert [row["name"] for row in found["sessions"]] == ["s"]
    assert jsons.read(jsons.write(found)) == found


def test_models_beyond_the_fifth_are_told_together() -> None:
    db = written(*(line(model=f"m{number}", input_tokens=100 - number) for number in range(8)))
    found = dashboard(db, 1, NOON, dt.UTC)
    assert [row["name"] for row in found["tokens_by_model"]] == ["m0", "m1", "m2", "m3", "m4", None]
    assert sum(found["tokens_by_model"][-1]["tokens"]) == 95 + 94 + 93
    assert len(found["models"]) == 8


def test_kinds_of_errors() -> None:
    db = written(line(status=502, problem="backend_failed"), line(status=404, problem="unknown_model"), line())
    found = dashboard(db, 7, NOON, dt.UTC)
    assert {row["name"]: row["requests"] for row in found["problems"]} == {"backend_failed": 1, "unknown_model": 1}
