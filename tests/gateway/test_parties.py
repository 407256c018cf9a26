"""What the parties of an exchange tell each other."""

from typing import Any

import pytest

from tests.agents.script import Words
from tests.gateway.stage import chat_body, house, messages_body, model, origin, playback, run, says


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "make"), [("/v1/messages", messages_body), ("/v1/chat/completions", chat_body)])
def test_the_client_is_told_who_answers_and_what_was_lost(path: str, make: Any, stream: bool) -> None:
    async def main() -> None:
        hello = says(Words("hi"))
        async with (
            playback(hello) as backend,
            house([model("m", f"{origin(backend)}/v1")], aliases={"a": "m"}) as running,
        ):
            plain = await running.ask(path, make("a", stream=stream))
            assert plain.headers["x-dragoman-model"] == "backend-m"
            assert "x-dragoman-loss" not in plain.headers
            lossy = await running.ask(path, make("a", stream=stream, top_k=5))
            assert lossy.headers.get("x-dragoman-loss") == ("top_k" if path == "/v1/messages" else None)

    run(main)
