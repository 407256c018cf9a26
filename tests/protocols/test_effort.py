"""How much to think, between words and budgets (PROTOCOLS B7.7)."""

import pytest

from dragoman.hub.request import Effort, Reasoning
from dragoman.protocols import effort


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [
        (Reasoning(), None),
        (Reasoning("adaptive"), None),
        (Reasoning("adaptive", "high"), "high"),
        (Reasoning(effort="max"), "max"),
        (Reasoning("off"), "none"),
        (Reasoning("off", "high"), "none"),
        (Reasoning("between_tools"), "none"),
        (Reasoning("budget", budget=1_024), "low"),
        (Reasoning("budget", budget=6_000), "low"),
        (Reasoning("budget", budget=6_001), "medium"),
        (Reasoning("budget", budget=16_000), "medium"),
        (Reasoning("budget", budget=32_000), "high"),
        (Reasoning("budget", budget=32_001), "xhigh"),
        (Reasoning("budget", "low", 32_001), "low"),
        (Reasoning("budget"), None),
    ],
)
def test_what_is_wanted(reasoning: Reasoning, wanted: Effort | None) -> None:
    assert effort.wanted(reasoning) == wanted


@pytest.mark.parametrize(
    ("said", "known", "nearest"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("minimal", ("low", "medium", "high"), "low"),
        ("medium", ("high", "max"), "high"),
        ("none", ("none", "low"), "none"),
        ("none", ("minimal", "low"), "minimal"),
        ("low", ("none",), None),
        ("low", ("none", "high"), "high"),
        ("high", (), None),
    ],
)
def test_the_nearest_word(said: Effort, known: tuple[str, ...], nearest: str | None) -> None:
    assert effort.nearest(said, known) == nearest


def test_every_effort_but_none_has_a_budget_that_grows() -> None:
    assert list(effort.BUDGET.values()) == sorted(effort.BUDGET.values())
    assert list(effort.BUDGET) == ["minimal", "low", "medium", "high", "xhigh", "max"]
