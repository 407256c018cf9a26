"""The official SDKs, blocking and not, streamed and whole, before backends of both dialects."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import anthropic
import httpx2
import openai
import pytest

from dragoman.wire import jsons
from tests.agents.script import Call, Thought, Words
from tests.agents.wires import chat, messages
from tests.gateway.stage import (
    NOBODY,
    SECRETS,
    Answer,
    House,
    cuts_after,
    hangs_after,
    house,
    model,
    origin,
    playback,
    replies,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Backend

KEY: Final = "sk-client-0123456789abcdef"
PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(40)).decode()
SCHEMA: Final = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

blocking = pytest.mark.parametrize("blocking", [False, True], ids=["async", "sync"])
streamed = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
backends = pytest.mark.parametrize("type_", ["openai", "anthropic"])


def at(backend: Backend, type_: str, **more: Any) -> dict[str, Any]:
    return model("m", origin(backend) + ("/v1" if type_ == "openai" else ""), type=type_, **more)


def heard(asked: Asked) -> Any:
    wire = messages if "/messages" in asked.line else chat
    understood = wire.read(jsons.read(asked.body))
    assert not understood.complaints
    return understood


def anthropic_client(running: House) -> anthropic.AsyncAnthropic:
    """Without authorities to trust, whose loading is most of what a client costs."""
    plain = httpx2.AsyncClient(verify=False)
    return anthropic.AsyncAnthropic(base_url=running.url, api_key=KEY, max_retries=0, http_client=plain)


def openai_client(running: House) -> openai.AsyncOpenAI:
    plain = httpx2.AsyncClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, http_client=plain)


async def anthropic_answer(running: House, *, blocking: bool, stream: bool, **more: Any) -> anthropic.types.Message:
    body: dict[str, Any] = {
        "model": "m",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "hi"}],
        **more,
    }
    if blocking:
        return await asyncio.to_thread(_anthropic_blocking, running.url, body, stream=stream)
    async with anthropic_client(running) as client:
        if not stream:
            whole_answer: anthropic.types.Message = await client.messages.create(**body)
            return whole_answer
        async with client.messages.stream(**body) as answer:
            return await answer.get_final_message()


def _anthropic_blocking(url: str, body: dict[str, Any], *, stream: bool) -> anthropic.types.Message:
    plain = httpx2.Client(verify=False)
    with anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0, http_client=plain) as client:
        if not stream:
            whole_answer: anthropic.types.Message = client.messages.create(**body)
            return whole_answer
        with client.messages.stream(**body) as answer:
            return answer.get_final_message()


async def openai_answer(
    running: House, *, blocking: bool, stream: bool, **more: Any
) -> openai.types.chat.ChatCompletion:
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **more}
    if blocking:
        return await asyncio.to_thread(_openai_blocking, running.url, body, stream=stream)
    async with openai_client(running) as client:
        if not stream:
            whole_answer: openai.types.chat.ChatCompletion = await client.chat.completions.create(**body)
            return whole_answer
        async with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as answer:
            return await answer.get_final_completion()


def _openai_blocking(url: str, body: dict[str, Any], *, stream: bool) -> openai.types.chat.ChatCompletion:
    plain = httpx2.Client(verify=False)
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, http_client=plain) as client:
        if not stream:
            whole_answer: openai.types.chat.ChatCompletion = client.chat.completions.create(**body)
            return whole_answer
        with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as answer:
            return answer.get_final_completion()


SDKs: Final[dict[str, Callable[..., Awaitable[Any]]]] = {"anthropic": anthropic_answer, "openai": openai_answer}
# Typed as one of them: they look alike.
STATUS_ERRORS: Final[tuple[type[anthropic.APIStatusError], ...]] = (
    anthropic.APIStatusError,
    cast("type[anthropic.APIStatusError]", openai.APIStatusError),
)
sdks = pytest.mark.parametrize("sdk", SDKs)


@blocking
@streamed
@backends
def test_the_anthropic_sdk_hears_thoughts_words_and_calls(blocking: bool, stream: bool, type_: str) -> None:
    async def main() -> None:
        said = says(Thought("hmm "), Words("Let me look."), Call("weather", {"city": "Köln"}))
        async with playback(said) as backend, house([at(backend, type_)]) as running:
            tools = [{"name": "weather", "description": "d", "input_schema": SCHEMA}]
            answer = await anthropic_answer(running, blocking=blocking, stream=stream, tools=tools)
            blocks = [block.to_dict() for block in answer.content]
            assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
            assert blocks[0]["thinking"] == "hmm "
            assert blocks[1]["text"] == "Let me look."
            assert (blocks[2]["name"], blocks[2]["input"]) == ("weather", {"city": "Köln"})
            assert answer.stop_reason == "tool_use"
            assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (1200, 300)
            assert answer.usage.output_tokens == 42
            assert heard(backend.asked[0]).tools == ("weather",)

    run(main)


@blocking
@streamed
@backends
def test_the_openai_sdk_hears_thoughts_words_and_calls(blocking: bool, stream: bool, type_: str) -> None:
    async def main() -> None:
        said = says(Thought("hmm "), Words("Let me look."), Call("weather", {"city": "Köln"}))
        async with playback(said) as backend, house([at(backend, type_)]) as running:
            tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
            answer = await openai_answer(running, blocking=blocking, stream=stream, tools=tools)
            choice = answer.choices[0]
            assert choice.message.content == "Let me look."
            assert choice.finish_reason == "tool_calls"
            calls = choice.message.tool_calls or []
            assert [(c.function.name, jsons.read(c.function.arguments)) for c in calls if c.type == "function"] == [
                ("weather", {"city": "Köln"})
            ]
            assert answer.usage is not None
            assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1500, 42)
            assert heard(backend.asked[0]).tools == ("weather",)

    run(main)


@backends
def test_anthropic_images_and_tool_results_reach_the_backend(type_: str) -> None:
    async def main() -> None:
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        conversation = [
            {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "t", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}]},
        ]
        async with playback(says(Words("ok"))) as backend, house([at(backend, type_)]) as running:
            tools = [{"name": "t", "input_schema": SCHEMA}]
            await anthropic_answer(running, blocking=False, stream=False, messages=conversation, tools=tools)
            understood = heard(backend.asked[0])
            assert understood.images == (base64.b64decode(PNG),)
            assert list(understood.results.values()) == ["sunny"]

    run(main)


@backends
def test_openai_images_and_tool_results_reach_the_backend(type_: str) -> None:
    async def main() -> None:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        call = {"id": "call_1", "type": "function", "function": {"name": "t", "arguments": "{}"}}
        conversation = [
            {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ]
        async with playback(says(Words("ok"))) as backend, house([at(backend, type_)]) as running:
            tools = [{"type": "function", "function": {"name": "t", "parameters": SCHEMA}}]
            await openai_answer(running, blocking=False, stream=False, messages=conversation, tools=tools)
            understood = heard(backend.asked[0])
            assert understood.images == (base64.b64decode(PNG),)
            assert list(understood.results.values()) == ["sunny"]

    run(main)


# Errors: the class the SDK raises is what programs act on.

ERRORS: Final[list[tuple[str, int, dict[str, Any], str, str, str]]] = [
    # what the backend says, and the classes the two SDKs raise
    (
        "bad request",
        400,
        {"message": "temperature must be below 2"},
        "BadRequestError",
        "BadRequestError",
        "temperature",
    ),
    ("unprocessable", 422, {"message": "tools.0: wrong"}, "BadRequestError", "BadRequestError", "tools.0"),
    ("our key", 401, {"message": "no"}, "InternalServerError", "InternalServerError", "credentials"),
    ("our key", 403, {"message": "no"}, "InternalServerError", "InternalServerError", "credentials"),
    ("rate limit", 429, {"message": "slow down"}, "RateLimitError", "RateLimitError", "slow down"),
    ("error", 500, {"message": "oops"}, "InternalServerError", "InternalServerError", "oops"),
    ("overloaded", 503, {"message": "busy"}, "OverloadedError", "InternalServerError", "busy"),
    ("overloaded", 529, {"message": "busy"}, "OverloadedError", "InternalServerError", "busy"),
]


@sdks
@streamed
@backends
@pytest.mark.parametrize(
    ("status", "error", "of_anthropic", "of_openai", "word"),
    [e[1:] for e in ERRORS],
    ids=[f"{e[0]}-{e[1]}" for e in ERRORS],
)
def test_errors_are_the_class_that_programs_act_on(
    sdk: str, stream: bool, type_: str, status: int, error: dict[str, Any], of_anthropic: str, of_openai: str, word: str
) -> None:
    async def main() -> None:
        async with (
            playback(replies(whole({"error": error}, status, "retry-after: 7"))) as backend,
            house([at(backend, type_)]) as running,
        ):
            wanted = of_anthropic if sdk == "anthropic" else of_openai
            with pytest.raises(STATUS_ERRORS) as raised:
                await SDKs[sdk](running, blocking=False, stream=stream)
            assert type(raised.value).__name__ == wanted
            assert word in str(raised.value)
            assert raised.value.response.headers["retry-after"] == "7"
            assert raised.value.request_id
            assert not any(secret in raised.value.response.content for secret in SECRETS)

    run(main)


@sdks
@streamed
def test_a_backend_that_is_not_there_is_a_502(sdk: str, stream: bool) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            with pytest.raises(STATUS_ERRORS) as raised:
                await SDKs[sdk](running, blocking=False, stream=stream)
            assert raised.value.status_code == 502
            assert "refused the connection" in str(raised.value)

    run(main)


@sdks
@streamed
def test_an_unknown_model_is_a_404_that_names_a_near_one(sdk: str, stream: bool) -> None:
    async def main() -> None:
        async with house([model("qwen-coder", NOBODY)]) as running:
            with pytest.raises((anthropic.NotFoundError, openai.NotFoundError)) as raised:
                await SDKs[sdk](running, blocking=False, stream=stream, model="qwen-codr")
            assert "model 'qwen-codr' not found: did you mean 'qwen-coder'?" in str(raised.value)

    run(main)


@sdks
@blocking
def test_a_wrong_key_is_an_authentication_error(sdk: str, blocking: bool) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], keys=[{"key": "sk-another-0123456789"}]) as running:
            with pytest.raises((anthropic.AuthenticationError, openai.AuthenticationError)):
                await SDKs[sdk](running, blocking=blocking, stream=False)

    run(main)


@sdks
def test_a_body_that_is_too_large_is_told_before_it_was_read(sdk: str) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], max_body_mb=1) as running:
            long = [{"role": "user", "content": "x" * 20_000_000}]
            with pytest.raises(STATUS_ERRORS) as raised:
                await SDKs[sdk](running, blocking=False, stream=False, messages=long)
            assert raised.value.status_code == 413
            assert "raise `max_body_mb`" in str(raised.value)

    run(main)


def first_events(type_: str) -> list[bytes]:
    """The frames of an answer up to the middle of a tool call's arguments."""
    wire = chat if type_ == "openai" else messages
    body = {"model": "m", "stream": True}
    frames = list(wire.stream(body, [Words("Let me look."), Call("weather", {"city": "a" * 40})]))
    middle = max(n for n, frame in enumerate(frames) if b"aaa" in frame)
    return frames[:middle]


