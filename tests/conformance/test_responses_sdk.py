"""The official OpenAI SDK speaks Responses, blocking and not, streamed and whole, before backends of every dialect."""

import asyncio
from typing import Any, Final

import httpx2
import openai
import pytest

from dragoman.wire import jsons
from tests.agents.script import Call, FreeCall, Thought, Words
from tests.conformance.test_sdks import KEY, SCHEMA, broken, openai_client
from tests.gateway.stage import House, house, model, origin, playback, replies, run, says, whole
from tests.net.scripted import Backend

blocking = pytest.mark.parametrize("blocking", [False, True], ids=["async", "sync"])
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
backends = pytest.mark.parametrize("type_", ["openai", "anthropic", "responses"])
TOOL: Final = {"type": "function", "name": "weather", "parameters": SCHEMA}


def at(backend: Backend, type_: str, **more: Any) -> dict[str, Any]:
    return model("m", origin(backend) + ("" if type_ == "anthropic" else "/v1"), type=type_, **more)


async def answer_of(running: House, *, blocking: bool, stream: bool, **more: Any) -> openai.types.responses.Response:
    body: dict[str, Any] = {"model": "m", "input": "hi", **more}
    if blocking:
        return await asyncio.to_thread(_blocking, running.url, body, stream=stream)
    async with openai_client(running) as client:
        if not stream:
            whole_answer: openai.types.responses.Response = await client.responses.create(**body)
            return whole_answer
        async with client.responses.stream(**body) as answer:
            return await answer.get_final_response()


def _blocking(url: str, body: dict[str, Any], *, stream: bool) -> openai.types.responses.Response:
    plain = httpx2.Client(verify=False)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, http_client=plain) as client:
        if not stream:
            whole_answer: openai.types.responses.Response = client.responses.create(**body)
            return whole_answer
        with client.responses.stream(**body) as answer:
            return answer.get_final_response()


@blocking
@streamed
@backends
def test_the_sdk_hears_thoughts_words_and_calls(blocking: bool, stream: bool, type_: str) -> None:
    async def main() -> None:
        said = says(Thought("hmm "), Words("Let me look."), Call("weather", {"city": "Köln"}))
        async with playback(said) as backend, house([at(backend, type_)]) as running:
            answer = await answer_of(running, blocking=blocking, stream=stream, tools=[TOOL])
            assert [item.type for item in answer.output] == ["reasoning", "message", "function_call"]
            assert answer.output_text == "Let me look."
            call = answer.output[2]
            assert call.type == "function_call"
            assert (call.name, jsons.read(call.arguments)) == ("weather", {"city": "Köln"})
            assert answer.status == "completed"
            assert answer.usage is not None
            assert (answer.usage.input_tokens, answer.usage.input_tokens_details.cached_tokens) == (1500, 300)
            assert answer.usage.output_tokens == 42

    run(main)


@streamed
@pytest.mark.parametrize("type_", ["openai", "anthropic"])
def test_the_sdk_hears_free_text(stream: bool, type_: str) -> None:
    async def main() -> None:
        patch = '*** Begin Patch\n+"ä😀\\n"\n*** End Patch\n'
        said = says(Call("apply_patch", {"input": patch}))
        async with playback(said) as backend, house([at(backend, type_)]) as running:
            tool = {"type": "custom", "name": "apply_patch"}
            answer = await answer_of(running, blocking=False, stream=stream, tools=[tool])
            (call,) = answer.output
            assert call.type == "custom_tool_call"
            assert call.input == patch

    run(main)


@streamed
def test_free_text_of_its_own_dialect_is_relayed(stream: bool) -> None:
    async def main() -> None:
        async with (
            playback(says(FreeCall("apply_patch", "raw"))) as backend,
            house([at(backend, "responses")]) as running,
        ):
            answer = await answer_of(running, blocking=False, stream=stream)
            (call,) = answer.output
            assert (call.type, getattr(call, "input", None)) == ("custom_tool_call", "raw")

    run(main)


@streamed
@backends
@pytest.mark.parametrize(
    ("status", "error", "class_"),
    [
        (400, {"message": "temperature must be below 2"}, "BadRequestError"),
        (401, {"message": "no"}, "InternalServerError"),
        (429, {"message": "slow down"}, "RateLimitError"),
        (500, {"message": "oops"}, "InternalServerError"),
    ],
)
def test_errors_are_the_class_that_programs_act_on(
    stream: bool, type_: str, status: int, error: dict[str, Any], class_: str
) -> None:
    async def main() -> None:
        async with (
            playback(replies(whole({"error": error}, status, "retry-after: 7"))) as backend,
            house([at(backend, type_)]) as running,
        ):
            with pytest.raises(openai.APIStatusError) as raised:
                await answer_of(running, blocking=False, stream=stream)
            assert type(raised.value).__name__ == class_
            assert raised.value.response.headers["retry-after"] == "7"

    run(main)


@streamed
def test_an_unknown_model_is_a_400_for_codex(stream: bool) -> None:
    async def main() -> None:
        async with house([model("qwen-coder", "http://127.0.0.1:9")]) as running:
            with pytest.raises(openai.BadRequestError, match="did you mean 'qwen-coder'"):
                await answer_of(running, blocking=False, stream=stream, model="qwen-codr")

    run(main)


@pytest.mark.parametrize("type_", ["openai", "anthropic"])
@pytest.mark.parametrize("how", ["reset", "closed", "ended", "error"])
def test_a_stream_that_breaks_off_fails(type_: str, how: str) -> None:
    async def main() -> None:
        async with (
            playback(broken(type_, how)) as backend,
            house([at(backend, type_)]) as running,
            openai_client(running) as client,
        ):
            body: Any = {"model": "m", "input": "hi"}
            async with client.responses.stream(**body) as answer:
                events = [event async for event in answer]
            last = events[-1]
            assert last.type == "response.failed"
            assert last.response.error is not None
            assert not any(item.type == "function_call" for item in last.response.output)

    run(main)
