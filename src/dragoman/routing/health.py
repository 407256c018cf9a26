"""Which backends to leave alone for a while. Kept by URL, so that it outlives reloads and is shared by models.

A backend that fails three times in a row rests for 30 seconds; then one request tries it, and its outcome decides. It
also rests while it does not answer when `discover.py` looks. Resting means coming last, never being refused: where no
other backend answers, it is asked all the same.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Container
from typing import Final

_FAILURES: Final = 3
_REST: Final = 30.0  # seconds


class _State:
    __slots__ = ("absent", "failures", "until")

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.until = 0.0  # it rests, if it rests
        self.absent = False  # did not answer when it was last looked at


class Health:
    """clock: seconds, never backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._states: Final[defaultdict[str, _State]] = defaultdict(_State)

    def rests(self, url: str) -> bool:
        """Whether others are to be asked before this one."""
        state = self._states.get(url)
        if state is None or not (state.absent or state.failures >= _FAILURES):
            return False
        return state.absent or self._clock() < state.until

    def online(self, url: str) -> bool | None:
        """Whether it answers; None = it was never asked."""
        state = self._states.get(url)
        return None if state is None else not state.absent and state.failures < _FAILURES

    def attempt(self, url: str) -> None:
        """It is being asked. If that is its trial after a rest, it rests for others until the outcome is known."""
        state = self._states.get(url)
        if state is not None and state.failures >= _FAILURES:
            state.until = self._clock() + _REST

    def answered(self, url: str) -> None:
        state = self._states[url]
        state.failures, state.absent = 0, False

    def failed(self, url: str) -> None:
        state = self._states[url]
        state.failures += 1
        if state.failures >= _FAILURES:
            state.until = self._clock() + _REST

    def looked(self, url: str, *, answers: bool) -> None:
        """What came of looking at it. That it is there does not mean that it works: it may be tried at once."""
        state = self._states[url]
        state.absent = not answers
        if answers:
            state.until = 0.0

    def keep_only(self, urls: Container[str]) -> None:
        """Forget backends that left the configuration."""
        for url in [url for url in self._states if url not in urls]:
            del self._states[url]
