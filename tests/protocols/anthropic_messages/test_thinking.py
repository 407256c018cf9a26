"""How much a Messages backend is asked to think. The table of efforts is in tests/conformance."""

from typing import Any

import pytest

from dragoman.hub.route import Profile
from dragoman.routing.profiles import profile_for
from tests.asking import C, M, Sent, asked
from tests.laws.conversations import QWEN_AS_CLAUDE, call

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}
BUDGET, BOTH, NEW = (profile_for("anthropic", f"claude-{version}") for version in ("sonnet-4-5", "opus-4-6", "opus-5"))
OPUS_4_5 = profile_for("anthropic", "claude-opus-4-5")


def m_to_m(profile: Profile, max_output: int | None = None, **body: object) -> Sent:
    return asked(M, {"max_tokens": 32_000, "messages": [USER], **body}, M, profile, max_output=max_output)


@pytest.mark.parametrize(
    ("profile", "body", "thinking", "effort"),
    [
        (
            BUDGET,
            {"thinking": {"type": "enabled", "budget_tokens": 31_999}},
            {"type": "enabled", "budget_tokens": 31_999},
            None,
        ),
        (
            BUDGET,
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            {"type": "enabled", "budget_tokens": 4_096},
            None,
        ),
        (
            BUDGET,
            {"thinking": {"type": "adaptive", "display": "x"}},
            {"type": "enabled", "budget_tokens": 12_000, "display": "x"},
            None,
        ),
        (OPUS_4_5, {"output_config": {"effort": "max"}}, None, "high"),
        (BOTH, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"type": "adaptive"}, "max"),
        (NEW, {"thinking": {"type": "enabled", "budget_tokens": 5_000}}, {"type": "adaptive"}, "low"),
        (NEW, {"thinking": {"type": "between_tools"}}, {"type": "between_tools"}, None),
        (BOTH, {"thinking": {"type": "between_tools"}}, {"type": "disabled"}, None),
        (NEW, {"thinking": {"type": "disabled", "display": "x"}}, {"type": "disabled", "display": "x"}, None),
        (Profile(thinking_types=("adaptive",)), {"thinking": {"type": "disabled"}}, None, "low"),
        (Profile(thinking_types=("adaptive",), efforts=()), {"thinking": {"type": "disabled"}}, None, None),
        (Profile(thinking_types=()), {"thinking": {"type": "adaptive"}}, None, None),
        (NEW, {}, None, None),
    ],
)
def test_what_this_model_does_not_know_is_said_as_the_nearest(
    profile: Profile, body: Object, thinking: Object | None, effort: str | None
) -> None:
    sent = m_to_m(profile, **body).body
    assert (sent.get("thinking"), sent.get("output_config", {}).get("effort")) == (thinking, effort)


def test_qwen_codes_budget_is_its_whole_limit() -> None:
    """The API refuses it: the budget has to stay below the limit."""
    sent = asked(M, QWEN_AS_CLAUDE, M, BUDGET)
    assert (sent.body["max_tokens"], sent.body["thinking"]["budget_tokens"]) == (32_000, 30_976)
    assert sent.losses["thinking.budget_tokens"] is False
    roomy = asked(M, QWEN_AS_CLAUDE, M, BUDGET, max_output=64_000).body
    assert (roomy["max_tokens"], roomy["thinking"]["budget_tokens"]) == (64_000, 32_000)


def test_no_room_to_think_is_no_thinking() -> None:
    sent = m_to_m(BUDGET, max_tokens=1_500, thinking={"type": "enabled", "budget_tokens": 1_500})
    assert "thinking" not in sent.body
    assert sent.losses["max_tokens"] is True


def c_to_m(profile: Profile, *messages: Object, **body: object) -> Sent:
    return asked(
        C, {"messages": [USER, *messages], "reasoning_effort": "high", "max_tokens": 64_000, **body}, M, profile
    )


CALLED: Object = {"role": "assistant", "tool_calls": [call("a", "f", "{}")]}
ANSWERED: Object = {"role": "tool", "tool_call_id": "a", "content": "ok"}


@pytest.mark.parametrize(
    ("messages", "body", "thinks"),
    [
        ([], {}, True),
        ([{"role": "assistant", "content": "a"}, USER], {}, True),
        ([CALLED, ANSWERED], {}, False),
        ([CALLED, ANSWERED, USER], {}, False),
        ([CALLED, ANSWERED, {"role": "assistant", "content": "a"}, USER], {}, True),
        ([{"role": "assistant", "content": "It is"}], {}, False),
        ([], {"tools": [{"function": {"name": "f"}}], "tool_choice": "required"}, False),
    ],
)
def test_thinking_by_budget_is_left_out_where_it_would_be_a_400(
    messages: list[Object], body: Object, thinks: bool
) -> None:
    sent = c_to_m(BUDGET, *messages, **body)
    assert ("thinking" in sent.body) == thinks
    assert sent.losses.get("reasoning_effort", False) != thinks


def test_thinking_by_effort_minds_forced_tools_only() -> None:
    assert "thinking" in c_to_m(NEW, CALLED, ANSWERED).body
    forced = c_to_m(
        NEW, tools=[{"function": {"name": "f"}}], tool_choice={"type": "function", "function": {"name": "f"}}
    )
    assert "thinking" not in forced.body
    assert "output_config" not in forced.body
    assert forced.losses["reasoning_effort"] is True


def test_a_client_of_the_same_dialect_is_told_in_its_own_words() -> None:
    sent = m_to_m(BUDGET, thinking={"type": "adaptive"}, tools=[{"name": "f"}], tool_choice={"type": "any"})
    assert "thinking" not in sent.body
    assert sent.losses["thinking"] is True
