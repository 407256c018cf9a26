"""Token counts in the Responses dialect."""

from typing import Any

from dragoman.hub.usage import Usage, count


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said."""
    if not isinstance(said, dict):
        return None
    given, made = _object(said, "input_tokens_details"), _object(said, "output_tokens_details")
    usage = Usage(
        input=count(said.get("input_tokens")),
        cache_read=count(given.get("cached_tokens")),
        cache_written=count(given.get("cache_write_tokens")),
        output=count(said.get("output_tokens")),
        reasoning=count(made.get("reasoning_tokens")),
    )
    return None if usage == Usage() else usage


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


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