@sdks
@backends
@pytest.mark.parametrize("how", ["reset", "closed", "ended", "error"])
def test_a_stream_that_breaks_off_raises(sdk: str, type_: str, how: str) -> None:
    async def main() -> None:
        async with playback(broken(type_, how)) as backend, house([at(backend, type_)]) as running:
            with pytest.raises((anthropic.APIError, openai.APIError)) as raised:
                await SDKs[sdk](running, blocking=False, stream=True)
            assert (
                "overloaded" in str(raised.value)
                if how == "error"
                else "broke" in str(raised.value) or ("ended before" in str(raised.value))
            )
            with pytest.raises((anthropic.APIError, openai.APIError)):  # the next one is served
                await SDKs[sdk](running, blocking=False, stream=True)

    run(main)


def broken(type_: str, how: str) -> Answer:
    from tests.gateway.stage import END, STREAM, chunk  # noqa: PLC0415

    said = [STREAM, *map(chunk, first_events(type_))]
    if how == "ended":
        return replies(*said, END)
    if how == "error":
        error = {"error": {"type": "overloaded_error", "message": "overloaded"}}
        if type_ == "anthropic":
            error["type"] = "error"  # type: ignore[assignment]
        frame = (b"event: error\n" if type_ == "anthropic" else b"") + b"data: %b\n\n" % jsons.write(error)
        return replies(*said, chunk(frame), END)
    return cuts_after(*said, reset=how == "reset")


