"""Context overflow: how backends say that a conversation does not fit, and what numbers they give.

There is no common code for it, only wordings. Agents match them to start compaction, so they are kept as they are.
"""

import re
from typing import Final, NamedTuple

_WORDINGS: Final = (
    r"context_length_exceeded",  # OpenAI, as a code
    r"exceed_context_size",  # llama.cpp, as a type
    r"maximum (context|prompt|model) length",  # OpenAI, vLLM, SGLang, OpenRouter, Mistral, xAI
    r"prompt (is )?too long",  # Anthropic
    r"exceeds? context limit",  # Anthropic: input length and `max_tokens` exceed context limit
    r"exceeds? (the |this )?(model'?s? )?(available |maximum |max )*context",  # llama.cpp, Ollama, OpenAI Responses
    r"context (size|length|window) (has been |is )?exceed",  # llama.cpp in mid-stream, LM Studio
    r"longer than the (model'?s )?(maximum )?context",  # SGLang
    r"greater than the context length|context length of only|n_keep.{0,20}>= n_ctx",  # LM Studio
    r"context window exceeds",  # MiniMax
    r"exceeded model token limit",  # Moonshot
    r"prompt exceeds max|exceeds max_(seq|model)_len",  # Z.ai, others
    r"range of input length should be",  # DashScope
    r"input is too long for",  # Bedrock
    r"input token count.{0,60}(exceeds|only supports)",  # Gemini
    r"exceeds the maximum (allowed input length|number of (input )?tokens)",  # Poolside, Gemini
    r"tokens \+ `max_new_tokens`",  # TGI
    r"reduce the length of (the|your) (messages|prompt|input)",  # OpenAI and whoever copied it
    r"too many (input )?tokens",  # Cohere
)
_OVERFLOW: Final = re.compile("|".join(_WORDINGS), re.IGNORECASE | re.DOTALL)
# "Too many tokens, please wait before trying again" (Bedrock), "tokens per minute" (Groq, with status 413).
_THROTTLED: Final = re.compile(r"please wait|throttl|rate.?limit|tokens per (minute|day)|\bTP[MD]\b", re.IGNORECASE)

_OPENAI: Final = re.compile(r"this model's maximum context length is", re.IGNORECASE)
_LIMIT: Final = re.compile(
    r"(?:maximum (?:context|prompt|model) length (?:is|of)|context (?:size|length|window)(?: of)?(?: only)?|n_ctx:?)"
    r"\s*\(?\s*([\d,]+)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"(?<![\w.])\d[\d,]*(?![\w.]*\w)")
# vLLM: requested X output tokens and your prompt contains at least Y input tokens
# OpenAI, older vLLM: (Y in the messages, X in the completion); OpenRouter: (Y of text input, X in the output)
# SGLang: Y tokens from the input messages and X tokens for the completion
_PARTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"requested (?P<output>[\d,]+) output tokens and your prompt contains at least (?P<prompt>[\d,]+)",
        r"is too large: (?P<output>[\d,]+)\b.*?request has (?P<prompt>[\d,]+) input tokens",
        r"(?P<prompt>[\d,]+) tokens from the input messages and (?P<output>[\d,]+) tokens for the completion",
        r"\((?P<prompt>[\d,]+) (in the messages|of text input),[^)]*?(?P<output>[\d,]+) in the (completion|output)",
    )
)


class Sizes(NamedTuple):
    """Tokens. output: what was asked for on top of the prompt, where the backend said the two apart."""

    prompt: int
    limit: int
    output: int | None = None


def is_overflow(words: str) -> bool:
    return bool(_OVERFLOW.search(words)) and not _THROTTLED.search(words)


def sizes_in(message: str) -> Sizes | None:
    """The numbers an overflow message gives; None if they cannot be told from others."""
    limit = _LIMIT.search(message)
    if limit is None:
        return None
    most = _count(limit[1])
    for pattern in _PARTS:
        if (parts := pattern.search(message)) is not None:
            return Sizes(_count(parts["prompt"]), most, _count(parts["output"]))
    over = (number for found in _NUMBER.findall(message) if (number := _count(found)) > most)
    prompt = next(over, None)
    return None if prompt is None or not most else Sizes(prompt, most)


def in_openais_words(message: str) -> str:
    """The message behind the words of OpenAI, the backend's own kept. LiteLLM (1.106), and with it aider, OpenHands and
    whoever else builds on it, looks for them and for no code.
    """
    if _OPENAI.search(message):
        return message
    sizes = sizes_in(message)
    if sizes is None:
        return f"This model's maximum context length is exceeded: {message}"
    asked = sizes.prompt + (sizes.output or 0)
    return f"This model's maximum context length is {sizes.limit} tokens. However, you requested {asked} tokens ({message})"


def _count(digits: str) -> int:
    return int(digits.replace(",", "") or 0)
