"""Counting tokens, with one meaning per number whatever the dialect calls it."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Struct

S = TypeVar("S", bound=Struct)

_MOST: Final = 2**53  # beyond this a number is no count, and other languages cannot hold it
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


def counts(said: Any, kind: type[S]) -> S:
    """The counts that `kind` declares, where backends say them; None for what cannot be one.

    Its members are `Count | None`, or structs of such or None. What is told of properly is read in one go.
    """
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError:
        of = said if isinstance(said, dict) else {}
        return kind(**{field.name: _told(of.get(field.name), field.type) for field in msgspec.structs.fields(kind)})


def _told(said: Any, kind: Any) -> Any:
    if said is None or kind == Count | None:
        return count(said)
    inner: type[Struct] = get_args(kind)[0]
    return counts(said, inner)


def count(said: Any) -> int | None:
    """A count as a backend said it; None for what cannot be one."""
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= _MOST:
        return None
    return int(said)


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one answer. None = the backend did not say.

    input: every token of the prompt, those read from and written to the cache included.
    cache_read, cache_written: the parts of `input` that came from, or went into, the prompt cache.
    cache_written_1h: the part of `cache_written` that is kept for an hour (Anthropic).
    output: every token generated, reasoning included.
    reasoning: the part of `output` that was reasoning.
    searches, fetches: web searches and page fetches run on the server side.
    context: tokens of the last prompt, where an answer took several passes and `input` is the sum: what fills the window.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_written: int | None = None
    cache_written_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    searches: int | None = None
    fetches: int | None = None
    context: int | None = None

    @property
    def fresh(self) -> int:
        """Input tokens that were neither read from nor written to the cache; never negative."""
        return max(0, (self.input or 0) - (self.cache_read or 0) - (self.cache_written or 0))

    def updated(self, later: Usage) -> Usage:
        """These counts with those of `later` in their place, wherever `later` says something."""
        if self == _NOTHING:
            return later
        said = {field: value for field in _FIELDS if (value := getattr(later, field)) is not None}
        return msgspec.structs.replace(self, **said) if said else self

    def plus(self, other: Usage) -> Usage:
        """The counts of both: of an answer that took several passes. `context` is not counted."""
        if self == _NOTHING and other.context is None:
            return other
        return Usage(**{field: _sum(getattr(self, field), getattr(other, field)) for field in _COUNTED})


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


_NOTHING: Final = Usage()
_FIELDS: Final = Usage.__struct_fields__
_COUNTED: Final = tuple(field for field in _FIELDS if field != "context")
