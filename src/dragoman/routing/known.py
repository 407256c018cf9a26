"""What backends were found to be: an overlay over the configuration, kept per backend and model, never written into it."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.hub.request import Dialect


class Known(Struct, frozen=True, kw_only=True):
    """None = not told.

    online: answered the last time it was asked. speaks: the dialects it was found to answer in, the one tested best
    first.
    """

    family: str | None = None
    context_window: int | None = None
    max_output: int | None = None
    vision: bool | None = None
    online: bool | None = None
    speaks: tuple[Dialect, ...] = ()


_NOTHING = Known()


class Knowledge:
    """version grows with every change, so that what is derived from it can be kept until then."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Known] = {}
        self._lessons: dict[tuple[str, str], dict[str, Any]] = {}
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

    def lessons(self, url: str, model: str) -> Mapping[str, Any]:
        return self._lessons.get((url, model), {})

    def forget_lessons(self) -> None:
        """The configuration has changed: what was learnt may be about another server."""
        if self._lessons:
            self._lessons.clear()
            self.version += 1

    def keep_only(self, places: set[tuple[str, str]]) -> None:
        """Forget backends that left the configuration."""
        for place in self._known.keys() - places:
            del self._known[place]
            self.version += 1
