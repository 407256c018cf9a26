"""Token counts in the Responses dialect."""

from typing import Any

from dragoman.hub.usage import Usage


def read_usage(said: Any) -> Usage | None:
    if not isinstance(said, dict):
        return None
    given, made = _object(said, "input_tokens_details"), _object(said, "output_tokens_details")
    return Usage(
        input=_count(said, "input_tokens"),
        cache_read=_count(given, "cached_tokens"),
        cache_written=_count(given, "cache_write_tokens"),
        output=_count(said, "output_tokens"),
        reasoning=_count(made, "reasoning_tokens"),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Both details are never null: the SDK's type does not allow it. Without usage Codex (0.169) never compacts."""
    asked, said = usage.input or 0, usage.output or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": usage.cache_written or 0,
        },
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": asked + said,
    }


def _count(of: dict[str, Any], key: str) -> int | None:
    value = of.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
