"""What refusals teach, each in the words of the server that said it."""

from typing import Any, Final

import pytest

from dragoman.hub.problems import Problem
from dragoman.hub.route import Profile
from dragoman.protocols.backend_problems import read_problem
from dragoman.routing.known import Knowledge
from dragoman.routing.lessons import learnt, lesson_of
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    END,
    STREAM,
    Answer,
    Heard,
    House,
    chunk,
    house,
    messages_body,
    model,
    origin,
    playback,
    run,
    whole,
    write,
)
from tests.net.scripted import Asked, Backend, Peer, until

# What a backend may be known as before it says these: so that each of them is news.
BEFORE: Final = Profile(
    thinking_switch="enable_thinking", openai_fields=True, developer_role=True, system_anywhere=True, stream_usage=True
)

NO_EFFORT: Final = {"efforts": (), "refuses_efforts": True}


def openai(message: str, **more: Any) -> bytes:
    return jsons.write({"error": {"message": message, "type": "invalid_request_error", "code": None, **more}})


def anthropic(message: str) -> bytes:
    return jsons.write({"type": "error", "error": {"type": "invalid_request_error", "message": message}})


def fastapi(field: str) -> bytes:
    wrong = {"type": "extra_forbidden", "loc": ["body", field], "msg": "Extra inputs are not permitted", "input": 1}
    return jsons.write({"detail": [wrong]})


