"""The scripted backend is what the official SDKs take for a real one, and strict about who asks and how."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.agents.heard import shape
from tests.agents.scenarios import DONE, THOUGHT, Wire
from tests.agents.scripted_backend import WIRES, ScriptedBackend
from tests.agents.wires import chat

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"command": {"type": "string"}}}
ASK: Any = [{"role": "user", "content": "Do as you are told."}]
FUNCTION: Any = {"type": "function", "function": {"name": "Bash", "parameters": SCHEMA}}


every_wire = pytest.mark.parametrize("backend", ["chat", "messages", "responses"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScriptedBackend]:
    with ScriptedBackend(request.param) as scripted:
        scripted.play("reason", "reason", tmp_path)
        scripted.play("tool", "tool", tmp_path)
        yield scripted


def openai_client(backend: ScriptedBackend, key: str | None = None) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{backend.url}/v1", api_key=key or backend.key, max_retries=0)


def anthropic_client(backend: ScriptedBackend, key: str | None = None) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=backend.url, api_key=key or backend.key, max_retries=0)


@pytest.mark.parametrize("backend", ["chat"], indirect=True)
def test_chat(backend: ScriptedBackend) -> None:
    with openai_client(backend) as client:
        whole = client.chat.completions.create(model="tool", messages=ASK, tools=[FUNCTION])
        with client.chat.completions.stream(model="tool", messages=ASK, tools=[FUNCTION]) as stream:
            streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        message = answer.choices[0].message
        assert message.tool_calls
        assert "cat lab.txt" in message.tool_calls[0].model_dump()["function"]["arguments"]
        assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("backend", ["messages"], indirect=True)
def test_messages(backend: ScriptedBackend) -> None:
    tools: Any = [{"name": "Bash", "input_schema": SCHEMA}]
    with anthropic_client(backend) as client:
        whole = client.messages.create(model="tool", max_tokens=99, messages=ASK, tools=tools)
        with client.messages.stream(model="tool", max_tokens=99, messages=ASK, tools=tools) as stream:
            streamed = stream.get_final_message()
    for answer in (whole, streamed):
        thinking, call = answer.content
        assert (thinking.type, call.type, answer.stop_reason) == ("thinking", "tool_use", "tool_use")
        assert call.model_dump()["input"]["command"] == "cat lab.txt"


@pytest.mark.parametrize("backend", ["responses"], indirect=True)
def test_responses(backend: ScriptedBackend) -> None:
    tools: Any = [{"type": "function", "name": "Bash", "parameters": SCHEMA, "strict": False}]
    with openai_client(backend) as client:
        whole = client.responses.create(model="tool", input="Do it.", tools=tools)
        with client.responses.stream(model="tool", input="Do it.", tools=tools) as stream:
            streamed = stream.get_final_response()
        words = client.responses.create(model="reason", input="Do it.", tools=tools)
    for answer in (whole, streamed):
        assert [item.type for item in answer.output] == ["reasoning", "function_call"]
        assert "cat lab.txt" in answer.output[1].model_dump()["arguments"]
    assert words.output_text == DONE
    assert THOUGHT in str(words.output[0])


def ask(wire: Wire, backend: ScriptedBackend, key: str | None = None) -> None:
    with anthropic_client(backend, key) as messages, openai_client(backend, key) as other:
        match wire:
            case "messages":
                messages.messages.create(model="tool", max_tokens=99, messages=ASK)
            case "chat":
                other.chat.completions.create(model="tool", messages=ASK)
            case "responses":
                other.responses.create(model="tool", input="Do it.")


@every_wire
def test_another_dialect_finds_nothing(backend: ScriptedBackend) -> None:
    for wire in WIRES.keys() - {backend.wire}:
        with pytest.raises((anthropic.NotFoundError, openai.NotFoundError), match="serves no POST"):
            ask(wire, backend)
    assert backend.recorded("tool") == []


@every_wire
def test_another_key_is_refused(backend: ScriptedBackend) -> None:
    with pytest.raises((anthropic.AuthenticationError, openai.AuthenticationError), match="key"):
        ask(backend.wire, backend, key="other")
    assert backend.recorded("tool") == []


CALL = {"id": "c1", "type": "function", "function": {"name": "Bash", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"messages": [*ASK, CALLING, RESULT]}, None),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, None),
        ({"messages": ASK, "thinking": {"type": "adaptive"}}, "thinking"),
        ({"messages": [{"role": "human", "content": "hello"}]}, "'human' is unknown"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "type 'image'"),
        ({"messages": [*ASK, CALLING, *ASK, RESULT]}, "before the results of 1 tool calls"),
        ({"messages": [*ASK, RESULT]}, "answers no call"),
        ({"messages": [*ASK, CALLING, {**RESULT, "content": [PICTURE]}]}, "text only"),
    ],
)
def test_what_a_strict_chat_backend_would_refuse(body: dict[str, Any], complaint: str | None) -> None:
    complaints = chat.read(body).complaints
    if complaint is None:
        assert complaints == ()
    else:
        assert complaint in " ".join(complaints)


def test_a_shape_keeps_names_and_tells_no_prose() -> None:
    body = {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "secret"}]}],
        "tools": [FUNCTION, {"name": "Read", "description": "secret"}],
    }
    assert shape(body) == {
        "model": "m",
        "max_tokens": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "<6 characters>"}]}],
        "tools": ["Bash", "Read"],
    }
