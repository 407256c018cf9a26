"""What backends were found to be: an overlay over the configuration, kept per backend and model, never written into it."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from dragoman.hub.request import Dialect
from dragoman.routing.refused_seals import RefusedSeals


class Known(Struct, frozen=True, kw_only=True):
    """None = not told.

    converses: its server says that it is a model for conversations, or none. online: answered the last time it was
    asked. speaks: the dialects it was found to answer in, the one tested best first.
    """

    family: str | None = None
    context_window: int | None = None
    max_output: int | None = None
    vision: bool | None = None
    converses: bool | None = None
    online: bool | None = None
    speaks: tuple[Dialect, ...] = ()


_NOTHING = Known()
# Parts of the names of models that turn texts into vectors, or sort them.
_NO_CONVERSATION: Final = ("embed", "rerank", "minilm", "bge-")
_BETWEEN: Final = 10.0  # seconds


def converses(model: str) -> bool:
    """Whether a model holds conversations, by its name, where its server does not say so."""
    lower = model.lower()
    return not any(part in lower for part in _NO_CONVERSATION)


class Knowledge:
    """version grows with every change, so that what is derived from it can be kept until then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._asked_again: Final[dict[tuple[str, str], float]] = {}  # when
        self._known: dict[tuple[str, str], Known] = {}
        self._lessons: dict[tuple[str, str], dict[str, Any]] = {}
        self.refused_seals: Final = RefusedSeals()
        self.version = 0

    def of(self, url: str, model: str) -> Known:
        """What is known of `model` (the backend's own name for it) at the backend with this URL."""
        return self._known.get((url, model), _NOTHING)

    def learn(self, url: str, model: str, known: Known) -> None:
        if self._known.get((url, model)) != known:
            self._known[url, model] = known
            self.version += 1

    def teach(self, url: str, model: str, changes: Mapping[str, Any]) -> None:
        """A refusal has taught something: changes of the profile, until the configuration changes."""
        self._lessons[url, model] = {**self._lessons.get((url, model), {}), **changes}
        self.version += 1

    def may_ask_again(self, url: str, model: str) -> bool:
        """Whether enough time has gone by since this was said yes to: who fails often is not asked each time."""
        now = self._clock()
        if now - self._asked_again.get((url, model), -_BETWEEN) < _BETWEEN:
            return False
        self._asked_again[url, model] = now
        return True

    def lessons(self, url: str, model: str) -> Mapping[str, Any]:
        return self._lessons.get((url, model), {})

    def forget_lessons(self) -> None:
        """The configuration has changed: what was learnt may be about another server."""
        self.refused_seals.clear()
        if self._lessons:
            self._lessons.clear()
            self.version += 1

    def keep_only(self, places: set[tuple[str, str]]) -> None:
        """Forget backends that left the configuration."""
        for place in self._known.keys() - places:
            del self._known[place]
            self.version += 1
        for place in self._asked_again.keys() - places:
            del self._asked_again[place]
