"""A real model behind the proxy, heard through both official SDKs, whole and streamed."""

from collections.abc import Iterator
from typing import Any, Final

import anthropic
import openai
import pytest

from dragoman.wire import jsons
from tests.local_model.conftest import KEY, MODEL
from tests.serving import Served

pytestmark = pytest.mark.local_model

SECONDS_PER_ANSWER: Final = 240.0
MOST_TOKENS: Final = 48
PING: Final = "Reply with exactly one word, in lower case: pong"
# So small a model calls its tool again and again unless it is told twice not to.
RULE: Final = "Call a tool when you need its data. Once you have its result, answer in plain words."
QUESTION: Final = "What is the weather in Paris?"
AGAIN: Final = "Thank you. Say in one sentence how warm it is, without calling a tool."
WEATHER: Final = "17 degrees and sunny"
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}

streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture
def messages(proxy: Served) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=proxy.url, api_key=KEY, timeout=SECONDS_PER_ANSWER, max_retries=0) as client:
        yield client


@pytest.fixture
def chat(proxy: Served) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key=KEY, timeout=SECONDS_PER_ANSWER, max_retries=0) as client:
        yield client


def say(client: anthropic.Anthropic, stream: bool, turns: list[Any], **more: Any) -> anthropic.types.Message:
    # The SDK has no parameter for the temperature any more; the API still has.
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": MOST_TOKENS, "extra_body": {"temperature": 0}, **more}
    if not stream:
        answer: anthropic.types.Message = client.messages.create(messages=turns, **asked)
        return answer
    with client.messages.stream(messages=turns, **asked) as heard:
        return heard.get_final_message()


def complete(client: openai.OpenAI, stream: bool, turns: list[Any], **more: Any) -> Any:
    asked: dict[str, Any] = {"model": MODEL, "max_tokens": MOST_TOKENS, "temperature": 0, "messages": turns, **more}
    if not stream:
        return client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as heard:
        return heard.get_final_completion()


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


@streamed
def test_words_over_messages(messages: anthropic.Anthropic, stream: bool) -> None:
    answer = say(messages, stream, [{"role": "user", "content": PING}])
    assert "pong" in text_of(answer).lower()
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) > 0
    assert answer.usage.output_tokens > 0


@streamed
def test_words_over_chat(chat: openai.OpenAI, stream: bool) -> None:
    answer = complete(chat, stream, [{"role": "user", "content": PING}])
    assert "pong" in answer.choices[0].message.content.lower()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


@streamed
def test_a_tool_over_messages(messages: anthropic.Anthropic, stream: bool) -> None:
    tools = [{"name": "get_weather", "description": "The weather in a city now", "input_schema": SCHEMA}]
    turns: list[Any] = [{"role": "user", "content": QUESTION}]
    answer = say(messages, stream, turns, system=RULE, tools=tools)
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [("get_weather", {"city": "Paris"})]
    assert answer.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": calls[0].id, "content": WEATHER}
    more = [result, {"type": "text", "text": AGAIN}]
    turns += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": more}]
    assert "17" in text_of(say(messages, stream, turns, system=RULE, tools=tools))


@streamed
def test_a_tool_over_chat(chat: openai.OpenAI, stream: bool) -> None:
    function = {"name": "get_weather", "description": "The weather in a city now", "parameters": SCHEMA}
    tools = [{"type": "function", "function": function}]
    turns: list[Any] = [{"role": "system", "content": RULE}, {"role": "user", "content": QUESTION}]
    answer = complete(chat, stream, turns, tools=tools)
    (call,) = answer.choices[0].message.tool_calls
    assert (call.function.name, jsons.read(call.function.arguments)) == ("get_weather", {"city": "Paris"})
    assert answer.choices[0].finish_reason == "tool_calls"
    called = {"name": call.function.name, "arguments": call.function.arguments}
    turns += [
        {"role": "assistant", "content": None, "tool_calls": [{"id": call.id, "type": "function", "function": called}]},
        {"role": "tool", "tool_call_id": call.id, "content": WEATHER},
        {"role": "user", "content": AGAIN},
    ]
    assert "17" in complete(chat, stream, turns, tools=tools).choices[0].message.content


def test_calls_that_the_server_gives_out_as_text(proxy_of_plain: Served) -> None:
    """A Chat client is relayed, and so gets the first one as text; what it taught helps everyone."""
    function = {"name": "get_weather", "description": "The weather in a city now", "parameters": SCHEMA}
    tools: list[Any] = [{"type": "function", "function": function}]
    turns: list[Any] = [{"role": "system", "content": RULE}, {"role": "user", "content": QUESTION}]
    expected = ("get_weather", {"city": "Paris"})
    where: dict[str, Any] = {"api_key": KEY, "timeout": SECONDS_PER_ANSWER, "max_retries": 0}
    with openai.OpenAI(base_url=f"{proxy_of_plain.url}/v1", **where) as chat:
        first = complete(chat, True, turns, tools=tools).choices[0]
        assert not first.message.tool_calls
        assert "get_weather" in first.message.content
        second = complete(chat, True, turns, tools=tools).choices[0]
        assert second.finish_reason == "tool_calls"
        (call,) = second.message.tool_calls
        assert (call.function.name, jsons.read(call.function.arguments)) == expected
    with anthropic.Anthropic(base_url=proxy_of_plain.url, **where) as messages:
        declared = [{"name": function["name"], "description": function["description"], "input_schema": SCHEMA}]
        answer = say(messages, False, turns[1:], system=RULE, tools=declared)
        assert [(block.name, block.input) for block in answer.content if block.type == "tool_use"] == [expected]
    assert "gives tool calls out as text" in proxy_of_plain.last_words()
