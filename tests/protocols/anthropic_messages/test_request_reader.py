"""A Messages request as a whole; its parts have files of their own."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import OutputFormat, Reasoning, Request, Sampling
from tests.asking import M, read
from tests.laws.conversations import CLAUDE_CODE

Object = dict[str, Any]
USER = [{"role": "user", "content": "x"}]


def request(**body: object) -> Request:
    return read(M, {"model": "m", "messages": USER, **body})


def test_claude_codes_request() -> None:
    said = read(M, CLAUDE_CODE)
    assert [turn.role for turn in said.turns[:4]] == ["system", "user", "system", "assistant"]
    assert [turn.path for turn in said.turns[:3]] == ["system", "messages[0]", "messages[1]"]
    assert (said.stream, said.max_tokens) == (True, 32_000)
    assert said.session == "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
    assert said.reasoning == Reasoning("adaptive", "high", None, "updates")
    assert list(said.extra) == ["context_management"]


def test_the_session_in_a_header_counts_more() -> None:
    assert read(M, CLAUDE_CODE, {"x-claude-code-session-id": "h"}).session == "h"


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        ({}, Reasoning()),
        ({"thinking": {"type": "adaptive"}}, Reasoning("adaptive")),
        ({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, Reasoning("budget", None, 2_000)),
        ({"thinking": {"type": "enabled"}}, Reasoning("budget")),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Reasoning("off", "low")),
        ({"thinking": {"type": "between_tools", "display": "x"}}, Reasoning("between_tools", None, None, "x")),
        ({"thinking": {"display": "x"}}, Reasoning(None, None, None, "x")),
        ({"output_config": {"effort": "max"}}, Reasoning(None, "max")),
        ({"output_config": {}}, Reasoning()),
    ],
)
def test_reasoning(body: Object, reasoning: Reasoning) -> None:
    assert request(**body).reasoning == reasoning


def test_settings() -> None:
    said = request(
        temperature=1,
        top_p=0.5,
        top_k=5,
        stop_sequences=["a"],
        service_tier="auto",
        cache_control={"type": "ephemeral"},
    )
    assert said.sampling == Sampling(temperature=1, top_p=0.5, top_k=5)
    assert (said.stop, said.service_tier) == (("a",), "auto")
    assert said.cache is not None


def test_what_no_reader_names_is_kept_where_it_stood() -> None:
    said = request(
        metadata={"user_id": "u", "x": 1},
        output_config={"format": {"type": "json_schema", "schema": {}, "y": 2}, "task_budget": 3},
        thinking={"type": "adaptive", "block_binding": 4},
        tool_choice={"type": "auto", "z": 5},
        quantum=6,
    )
    assert said.output_format == OutputFormat({})
    assert said.extra == {
        "quantum": 6,
        "metadata": {"x": 1},
        "output_config": {"task_budget": 3, "format": {"y": 2}},
        "thinking": {"block_binding": 4},
        "tool_choice": {"z": 5},
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": 7}, "model: must be a string"),
        ({"messages": None}, "messages: is required and must be a list of messages"),
        ({"messages": []}, "messages: must hold at least one message"),
        ({"messages": {}}, "messages: must be a list"),
        ({"max_tokens": "many"}, "max_tokens: must be an integer"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id: must be a string"),
        (
            {"output_config": {"effort": "huge"}},
            "output_config.effort: must be one of low, medium, high, xhigh, max, not 'huge'",
        ),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type: must be json_schema"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema: is required"),
        (
            {"thinking": {"type": "deep"}},
            "thinking.type: must be adaptive, enabled, disabled or between_tools, not 'deep'",
        ),
        ({"thinking": "deep"}, "thinking: must be an object"),
        ({"stream": "yes"}, "stream: must be true or false"),
    ],
)
def test_what_cannot_be_asked_is_named(body: Object, said: str) -> None:
    with pytest.raises(Problem) as refused:
        request(**body)
    assert refused.value.public.startswith(said)


def test_a_request_without_a_model_is_named() -> None:
    with pytest.raises(Problem, match="model: is required"):
        read(M, {"messages": USER})
