"""Reports for other programs."""

import csv
import io

import pytest

from dragoman.ledger.export import csv_text, objects
from dragoman.ledger.reports import Row

REQUIRED = {"name", "requests", "errors", "input_tokens", "cached_tokens", "output_tokens"}


def test_objects_have_every_number() -> None:
    (found,) = objects([Row(name="m", requests=3, input_tokens=5)], "model")
    assert found.keys() >= REQUIRED
    assert (found["name"], found["requests"], found["input_tokens"]) == ("m", 3, 5)
    assert "agent" not in found


def test_a_session_says_whose_it_was() -> None:
    (found,) = objects([Row(name="s", user="me", agent="Codex", model="m")], "session")
    assert (found["user"], found["agent"], found["model"]) == ("me", "Codex", "m")


def test_csv_has_the_same_with_a_head() -> None:
    rows = [Row(name='a "b", c', requests=3), Row(name="d")]
    head, first, second = csv.reader(io.StringIO(csv_text(rows, "user")))
    assert dict(zip(head, first, strict=True))["name"] == 'a "b", c'
    assert dict(zip(head, second, strict=True))["cache_hit_rate"] == ""


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@a", "\tx", "\rx"])
def test_no_name_becomes_a_formula(name: str) -> None:
    _, row = csv.reader(io.StringIO(csv_text([Row(name=name)], "agent"), newline=""))
    assert row[0] == f"'{name}"
