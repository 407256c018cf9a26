"""Token counts in the Chat Completions dialect."""

from typing import Any

from dragoman.hub.usage import Usage


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said.

    Cached tokens stand in `prompt_tokens_details.cached_tokens`, at DeepSeek also in `prompt_cache_hit_tokens`, at
    Moonshot in a bare `cached_tokens`; always as a part of `prompt_tokens`.
    """
    if not isinstance(said, dict):
        return None
    prompt = _details(said, "prompt_tokens_details")
    completion = _details(said, "completion_tokens_details")
    read = _first(prompt.get("cached_tokens"), said.get("prompt_cache_hit_tokens"), said.get("cached_tokens"))
    return Usage(
        input=_first(said.get("prompt_tokens")),
        cache_read=read,
        cache_written=_first(prompt.get("cache_write_tokens")),
        output=_first(said.get("completion_tokens")),
        reasoning=_first(completion.get("reasoning_tokens")),
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    prompt, completion = usage.input or 0, usage.output or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": usage.cache_written or 0,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
    }


def _details(said: dict[str, Any], key: str) -> dict[str, Any]:
    value = said.get(key)
    return value if isinstance(value, dict) else {}


def _first(*values: Any) -> int | None:
    return next((int(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)), None)
