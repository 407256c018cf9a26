"""Prompts that Ollama would cut, and those that it would not."""

from typing import Any, Final

import pytest

from dragoman.routing.known import Known
from tests.gateway.stage import HELLO, House, chat_body, house, messages_body, model, origin, playback, run, says
from tests.net.scripted import Backend

LISTED: Final = {"object": "list", "data": [{"id": "backend-m", "object": "model", "owned_by": "library"}]}
LONG: Final = "the quick brown fox jumps over the lazy dog. " * 1000  # 10,000 tokens
ENDLESS: Final = LONG * 20
TOOL: Final = {"name": "t", "description": LONG, "input_schema": {"type": "object"}}


def pages(window: int | None) -> dict[str, Any]:
    """window: of the running instance; None = none runs."""
    running = [] if window is None else [{"name": "backend-m:latest", "context_length": window}]
    return {"/v1/models": LISTED, "/api/ps": {"models": running}}


def known(running: House, backend: Backend, window: int) -> None:
    """As `discover.py` has found it some time ago."""
    running.gateway.knowledge.learn(f"{origin(backend)}/v1", "backend-m", Known(family="ollama", context_window=window))


def asking(text: str, path: str) -> dict[str, Any]:
    body = messages_body() if path == "/v1/messages" else chat_body()
    return {**body, "messages": [{"role": "user", "content": text}]}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
@pytest.mark.parametrize("text", [LONG, ENDLESS])
def test_what_would_be_cut_is_refused_in_words_that_agents_act_on(path: str, text: str) -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO), pages(4096)) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
        ):
            known(running, backend, 4096)
            heard = await running.ask(path, asking(text, path))
            assert heard.status == 400
            assert "tokens > 4096 maximum" in heard.error["message"]
            assert "OLLAMA_CONTEXT_LENGTH" in heard.error["message"]
            assert [asked for asked in backend.asked if "/api/show" not in asked.line] == []

    run(main)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
@pytest.mark.parametrize("window", [32768, None])
def test_what_the_running_instance_takes_passes_whatever_was_known_before(path: str, window: int | None) -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO), pages(window)) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
        ):
            known(running, backend, 4096)
            assert (await running.ask(path, asking(LONG, path))).status == 200

    run(main)


def test_tools_count_too() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO), pages(4096)) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
        ):
            known(running, backend, 4096)
            assert (await running.ask("/v1/messages", messages_body(tools=[TOOL]))).status == 400
            assert (await running.ask("/v1/messages", messages_body())).status == 200

    run(main)


def test_backends_that_refuse_by_themselves_are_left_to_it() -> None:
    async def main() -> None:
        async with (
            playback(says(*HELLO)) as backend,
            house([model("m", f"{origin(backend)}/v1", context_window=4096)]) as running,
        ):
            assert (await running.ask("/v1/messages", asking(LONG, "/v1/messages"))).status == 200

    run(main)
