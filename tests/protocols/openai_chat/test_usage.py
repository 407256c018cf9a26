"""Token counts of Chat Completions."""

from typing import Any

import pytest
from hypothesis import given

from dragoman.hub.usage import Usage
from dragoman.protocols.openai_chat.usage import read_usage, write_usage
from tests.laws import making


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}, Usage(input=10, output=2)),
        (
            {
                "prompt_tokens": 1000,
                "completion_tokens": 50,
                "total_tokens": 1050,
                "prompt_tokens_details": {"cached_tokens": 800, "cache_write_tokens": 100},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            Usage(input=1000, cache_read=800, cache_written=100, output=50, reasoning=20),
        ),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(input=9, cache_read=4)),
        ({"prompt_tokens": 9, "cached_tokens": 4}, Usage(input=9, cache_read=4)),
        (
            {"prompt_tokens": 9, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2},
            Usage(input=9, cache_read=4, cache_written=2),
        ),
        ({"prompt_tokens": 9, "prompt_tokens_details": None, "completion_tokens_details": []}, Usage(input=9)),
        ({"prompt_tokens": -1, "completion_tokens": 1e300}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_what_backends_say(said: Any, usage: Usage | None) -> None:
    assert read_usage(said) == usage


@pytest.mark.parametrize(
    ("total", "output"), [(560, 253), (333, 26), (None, 26), (9999, 26)], ids=["beside", "inside", "unsaid", "odd"]
)
def test_reasoning_that_is_counted_beside_the_completion_is_output_too(total: int | None, output: int) -> None:
    said = {
        "prompt_tokens": 307,
        "completion_tokens": 26,
        "total_tokens": total,
        "completion_tokens_details": {"reasoning_tokens": 227},
    }
    usage = read_usage(said)
    assert usage is not None
    assert (usage.output, usage.reasoning) == (output, 227)


@given(making.usages("openai-chat"))
def test_what_is_written_is_read(usage: Usage) -> None:
    said = write_usage(usage)
    assert said["total_tokens"] == said["prompt_tokens"] + said["completion_tokens"]
    assert read_usage(said) == usage


def test_nothing_is_written_as_zeros() -> None:
    assert write_usage(Usage())["prompt_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
