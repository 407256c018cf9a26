"""How many tokens would this be? Asked of the tokenizer of each kind of backend, else estimated, and never an error."""

import base64
from typing import Any, Final

import pytest

from dragoman.hub.estimate import TOKENS_PER_IMAGE, TOKENS_PER_TURN, tokens_in_text
from dragoman.wire import jsons
from tests.gateway.stage import (
    END,
    NOBODY,
    STREAM,
    Answer,
    House,
    cuts_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    run,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer

PATH: Final = "/v1/messages/count_tokens"
TEXT: Final = "How many tokens are there in this sentence of words?"
ESTIMATE: Final = tokens_in_text(TEXT) + TOKENS_PER_TURN
BODY: Final = messages_body(messages=[{"role": "user", "content": TEXT}])
PICTURE: Final = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(bytes(750_000)).decode()},
}
DOCUMENT: Final = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(b"%PDF").decode()},
}
WITH_PICTURES: Final = messages_body(
    messages=[
        {"role": "user", "content": [{"type": "text", "text": "look"}, PICTURE, DOCUMENT]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "shot", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [PICTURE]}]},
    ],
    tools=[{"name": "shot", "input_schema": {"type": "object"}}],
)


def at(backend: Backend | str, family: str = "", type_: str = "openai") -> dict[str, Any]:
    url = backend if isinstance(backend, str) else origin(backend) + ("/v1" if type_ == "openai" else "")
    return model("m", url, type=type_, **({"profile": {"family": family}} if family else {}))


async def counted(running: House, body: Any = None) -> int:
    heard = await running.ask(PATH, BODY if body is None else body)
    assert heard.status == 200, heard.body
    number: int = heard.json["input_tokens"]
    return number


def by_path(answers: dict[str, Any]) -> Answer:
    async def answer(peer: Peer, asked: Asked) -> None:
        path = asked.line.split()[1]
        await peer.say(whole(answers[path]) if path in answers else whole({"error": "no such page"}, 404))

    return answer


def test_vllm_counts_messages_and_tools() -> None:
    async def main() -> None:
        said = {"/tokenize": {"count": 123, "max_model_len": 8192}}
        async with playback(by_path(said)) as backend, house([at(backend, "vllm")]) as running:
            assert await counted(running) == 123
            asked = jsons.read(backend.asked[0].body)
            assert asked == {"model": "backend-m", "messages": [{"role": "user", "content": TEXT}]}
            assert await counted(running, WITH_PICTURES) == 123 + 2 * TOKENS_PER_IMAGE  # and a note on the document
            assert len(backend.asked[1].body) < 2_000
            assert jsons.read(backend.asked[1].body)["tools"][0]["function"]["name"] == "shot"

    run(main)


def test_llama_cpp_counts_what_its_template_makes() -> None:
    async def main() -> None:
        said = {"/apply-template": {"prompt": "<|im_start|>user"}, "/tokenize": {"tokens": [1, 2, 3]}}
        async with playback(by_path(said)) as backend, house([at(backend, "llama.cpp")]) as running:
            assert await counted(running) == 3
            assert await counted(running, WITH_PICTURES) == 3 + 2 * TOKENS_PER_IMAGE
            template, tokens, *_ = backend.asked
            assert jsons.read(template.body)["messages"] == [{"role": "user", "content": TEXT}]
            assert jsons.read(tokens.body) == {"content": "<|im_start|>user", "add_special": True}

    run(main)


def test_a_messages_backend_counts_in_the_clients_own_words() -> None:
    async def main() -> None:
        said = {"/v1/messages/count_tokens?beta=true": {"input_tokens": 77}}
        async with playback(by_path(said)) as backend, house([at(backend, type_="anthropic")]) as running:
            headers = {"anthropic-beta": "x", "authorization": "Bearer client"}
            heard = await running.ask(f"{PATH}?beta=true", {**BODY, "odd": [1]}, headers=headers)
            assert heard.json == {"input_tokens": 77}
            asked = backend.asked[0]
            assert jsons.read(asked.body) == {**BODY, "odd": [1], "model": "backend-m"}
            assert (asked.headers["anthropic-beta"], "authorization" in asked.headers) == ("x", False)
            assert asked.headers["content-type"] == "application/json"

    run(main)


@pytest.mark.parametrize("family", ["", "ollama", "openai"])
def test_others_are_estimated(family: str) -> None:
    async def main() -> None:
        async with house([at(NOBODY, family)]) as running:
            assert await counted(running) == ESTIMATE

    run(main)


@pytest.mark.parametrize("family", ["vllm", "llama.cpp", "anthropic"])
@pytest.mark.parametrize(
    "bad",
    [
        whole({"error": "no"}, 404),
        whole({"error": "no"}, 500),
        whole(b"<html>"),
        whole([1]),
        whole({"count": "many", "tokens": "many", "input_tokens": "many", "prompt": 5}),
        whole({"count": None, "tokens": None, "input_tokens": None}),
        b"junk\r\n\r\n",
        b"",
        STREAM + END,
    ],
)
def test_a_tokenizer_that_fails_is_stood_in_for(family: str, bad: bytes) -> None:
    async def main() -> None:
        type_ = "anthropic" if family == "anthropic" else "openai"
        async with playback(cuts_after(bad)) as backend, house([at(backend, family, type_)]) as running:
            assert await counted(running) == ESTIMATE

    run(main)


def test_an_unreachable_tokenizer_is_stood_in_for() -> None:
    async def main() -> None:
        async with house([at(NOBODY, "vllm")]) as running:
            assert await counted(running) == ESTIMATE

    run(main)


def test_a_picture_is_not_counted_as_the_text_it_is_written_in() -> None:
    async def main() -> None:
        async with house([at(NOBODY)]) as running:
            assert TOKENS_PER_IMAGE < await counted(running, WITH_PICTURES) < 8_000
            one = messages_body(messages=[{"role": "user", "content": [PICTURE]}])
            assert TOKENS_PER_IMAGE < await counted(running, one) < 5_000

    run(main)


def test_a_messages_backend_of_vllm_is_no_chat_tokenizer() -> None:
    async def main() -> None:
        async with playback(replies(whole({"error": "no"}, 404))) as backend:
            native = {**at(f"{origin(backend)}/v1", "vllm"), "messages_mode": "native"}
            async with house([native]) as running:
                assert await counted(running) == ESTIMATE
                assert [asked.line.split()[1] for asked in backend.asked] == [PATH]

    run(main)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), ({"model": "x"}, 404), ({"model": "m", "messages": 5}, 400), ({"messages": []}, 400)],
)
def test_requests_that_make_no_sense_are_told_so(body: Any, status: int) -> None:
    async def main() -> None:
        async with house([at(NOBODY)]) as running:
            heard = await running.ask(PATH, body)
            assert heard.status == status
            assert heard.error["message"]

    run(main)