TAUGHT: Final[list[tuple[str, bytes, dict[str, Any]]]] = [
    (
        "OpenAI max_tokens",
        openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        ),
        {"limit_fields": ("max_completion_tokens",)},
    ),
    (
        "OpenAI o1 max_tokens",
        openai("this model is not supported MaxTokens, please use MaxCompletionTokens"),
        {},
    ),
    (
        "Anthropic, thinking of another model",
        anthropic("messages.1.content.0: Invalid `signature` in `thinking` block"),
        {"checks_seals": True},
    ),
    (
        "Anthropic, thinking that nobody has signed",
        anthropic("messages.1.content.0.thinking.signature: Field required"),
        {"checks_seals": True},
    ),
    ("Mistral max_completion_tokens", fastapi("max_completion_tokens"), {"limit_fields": ("max_tokens",)}),
    (
        "OpenAI temperature",
        openai(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is"
            " supported."
        ),
        {"sampling": "none"},
    ),
    ("OpenAI top_p", openai("Unsupported parameter: 'top_p' is not supported with this model."), {"sampling": "none"}),
    ("Kimi temperature", openai("invalid temperature: only 1 is allowed for this model"), {"sampling": "none"}),
    (
        "Anthropic both",
        anthropic("`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
        {"sampling": "one"},
    ),
    ("Anthropic temperature", anthropic("`temperature` is deprecated for this model."), {"sampling": "none"}),
    ("Azure effort", openai("Unrecognized request argument supplied: reasoning_effort"), NO_EFFORT),
    ("Groq effort", openai("`reasoning_effort` is not supported with this model"), NO_EFFORT),
    (
        "LiteLLM 1.106.12 effort",
        openai(
            "litellm.UnsupportedParamsError: openai does not support parameters: ['reasoning_effort'], for model=gpt-4o."
            " To drop these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n."
        ),
        NO_EFFORT,
    ),
    (
        "OpenAI, a word of the effort's",
        openai(
            "Unsupported value: 'reasoning_effort' does not support 'low' with this model. Supported values are:"
            " 'medium'."
        ),
        {"efforts": ()},
    ),
    ("xAI effort", openai("Model grok-4 does not support parameter reasoningEffort."), {}),
    ("Mistral stream_options", fastapi("stream_options"), {"stream_usage": False}),
    (
        "Gemini stream_options",
        jsons.write(
            [
                {
                    "error": {
                        "code": 400,
                        "message": 'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.',
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ]
        ),
        {"stream_usage": False},
    ),
    ("kwargs", openai("Unknown parameter: 'chat_template_kwargs'."), {"thinking_switch": None}),
    ("Qwen system", openai("System message must be at the beginning."), {"system_anywhere": False}),
    (
        "Mistral alternation",
        openai(
            "After the optional system message, conversation roles must alternate user/assistant/user/assistant/..."
        ),
        {"system_anywhere": False},
    ),
    (
        "OpenAI developer",
        openai("'developer' is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.0.role'"),
        {"developer_role": False},
    ),
    (
        "DeepSeek developer",
        openai(
            "Failed to deserialize the JSON body into the target type: messages[0].role: unknown variant `developer`,"
            " expected one of `system`, `user`, `assistant`, `tool` at line 1 column 40"
        ),
        {"developer_role": False},
    ),
    (
        "Qwen developer",
        openai("developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.['0].role'"),
        {"developer_role": False},
    ),
    ("vLLM developer", openai("Unexpected message role: developer"), {"developer_role": False}),
    (
        "Anthropic tool_choice",
        anthropic("Thinking may not be enabled when tool_choice forces tool use."),
        {"forced_tools": "not_thinking"},
    ),
    (
        "Kimi tool_choice",
        openai("tool_choice 'required' is incompatible with thinking enabled"),
        {"forced_tools": "not_thinking"},
    ),
    (
        "Qwen tool_choice",
        openai("The tool_choice parameter does not support being set to required or object in thinking mode"),
        {"forced_tools": "not_thinking"},
    ),
    ("DeepSeek tool_choice", openai("deepseek-reasoner does not support this tool_choice"), {"forced_tools": "no"}),
    (
        "OpenAI account",
        openai("Unknown parameter: 'prompt_cache_key'.", code="unknown_parameter"),
        {"openai_fields": False},
    ),
    (
        "OpenAI verbosity",
        openai("Unsupported value: 'low' is not supported with the 'gpt-4o' model. (text.verbosity)"),
        {"verbosity": False},
    ),
    (
        "Codex's verbosity",
        openai(
            "Unsupported value: 'verbosity' does not support 'low' with this model. Supported values are: 'medium'."
        ),
        {"verbosity": False},
    ),
    ("Mistral account", fastapi("safety_identifier"), {"openai_fields": False}),
    (
        "Groq reasoning_content",
        openai(
            "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property"
            " 'reasoning_content' is unsupported)]"
        ),
        {"reasoning_field": None},
    ),
    (
        "Anthropic adaptive",
        anthropic("adaptive thinking is not supported on this model"),
        {"thinking_types": ("budget", "disabled")},
    ),
]


@pytest.mark.parametrize(("said", "changes"), [each[1:] for each in TAUGHT], ids=[each[0] for each in TAUGHT])
def test_each_refusal_teaches_its_change(said: bytes, changes: dict[str, Any]) -> None:
    before = Profile(
        thinking_switch="enable_thinking",
        openai_fields=True,
        verbosity=True,
        developer_role=True,
        system_anywhere=True,
        limit_fields=("max_completion_tokens",) if changes.get("limit_fields") == ("max_tokens",) else ("max_tokens",),
        thinking_types=("adaptive", "disabled"),
    )
    lesson = lesson_of(read_problem(400, {}, said), before)
    assert (dict(lesson.changes) if lesson else {}) == changes
    if lesson is not None:
        after = learnt(before, lesson)
        assert all(getattr(after, name) == value for name, value in changes.items())
        assert lesson_of(read_problem(400, {}, said), after) is None, "it is meant, then"


@pytest.mark.parametrize(
    "message",
    [
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        "Invalid value for 'temperature': expected a number between 0 and 2",
        "temperature must be non-negative, got -1.0; this is invalid",
        "top_p: range: 0..1",
        "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
        "Invalid type for 'temperature': expected a decimal, but got a string instead.",
        "Invalid schema for function 'set_temperature': temperature is an unexpected property",
        "Invalid value: 'huge'. Supported values are: 'low', 'medium', and 'high'. (reasoning_effort)",
        "Invalid value for 'tool_choice': no function named 'x' was specified in the 'tools' parameter.",
        "prompt is too long",
        "",
    ],
)
def test_a_clients_own_mistake_teaches_nothing(message: str) -> None:
    """Else one client's wrong value would cost all others the field."""
    assert lesson_of(read_problem(400, {}, openai(message)), BEFORE) is None


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_only_refusals_teach(status: int) -> None:
    body = openai("Unsupported parameter: 'stream_options' is not supported")
    assert lesson_of(read_problem(status, {}, body), BEFORE) is None


def picky(*fields: str) -> Answer:
    """Refuses requests that have one of these fields, one at a time."""

    async def answer(peer: Peer, asked: Asked) -> None:
        body = jsons.read(asked.body)
        for field in fields:
            if field in body:
                said = f"Unsupported parameter: '{field}' is not supported with this model."
                said += " Use 'max_completion_tokens' instead." if field == "max_tokens" else ""
                await peer.say(whole(openai(said), 400))
                return
        if body.get("stream"):
            await peer.say(STREAM, *map(chunk, chat.stream(body, [Words("yes")])), END)
        else:
            await peer.say(whole(chat.whole(body, [Words("yes")])))

    return answer


def at(backend: Backend) -> dict[str, Any]:
    return model("m", f"{origin(backend)}/v1")


async def asks(running: House, **more: Any) -> Heard:
    return await running.ask("/v1/messages", messages_body(**more))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_refusal_is_heard_once(stream: bool) -> None:
    async def main() -> None:
        async with playback(picky("max_tokens")) as backend, house([at(backend)]) as running:
            for _ in range(3):
                assert (await asks(running, stream=stream)).status == 200
            fields = [set(jsons.read(asked.body)) & {"max_tokens", "max_completion_tokens"} for asked in backend.asked]
            assert fields == [{"max_tokens"}, *[{"max_completion_tokens"}] * 3]

    run(main)


def test_an_effort_that_a_chat_client_says_in_its_own_words_is_refused_once() -> None:
    """The backend's own dialect is relayed, so the first refusal is answered with other words, and no other comes."""

    async def main() -> None:
        async with playback(picky("reasoning_effort")) as backend, house([at(backend)]) as running:
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": "low"}
            for _ in range(3):
                assert (await running.ask("/v1/chat/completions", jsons.write(body))).status == 200
            said = ["reasoning_effort" in jsons.read(asked.body) for asked in backend.asked]
            assert said == [True, True, False, False, False]

    run(main)


def test_several_refusals_are_heard_once_each() -> None:
    async def main() -> None:
        refusing = picky("max_tokens", "temperature", "stream_options")
        async with playback(refusing) as backend, house([at(backend)]) as running:
            for _ in range(2):
                assert (await asks(running, temperature=0.5, stream=True)).status == 200
            assert len(backend.asked) == 5

    run(main)


def test_a_refusal_that_stays_is_told() -> None:
    """And nothing is learnt from it."""

    async def main() -> None:
        async def answer(peer: Peer, asked: Asked) -> None:
            await peer.say(whole(openai("Unsupported parameter: 'temperature' is not supported."), 400))

        async with playback(answer) as backend, house([at(backend)]) as running:
            for _ in range(2):
                heard = await asks(running, temperature=0.5)
                assert (heard.status, "temperature" in heard.error["message"]) == (400, True)
            assert len(backend.asked) == 4

    run(main)


def test_a_backend_that_contradicts_itself_is_not_asked_for_ever() -> None:
    async def main() -> None:
        async def answer(peer: Peer, asked: Asked) -> None:
            body = jsons.read(asked.body)
            if "max_tokens" in body:
                said = "'max_tokens' is not supported, use 'max_completion_tokens'"
            else:
                said = "Unknown parameter: 'max_completion_tokens'."
            await peer.say(whole(openai(said), 400))

        async with playback(answer) as backend, house([at(backend)]) as running:
            assert (await asks(running)).status == 400
            assert len(backend.asked) <= 4

    run(main)


def test_lessons_are_forgotten_with_the_configuration_they_were_about(tmp_path: Any) -> None:
    path = tmp_path / "config.yaml"

    async def main() -> None:
        async with playback(picky("max_tokens")) as backend, house([at(backend)], path) as running:
            await asks(running)
            assert len(backend.asked) == 2
            before = running.gateway.config.current
            write(path, {"listen": "127.0.0.1:0", "models": [at(backend)], "aliases": {"n": "m"}})
            await until(lambda: running.gateway.config.current is not before)
            await asks(running)
            assert len(backend.asked) == 4
            await asks(running)
            assert len(backend.asked) == 5

    run(main)


def test_lessons_add_up() -> None:
    known = Knowledge()
    known.teach("u", "m", {"sampling": "none"})
    known.teach("u", "m", {"stream_usage": False})
    assert known.lessons("u", "m") == {"sampling": "none", "stream_usage": False}
    assert known.lessons("u", "other") == {}
    version = known.version
    known.forget_lessons()
    assert known.lessons("u", "m") == {}
    assert known.version > version


def test_a_problem_of_ours_teaches_nothing() -> None:
    assert lesson_of(Problem("unreachable", "temperature is not supported"), BEFORE) is None
