"""How far the token estimate is off for each model, learnt from what backends really counted."""

from typing import Final

_WEIGHT: Final = 0.2  # of the newest observation
_BOUNDS: Final = (0.5, 2.0)
_TOO_SMALL: Final = 50  # tokens; below it the chat template outweighs the text
_MOST_MODELS: Final = 1_000
_SELDOM: Final = 8


class Calibration:
    """One factor per backend model, moved a little by every observation."""

    def __init__(self) -> None:
        self._factors: dict[str, float] = {}
        self._asked = 0

    def wants(self, model: str, counted: int) -> bool:
        """Whether an observation is worth its cost: always for a model without one, else one time in eight.

        counted: as in `observe`.
        """
        if counted < _TOO_SMALL:
            return False
        self._asked += 1
        return model not in self._factors or self._asked % _SELDOM == 0

    def observe(self, model: str, estimated: int, counted: int) -> None:
        """estimated: what the bare estimate said of a prompt. counted: what the backend said."""
        if estimated < _TOO_SMALL or counted < _TOO_SMALL:
            return
        low, high = _BOUNDS
        ratio = min(high, max(low, counted / estimated))
        if model not in self._factors and len(self._factors) >= _MOST_MODELS:
            self._factors.pop(next(iter(self._factors)))
        before = self._factors.get(model, ratio)
        self._factors[model] = before + _WEIGHT * (ratio - before)

    def apply(self, model: str, estimated: int) -> int:
        return round(estimated * self._factors.get(model, 1.0))
