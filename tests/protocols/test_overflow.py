"""Context overflow in the words of each server, as they were met."""

from typing import Final

import pytest

from dragoman.protocols.overflow import Sizes, in_openais_words, is_overflow, sizes_in

WORDINGS: Final[dict[str, tuple[str, Sizes | None]]] = {
    "OpenAI": (
        ("This model's maximum context length is 128000 tokens. However, your messages resulted in 130010 tokens. "
        "Please reduce the length of the messages."),
        Sizes(130010, 128000),
    ),
    "OpenAI Responses": ("Your input exceeds the context window of this model. Please adjust your input.", None),
    "OpenAI code": ("context_length_exceeded", None),
    "vLLM": (
        ("This model's maximum context length is 16384 tokens. However, you requested 19591 tokens (9591 in the "
        "messages, 10000 in the completion). Please reduce the length of the messages or completion. None"),
        Sizes(9591, 16384, 10000),
    ),
    "vLLM, prompt and output apart": (
        ("This model's maximum context length is 8192 tokens. However, you requested 500 output tokens and your prompt "
        "contains at least 7693 input tokens, for a total of at least 8193 tokens."),
        Sizes(7693, 8192, 500),
    ),
    "vLLM, output too large": (
        ("'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 8192 "
        "tokens and your request has 4000 input tokens (5000 > 8192 - 4000)."),
        Sizes(4000, 8192, 5000),
    ),
    "vLLM, decoder": ("The decoder prompt (length 9000) is longer than the maximum model length of 8,192.", Sizes(9000, 8192)),
    "SGLang": (
        "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        Sizes(61709, 40960),
    ),
    "SGLang, total": (
        ("Requested token count exceeds the model's maximum context length of 202752 tokens. You requested a total of "
        "202941 tokens: 170941 tokens from the input messages and 32000 tokens for the completion."),
        Sizes(170941, 202752, 32000),
    ),
    "llama.cpp": (
        "request (12030 tokens) exceeds the available context size (8192 tokens), try increasing it",
        Sizes(12030, 8192),
    ),
    "llama.cpp type": ("exceed_context_size_error", None),
    "llama.cpp in mid-stream": ("Context size has been exceeded.", None),
    "Ollama": ("the input length exceeds the context length", None),
    "LM Studio": (
        ("Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with context "
        "length of only 4096 tokens, which is not enough."),
        Sizes(15857, 4096),
    ),
    "LM Studio, n_keep": (
        ("The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= "
        "n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."),
        Sizes(13055, 4096),
    ),
    "LM Studio, truncation": ("Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)", Sizes(15028, 7424)),
    "Anthropic": ("prompt is too long: 209353 tokens > 199999 maximum", None),
    "Anthropic, output": (
        ("input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length or "
        "`max_tokens` and try again"),
        None,
    ),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        None,
    ),
    "OpenRouter, output": (
        ("This endpoint's maximum context length is 131072 tokens. However, you requested about 147221 tokens (16149 of "
        "text input, 72 of tool input, 131000 in the output). Please reduce the length of either one."),
        Sizes(16149, 131072, 131000),
    ),
    "xAI": (
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        Sizes(537812, 131072),
    ),
    "Gemini": ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None),
    "Gemini, Vertex": ("the input token count is 32825 but model only supports up to 32768.", None),
    "Moonshot": ("Invalid request: Your request exceeded model token limit: 65536", None),
    "MiniMax": ("invalid params, context window exceeds limit", None),
    "Z.ai": ("Prompt exceeds max length", None),
    "DashScope": ("Range of input length should be [1, 30720]", None),
    "Bedrock": ("Input is too long for requested model.", None),
    "Poolside": ("Input length 131393 exceeds the maximum allowed input length of 131040 tokens.", None),
    "TGI": ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000", None),
    "others": ("Prompt too long: 5152 tokens exceeds max_seq_len 2048 (leave room for output tokens)", None),
}  # fmt: skip


@pytest.mark.parametrize("server", WORDINGS)
def test_each_servers_words_are_recognised(server: str) -> None:
    message, sizes = WORDINGS[server]
    assert is_overflow(message)
    assert sizes_in(message) == sizes


@pytest.mark.parametrize(
    "message",
    [
        "ThrottlingException: Too many tokens, please wait before trying again.",
        (
            "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your "
            "message size and try again."
        ),
        "Rate limit reached: maximum context length per minute",
        "messages.1.role: Input should be 'user' or 'assistant'",
        "max_tokens: must be at least 1",
        "context_management: Extra inputs are not permitted",
        "",
    ],
)
def test_what_is_something_else(message: str) -> None:
    assert not is_overflow(message)
    assert sizes_in(message) is None


@pytest.mark.parametrize(
    "message", ["maximum context length is , tokens", "maximum context length is 8192 tokens", "context size (0), 5"]
)
def test_numbers_that_cannot_be_told_are_not_guessed(message: str) -> None:
    assert sizes_in(message) is None


@pytest.mark.parametrize("server", WORDINGS)
def test_openais_words_stand_before_the_servers_and_are_said_once(server: str) -> None:
    message, sizes = WORDINGS[server]
    said = in_openais_words(message)
    assert message in said
    assert said.lower().count("this model's maximum context length is") == 1
    assert in_openais_words(said) == said
    if sizes is not None:
        assert f"maximum context length is {sizes.limit} tokens" in said


def test_openais_words_count_the_output_too() -> None:
    message = "exceeds the model's maximum context length of 80 tokens: 75 tokens from the input messages and 10 tokens for the completion."
    assert in_openais_words(message).startswith(
        "This model's maximum context length is 80 tokens. However, you requested 85 tokens (exceeds"
    )
