"""A Chat Completions request as it is sent. Its parts, the laws and the tables are tested elsewhere."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.request import OutputFormat, Request, Text, Turn
from dragoman.hub.route import Profile
from dragoman.routing.profiles import profile_for
from tests.asking import PLAIN, C, M, R, asked, route_to, write
from tests.laws.conversations import CLAUDE_CODE, PNG

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}


def test_claude_codes_request_reaches_a_local_model() -> None:
    sent = asked(M, CLAUDE_CODE, C, profile_for("vllm", "Qwen3-Coder"), context_window=131_072)
    said = [(m["role"], m["content"]) for m in sent.messages]
    assert said[0] == ("system", "You are a coding agent.\n\nWork in small steps.")
    assert said[1][0] == "user"
    assert said[1][1].endswith(
        "Look at shot.png\n\n<system-reminder>\nDeferred tools: WebFetch, Monitor\n</system-reminder>"
    )
    assert [c["id"] for c in sent.messages[2]["tool_calls"]] == ["toolu_01A", "toolu_01B"]
    assert sent.messages[2]["reasoning"] == "Two things at once."
    assert said[3:5] == [("tool", "[image 1 attached below]"), ("tool", "[tool error] ls: cannot access")]
    assert [part["type"] for part in said[5][1]] == ["text", "image_url"]
    assert said[7] == ("tool", "The tool WebFetch is now available.")
    assert said[8] == ("user", "Tool loaded.\n\n<system-reminder>\n1,234 tokens left\n</system-reminder>")
    assert said[10] == ("tool", "PDF of 1 page\n[document: asked-model cannot read this kind of file]")
    assert [t["function"]["name"] for t in sent.body["tools"]] == ["Bash", "Read", "ToolSearch", "WebFetch"]
    assert sent.body["max_tokens"] == 32_000
    assert PNG in str(said[5][1])
    assert not {"metadata", "context_management", "thinking", "output_config", "system"} & sent.body.keys()


def test_a_client_is_heard_to_its_own_dialect_even_where_a_backend_is_odd() -> None:
    body = {
        "messages": [{"role": "developer", "content": "A"}, USER],
        "max_tokens": 7,
        "stream": True,
        "stream_options": {"x": 1},
        "temperature": 0.5,
        "top_k": 5,
    }
    sent = asked(C, body, C, profile_for("mistral", "mistral-large")).body
    assert sent["messages"][0]["role"] == "system"
    assert "stream_options" not in sent
    assert (sent["max_tokens"], sent["top_k"]) == (7, 5)
    reasoning = asked(C, body, C, profile_for("openai", "gpt-6"))
    assert (reasoning.body["max_completion_tokens"], "temperature" in reasoning.body) == (7, False)
    assert reasoning.losses["temperature"] is True


@pytest.mark.parametrize(("value", "warned"), [(1, False), (0.5, True)])
def test_a_default_that_cannot_be_said_is_no_loss(value: float, warned: bool) -> None:
    sent = asked(M, {"max_tokens": 9, "messages": [USER], "temperature": value}, C, profile_for("openai", "gpt-6"))
    assert sent.losses["temperature"] is warned


def test_a_format_with_a_description() -> None:
    wanted = OutputFormat({"a": 1}, "n", "d", strict=False)
    request = Request(dialect=C, model="m", turns=(Turn("user", (Text("x"),)),), output_format=wanted)
    said = write(request, route_to(C, PLAIN[C])).body["response_format"]["json_schema"]
    assert said == {"name": "n", "description": "d", "schema": {"a": 1}, "strict": False}
    bare = Request(dialect=C, model="m", turns=(Turn("user", (Text("x"),)),), output_format=OutputFormat())
    assert write(bare, route_to(C, PLAIN[C])).body["response_format"] == {"type": "json_object"}


def test_a_prefill_behind_calls_is_none() -> None:
    use = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    sent = asked(M, {"max_tokens": 9, "messages": [USER, {"role": "assistant", "content": [use]}]}, C, Profile())
    assert [m["role"] for m in sent.messages] == ["user", "assistant", "tool"]


def test_a_client_of_the_same_dialect_may_begin_the_answer_as_it_knows_how() -> None:
    begun = {"role": "assistant", "content": "It is", "prefix": True}
    assert asked(C, {"messages": [USER, begun]}, C, Profile()).messages[-1] == begun
    with pytest.raises(Problem, match="prefill"):
        asked(M, {"max_tokens": 9, "messages": [USER, {"role": "assistant", "content": "It is"}]}, C, Profile())


def test_the_beginning_of_an_answer_may_be_taken_for_past() -> None:
    begun = {"role": "assistant", "content": [{"type": "text", "text": "It is"}]}
    sent = asked(M, {"max_tokens": 9, "messages": [USER, begun]}, C, Profile(), policy="lenient")
    assert sent.messages[-1] == {"role": "assistant", "content": "It is"}
    assert sent.losses["messages"] is True


def test_what_the_assistant_said_last_is_past_for_a_responses_client() -> None:
    """Qwen Code (0.24) leaves its own words at the end when it has compacted in the middle of a turn."""
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "Got it."}]}
    for profile in (Profile(), Profile(prefill="prefix"), Profile(prefill="continue_final_message")):
        sent = asked(R, {"input": [{"role": "user", "content": "go"}, said]}, C, profile)
        assert sent.messages[-1] == {"role": "assistant", "content": "Got it."}
        assert "continue_final_message" not in sent.body


def test_several_answers_are_not_lost_without_a_word() -> None:
    body = {"messages": [USER], "n": 2}
    with pytest.raises(Problem, match="n: what the proxy translates is answered once") as caught:
        asked(C, body, C)
    assert caught.value.param == "n"
    lenient = asked(C, body, C, policy="lenient")
    assert ("n" in lenient.body, lenient.losses["n"]) == (False, True)
    assert asked(C, {**body, "n": 1}, C).body["n"] == 1
