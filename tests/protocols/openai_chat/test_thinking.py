"""How much a Chat backend is asked to think. The tables of efforts and switches are in tests/conformance."""

from typing import Any

import pytest

from dragoman.hub.route import Profile
from dragoman.routing.profiles import profile_for
from tests.asking import C, asked

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}


@pytest.mark.parametrize(
    ("profile", "effort", "said"),
    [
        (profile_for("generic", "m"), "high", {"reasoning_effort": "high"}),  # its own client knows it better
        (profile_for("openai", "gpt-5"), "xhigh", {"reasoning_effort": "high"}),
        (profile_for("openai", "o3"), "none", {}),
        (profile_for("vllm", "Qwen3-8B"), "none", {"chat_template_kwargs": {"enable_thinking": False}}),
        (profile_for("vllm", "Qwen3-8B"), "high", {"chat_template_kwargs": {"enable_thinking": True}}),
        (
            Profile(efforts=("none", "low"), template_effort=True),
            "none",
            {"reasoning_effort": "none", "chat_template_kwargs": {"reasoning_effort": "none"}},
        ),
        (
            Profile(efforts=("low",), thinking_switch="t", template_effort=True),
            "low",
            {"reasoning_effort": "low", "chat_template_kwargs": {"t": True, "reasoning_effort": "low"}},
        ),
        (Profile(), None, {}),
    ],
)
def test_chat_clients(profile: Profile, effort: str | None, said: Object) -> None:
    sent = asked(C, {"messages": [USER], "reasoning_effort": effort, "stream": True}, C, profile).body
    assert {key: sent[key] for key in ("reasoning_effort", "chat_template_kwargs") if key in sent} == said


def test_what_the_client_says_of_the_template_itself_stays() -> None:
    body = {"messages": [USER], "reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": False, "x": 1}}
    sent = asked(C, body, C, profile_for("vllm", "Qwen3-8B")).body
    assert sent["chat_template_kwargs"] == {"enable_thinking": False, "x": 1}
