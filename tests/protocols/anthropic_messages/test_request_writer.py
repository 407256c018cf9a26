"""A Messages request as it is sent. Its parts, the laws and the tables are tested elsewhere."""

from typing import Any

from dragoman.routing.profiles import profile_for
from dragoman.wire import jsons
from tests.asking import C, M, asked
from tests.laws.conversations import CLAUDE_CODE

Object = dict[str, Any]
USER: Object = {"role": "user", "content": "go"}


def test_claude_codes_request_reaches_a_model_that_knows_less() -> None:
    """An alias leads it to an older model: what that one takes, is said in its way."""
    sent = asked(M, CLAUDE_CODE, M, profile_for("anthropic", "claude-sonnet-4-5")).body
    assert "thinking" not in sent  # the reasoning before the last call is not signed
    assert "output_config" not in sent
    assert all(message["role"] != "system" for message in sent["messages"])
    assert "Deferred tools: WebFetch" in jsons.write_text(sent["messages"][0])
    assert sent["context_management"] == CLAUDE_CODE["context_management"]
    assert sent["model"] == "backend-model"


def test_a_trailing_mark_of_the_whole_is_kept() -> None:
    sent = asked(M, {"messages": [USER], "cache_control": {"type": "ephemeral", "ttl": "1h", "x": 1}}, M).body
    assert sent["cache_control"] == {"type": "ephemeral", "ttl": "1h", "x": 1}


def test_a_schema_asked_for_in_words_comes_behind_the_prompt() -> None:
    body = {"messages": [{"role": "system", "content": "A"}, USER], "response_format": {"type": "json_object"}}
    assert [block["text"][:6] for block in asked(C, body, M).body["system"]] == ["A", "Answer"]
