"""The demo model through the whole app: what an agent sees on an empty machine."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import anthropic
import openai
import pytest

from dragoman.cli.serve import _found_config
from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.gateway import demo
from dragoman.server.app import App
from dragoman.wire import jsons
from tests.conformance.test_sdks import anthropic_answer, openai_answer
from tests.gateway.stage import House, chat_body, messages_body, run, serving_app

SCHEMA: Final = {"type": "object", "properties": {"command": {"type": "string"}}}
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def demo_house() -> AbstractAsyncContextManager[House]:
    """What `dragoman serve` serves where nothing was found."""
    return serving_app(App(ConfigSource(Snapshot.of(_found_config(())))))


@both
def test_it_calls_a_tool_and_then_says_what_it_is(stream: bool) -> None:
    async def main() -> None:
        async with demo_house() as running:
            tools = [{"name": "Bash", "input_schema": SCHEMA}]
            asked: list[Any] = [{"role": "user", "content": "hi"}]
            first = await anthropic_answer(
                running, blocking=False, stream=stream, model=demo.NAME, tools=tools, messages=asked
            )
            assert first.stop_reason == "tool_use"
            assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
            call = first.content[-1]
            assert isinstance(call, anthropic.types.ToolUseBlock)
            assert call.input["command"] == "echo Hello from the Dragoman demo model"
            result = {"type": "tool_result", "tool_use_id": call.id, "content": "Hello"}
            asked += [
                {"role": "assistant", "content": [block.to_dict() for block in first.content]},
                {"role": "user", "content": [result]},
            ]
            second = await anthropic_answer(
                running, blocking=False, stream=stream, model=demo.NAME, tools=tools, messages=asked
            )
            assert second.stop_reason == "end_turn"
            words = second.content[-1]
            assert isinstance(words, anthropic.types.TextBlock)
            assert "built-in demo model" in words.text
            assert second.usage.input_tokens > first.usage.input_tokens > 0

    run(main)


@both
@pytest.mark.parametrize("tool", ["bash", "run_shell_command", "exec_command"])
def test_it_knows_the_shells_of_other_agents(stream: bool, tool: str) -> None:
    async def main() -> None:
        async with demo_house() as running:
            tools = [{"type": "function", "function": {"name": tool, "parameters": SCHEMA}}]
            answer = await openai_answer(running, blocking=False, stream=stream, model=demo.NAME, tools=tools)
            assert answer.choices[0].finish_reason == "tool_calls"
            (call,) = answer.choices[0].message.tool_calls or []
            assert isinstance(call, openai.types.chat.ChatCompletionMessageFunctionToolCall)
            assert call.function.name == tool
            assert "echo Hello" in jsons.write_text(jsons.read(call.function.arguments))

    run(main)


@both
def test_without_a_shell_it_answers_in_words(stream: bool) -> None:
    async def main() -> None:
        async with demo_house() as running:
            answer = await openai_answer(running, blocking=False, stream=stream, model=demo.NAME)
            assert answer.choices[0].finish_reason == "stop"
            assert "OPENAI_API_KEY" in (answer.choices[0].message.content or "")
            assert answer.usage is not None
            assert answer.usage.completion_tokens > 50

    run(main)


def test_it_counts_and_is_listed() -> None:
    async def main() -> None:
        async with demo_house() as running:
            heard = await running.ask("/v1/messages/count_tokens", messages_body(demo.NAME))
            assert heard.json["input_tokens"] > 0
            listed = await running.ask("/v1/models", method="GET")
            assert [one["id"] for one in listed.json["data"]] == [demo.NAME]
            refused = await running.ask("/v1/embeddings", {"model": demo.NAME})
            assert refused.status in (400, 502)
            assert refused.error["message"]

    run(main)


def test_a_client_that_goes_ends_it() -> None:
    async def main() -> None:
        async with demo_house() as running, running.talk() as line:
            await line.say("/v1/chat/completions", chat_body(demo.NAME, stream=True))
            await line.head()
            await line.chunk()

    run(main)
