"""Which backends to leave alone for a while. Kept by place, so that it outlives reloads and is shared by models.

A backend that fails three times in a row rests for 30 seconds; then one request tries it, and its outcome decides. It
also rests while it does not answer when `discover.py` looks. Resting means coming last, never being refused: where no
other backend answers, it is asked all the same. Of two accounts at one URL each rests for itself.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Container
from typing import Final

ACCOUNT: Final = "\n"  # between a place's URL and which account it is, where a model has two of them
_FAILURES: Final = 3
_REST: Final = 30.0  # seconds


class _State:
    __slots__ = ("failures", "until")

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.until = 0.0  # it rests, if it rests


class Health:
    """clock: seconds, never backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._states: Final[defaultdict[str, _State]] = defaultdict(_State)
        self._absent: Final[set[str]] = set()  # URLs that did not answer when they were last looked at

    def rests(self, place: str) -> bool:
        """Whether others are to be asked before this one."""
        if self._absent and _url(place) in self._absent:
            return True
        state = self._states.get(place)
        return state is not None and state.failures >= _FAILURES and self._clock() < state.until

    def online(self, url: str) -> bool | None:
        """Whether it answers, to whichever account; None = it was never asked."""
        there = self._at(url)
        if url in self._absent or not there:
            return False if url in self._absent else None
        return any(state.failures < _FAILURES for state in there)

    def attempt(self, place: str) -> None:
        """It is being asked. If that is its trial after a rest, it rests for others until the outcome is known."""
        state = self._states.get(place)
        if state is not None and state.failures >= _FAILURES:
            state.until = self._clock() + _REST

    def answered(self, place: str) -> None:
        self._states[place].failures = 0
        if self._absent:
            self._absent.discard(_url(place))

    def failed(self, place: str) -> None:
        state = self._states[place]
        state.failures += 1
        if state.failures >= _FAILURES:
            state.until = self._clock() + _REST

    def looked(self, url: str, *, answers: bool) -> None:
        """What came of looking at it. That it is there does not mean that it works: it may be tried at once."""
        if not answers:
            self._absent.add(url)
            return
        self._absent.discard(url)
        for state in self._at(url) or [self._states[url]]:
            state.until = 0.0

    def keep_only(self, urls: Container[str]) -> None:
        """Forget backends that left the configuration."""
        for place in [place for place in self._states if _url(place) not in urls]:
            del self._states[place]
        for url in [url for url in self._absent if url not in urls]:
            self._absent.discard(url)

    def _at(self, url: str) -> list[_State]:
        return [state for place, state in self._states.items() if _url(place) == url]


def _url(place: str) -> str:
    return place.partition(ACCOUNT)[0]
