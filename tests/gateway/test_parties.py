"""What the parties of an exchange tell each other."""

import threading
from typing import Any, cast

import pytest

from dragoman.gateway.call import Call
from dragoman.gateway.entry import Entry
from dragoman.gateway.parties import Parties
from dragoman.hub.request import Request
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.gateway.stage import chat_body, house, messages_body, model, origin, playback, responses_body, run, says


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


@pytest.mark.parametrize(("size", "is_beside"), [(500_000, False), (3_000_000, True)])
def test_a_huge_request_is_read_while_the_event_loop_does_other_things(size: int, is_beside: bool) -> None:
    class Client:
        def read_request(self, _body: bytes, _headers: object) -> Request:
            self.read_in = threading.get_ident()
            return Request(dialect="openai-responses", model="m", turns=())

    async def main() -> None:
        client, nobody = Client(), cast("Any", None)
        call = Call("req_1", "POST", "/v1/responses", "", {}, nobody, nobody, nobody)
        parties = Parties(
            call, cast("Any", client), nobody, nobody, nobody, Entry("req_1", "/v1/responses", "openai-responses")
        )
        await parties.read_request(bytes(size))
        assert (client.read_in != threading.get_ident()) == is_beside

    run(main)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_a_huge_request_arrives_whole(path: str) -> None:
    async def main() -> None:
        async with (
            playback(says(Words("hi"))) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
        ):
            text = "a line of text\n" * 100_000
            body = messages_body() if path == "/v1/messages" else responses_body()
            told = "messages" if path == "/v1/messages" else "input"
            heard = await running.ask(path, {**body, told: [{"role": "user", "content": text}]})
            assert heard.status == 200
            assert jsons.read(backend.asked[0].body)["messages"] == [{"role": "user", "content": text}]

    run(main)