@sdks
def test_a_backend_that_hangs_is_a_504(sdk: str) -> None:
    async def main() -> None:
        async with playback(hangs_after()) as backend, house([at(backend, "openai", timeout=0.05)]) as running:
            with pytest.raises(STATUS_ERRORS) as raised:
                await SDKs[sdk](running, blocking=False, stream=True)
            assert raised.value.status_code == 504
            await backend.gone.wait()

    run(main)


# What there is.


def test_models_are_listed_for_both_sdks() -> None:
    async def main() -> None:
        models = [model("one", NOBODY, context_window=8192), model("org/two", NOBODY)]
        async with house(models, aliases={"three": "one"}) as running:
            async with anthropic_client(running) as client:
                page = await client.models.list(limit=1000)
                assert [m.id async for m in page] == ["one", "org/two", "three"]
                assert not page.has_next_page()
                assert page.data[0].max_input_tokens == 8192
                assert (await client.models.retrieve("org/two")).id == "org/two"
                with pytest.raises(anthropic.NotFoundError):
                    await client.models.retrieve("four")
            async with openai_client(running) as other:
                assert [m.id async for m in await other.models.list()] == ["one", "org/two", "three"]
                assert (await other.models.retrieve("three")).owned_by == "dragoman"
                with pytest.raises(openai.NotFoundError, match="four"):
                    await other.models.retrieve("four")

    run(main)


def test_tokens_are_counted_for_the_anthropic_sdk() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running, anthropic_client(running) as client:
            counted = await client.messages.count_tokens(
                model="m", messages=[{"role": "user", "content": "Hello, how are you?"}]
            )
            assert 5 < counted.input_tokens < 20

    run(main)
