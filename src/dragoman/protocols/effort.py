"""How much to think: one scale, said in words here and in token budgets there (PROTOCOLS table B7.7)."""

from collections.abc import Sequence
from typing import Final

from dragoman.hub.request import Effort, Reasoning

# Ascending, so that a word a backend lacks falls to the nearest one below it, else to the lowest it has.
_SCALE: Final[tuple[Effort, ...]] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

BUDGET: Final[dict[Effort, int]] = {
    "minimal": 1_024,
    "low": 4_096,
    "medium": 12_000,
    "high": 24_000,
    "xhigh": 32_000,
    "max": 60_000,
}
_BOUNDS: Final[tuple[tuple[int, Effort], ...]] = ((6_000, "low"), (16_000, "medium"), (32_000, "high"))


def wanted(reasoning: Reasoning) -> Effort | None:
    """Return the effort asked for, whichever way it was said; None = nothing was said."""
    if reasoning.mode in ("off", "between_tools"):
        return "none"
    if reasoning.effort is not None:
        return reasoning.effort
    if reasoning.mode == "budget" and reasoning.budget is not None:
        return next((effort for bound, effort in _BOUNDS if reasoning.budget <= bound), "xhigh")
    return None


def nearest(effort: Effort, known: Sequence[str]) -> str | None:
    """Return the word of `known` that is closest from below, else the lowest above; None if there are none."""
    place = _SCALE.index(effort)
    below = [word for word in _SCALE[: place + 1] if word in known]
    if below and not (below[-1] == "none" and effort != "none"):
        return below[-1]
    above = [word for word in _SCALE[place:] if word in known]
    return above[0] if above else None
