"""Token counts in the Chat Completions dialect."""

from typing import Any

from dragoman.hub.usage import Usage, count


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said.

    Cached tokens stand in `prompt_tokens_details`, at DeepSeek also in `prompt_cache_hit_tokens`, at Moonshot in a bare
    `cached_tokens`, at LiteLLM under Anthropic's names; always as a part of `prompt_tokens`.
    """
    if not isinstance(said, dict):
        return None
    prompt, completion = _object(said, "prompt_tokens_details"), _object(said, "completion_tokens_details")
    reasoning = count(completion.get("reasoning_tokens"))
    usage = Usage(
        input=count(said.get("prompt_tokens")),
        cache_read=_first(
            prompt.get("cached_tokens"),
            said.get("prompt_cache_hit_tokens"),
            said.get("cached_tokens"),
            said.get("cache_read_input_tokens"),
        ),
        cache_written=_first(prompt.get("cache_write_tokens"), said.get("cache_creation_input_tokens")),
        output=_output(said, reasoning),
        reasoning=reasoning,
    )
    return None if usage == Usage() else usage


def _output(said: dict[str, Any], reasoning: int | None) -> int | None:
    """xAI counts reasoning beside `completion_tokens` and not in it; its total tells."""
    completion = count(said.get("completion_tokens"))
    if completion is None or not reasoning:
        return completion
    prompt, total = count(said.get("prompt_tokens")), count(said.get("total_tokens"))
    beside = prompt is not None and total == prompt + completion + reasoning
    return completion + reasoning if beside else completion


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


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}


def _first(*values: Any) -> int | None:
    for value in values:
        if value is not None and (counted := count(value)) is not None:
            return counted
    return None
