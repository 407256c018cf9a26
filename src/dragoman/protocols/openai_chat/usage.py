"""Token counts in the Chat Completions dialect."""

from typing import Any, Final

from msgspec import Struct

from dragoman.hub.usage import Count, Usage, counts


class _PromptDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _CompletionDetails(Struct):
    reasoning_tokens: Count | None = None


class _Told(Struct):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Count | None = None
    cached_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


_NOTHING: Final = Usage()
_NO_PROMPT: Final = _PromptDetails()
_NO_COMPLETION: Final = _CompletionDetails()


def read_usage(said: Any) -> Usage | None:
    """Return None where nothing is said.

    Cached tokens stand in `prompt_tokens_details`, at DeepSeek also in `prompt_cache_hit_tokens`, at Moonshot in a bare
    `cached_tokens`, at LiteLLM under Anthropic's names; always as a part of `prompt_tokens`.
    """
    told = counts(said, _Told)
    prompt = told.prompt_tokens_details or _NO_PROMPT
    reasoning = (told.completion_tokens_details or _NO_COMPLETION).reasoning_tokens
    read, written = prompt.cached_tokens, prompt.cache_write_tokens
    for other in (told.prompt_cache_hit_tokens, told.cached_tokens, told.cache_read_input_tokens):
        read = other if read is None else read
    usage = Usage(
        input=told.prompt_tokens,
        cache_read=read,
        cache_written=told.cache_creation_input_tokens if written is None else written,
        output=_output(told, reasoning) if reasoning else told.completion_tokens,
        reasoning=reasoning,
    )
    return None if usage == _NOTHING else usage


def _output(told: _Told, reasoning: int) -> int | None:
    """xAI counts reasoning beside `completion_tokens` and not in it; its total tells."""
    prompt, completion = told.prompt_tokens, told.completion_tokens
    if prompt is None or completion is None or told.total_tokens != prompt + completion + reasoning:
        return completion
    return completion + reasoning


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
