"""Token counts in the Responses dialect."""

from typing import Any, Final

from msgspec import Struct

from dragoman.hub.usage import Count, Usage, counts


class _InputDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _OutputDetails(Struct):
    reasoning_tokens: Count | None = None


class _Told(Struct):
    input_tokens: Count | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens: Count | None = None
    output_tokens_details: _OutputDetails | None = None


_NOTHING: Final = Usage()
_NO_INPUT: Final = _InputDetails()
_NO_OUTPUT: Final = _OutputDetails()


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said."""
    told = counts(said, _Told)
    given = told.input_tokens_details or _NO_INPUT
    usage = Usage(
        input=told.input_tokens,
        cache_read=given.cached_tokens,
        cache_written=given.cache_write_tokens,
        output=told.output_tokens,
        reasoning=(told.output_tokens_details or _NO_OUTPUT).reasoning_tokens,
    )
    return None if usage == _NOTHING else usage


def write_usage(usage: Usage, *, of_window: bool = False) -> dict[str, Any]:
    """Both details are never null: the SDK's type does not allow it. Without usage Codex (0.169) never compacts.

    of_window: of the prompt say what fills the window, which Codex takes it for, and not the sum of several passes.
    """
    asked, said = usage.input or 0, usage.output or 0
    if of_window and usage.context is not None:
        asked = usage.context
    return {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": min(usage.cache_read or 0, asked) if of_window else usage.cache_read or 0,
            "cache_write_tokens": usage.cache_written or 0,
        },
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": asked + said,
    }
