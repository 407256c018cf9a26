"""Token counts of Messages."""

from typing import Any

import pytest
from hypothesis import given

from dragoman.hub.usage import Usage
from dragoman.protocols.anthropic_messages.usage import Said, read_usage, write_usage
from tests.laws import making


def test_input_is_all_of_the_prompt() -> None:
    said = {
        "input_tokens": 100,
        "cache_read_input_tokens": 800,
        "cache_creation_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "standard",
    }
    usage = Usage(
        input=1000,
        cache_read=800,
        cache_written=100,
        cache_written_1h=40,
        output=50,
        reasoning=20,
        searches=2,
        fetches=1,
    )
    assert read_usage(said) == usage
    assert write_usage(usage) == said


@pytest.mark.parametrize(
    "said", [None, 7, [], {}, {"input_tokens": None}, {"output_tokens": -1}, {"cache_creation": 7}]
)
def test_nothing_said(said: Any) -> None:
    assert read_usage(said) is None


def test_every_field_is_always_there() -> None:
    assert write_usage(Usage()) == {
        "input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 0,
        "server_tool_use": None,
        "service_tier": "standard",
    }


@given(making.usages("anthropic-messages"))
def test_what_is_written_is_read(usage: Usage) -> None:
    assert read_usage(write_usage(usage)) == usage


def test_a_stream_says_its_counts_in_parts() -> None:
    said = Said()
    assert said.updated({"input_tokens": 1, "cache_read_input_tokens": 171, "output_tokens": 0}) == Usage(
        input=172, cache_read=171, output=0
    )
    assert said.updated({"output_tokens": 31}) == Usage(input=172, cache_read=171, output=31)
    assert said.updated({"input_tokens": 5, "cache_read_input_tokens": None}) == Usage(
        input=176, cache_read=171, output=31
    )
    assert said.updated(None) is None
