"""What counts as an error."""

import pytest

from tests.ledger.writing import line


@pytest.mark.parametrize(
    ("status", "problem", "is_error", "is_cancelled"),
    [
        (200, "", False, False),
        (200, "truncated", True, False),
        (404, "unknown_model", True, False),
        (502, "", True, False),
        (499, "", False, True),
        (499, "truncated", False, True),
    ],
)
def test_errors(status: int, problem: str, is_error: bool, is_cancelled: bool) -> None:
    made = line(status=status, problem=problem)
    assert (made.is_error, made.is_cancelled) == (is_error, is_cancelled)
