"""Where an answer comes from: what is sent, what an error answer says, and how the connection is parted from."""

import asyncio

import pytest

from dragoman.net import pool
from dragoman.wire import jsons
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    BACKEND_KEY,
    SECRETS,
    STREAM,
    chat_body,
    chunk,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Peer

FRAMES = list(chat.stream({"model": "x", "stream": True}, [Words("hi")]))


@pytest.mark.parametrize(
    ("path", "body", "type_", "asked", "key"),
    [
        ("/v1/messages", messages_body(), "openai", "/v1/chat/completions", ("authorization", f"Bearer {BACKEND_KEY}")),
        ("/v1/chat/completions", chat_body(), "anthropic", "/v1/messages", ("x-api-key", BACKEND_KEY)),
    ],
)
def test_the_backend_is_asked_with_its_own_key_and_model(
    path: str, body: dict[str, object], type_: str, asked: str, key: tuple[str, str]
) -> None:
    async def main() -> None:
        async with playback(says(Words("hi"))) as backend:
            url = origin(backend) + ("/v1" if type_ == "openai" else "")
            async with house([model("m", url, type=type_)]) as running:
                heard = await running.ask(path, body, headers={"authorization": "Bearer client", "cookie": "a=b"})
                assert heard.status == 200
                sent = backend.asked[0]
                assert sent.line == f"POST {asked} HTTP/1.1"
                assert sent.headers[key[0]] == key[1]
                assert sent.headers["content-type"] == "application/json"
                assert not {"cookie"} & set(sent.headers)
                assert "client" not in repr(sent.fields)
                assert jsons.read(sent.body)["model"] == "backend-m"

    run(main)


@pytest.mark.parametrize(
    ("dialect", "told"), [("anthropic", ("one,two", "2026-10-21", "?beta=true")), ("openai", (None, None, ""))]
)
def test_what_the_head_asks_for_reaches_a_backend_of_the_clients_dialect(
    dialect: str, told: tuple[str | None, str | None, str]
) -> None:
    """An envelope in the history keeps the exchange from being relayed; fields of a beta are a 400 without its name."""

    async def main() -> None:
        async with playback(says(Words("hi"))) as backend:
            url = origin(backend) + ("/v1" if dialect == "openai" else "")
            async with house([model("m", url, type=dialect)]) as running:
                sealed = {"type": "thinking", "thinking": "hm", "signature": "dgm1.x.y"}
                turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": [sealed]}]
                said = messages_body(messages=[*turns, {"role": "user", "content": "b"}])
                head = {"anthropic-beta": "one,two", "anthropic-version": "2026-10-21", "x-api-key": "client"}
                assert (await running.ask("/v1/messages?beta=true", said, headers=head)).status == 200
            (asked,) = backend.asked
            names = ("anthropic-beta", "anthropic-version")
            query = asked.line.split()[1].removeprefix("/v1/messages").removeprefix("/v1/chat/completions")
            assert (*(asked.headers.get(name) for name in names), query) == told
            assert "client" not in repr(asked.fields)

    run(main)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    async def main() -> None:
        away = replies(whole(b"", status, "location: http://elsewhere.internal/v1"))
        async with playback(away) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            heard = await running.ask("/v1/messages", messages_body())
            assert heard.status == 502
            assert "put that address into the model's `url`" in heard.error["message"]
            assert not any(secret in heard.body for secret in SECRETS)
            assert len(backend.asked) == 1

    run(main)


def test_a_key_that_the_backend_quotes_is_blanked_whatever_it_looks_like() -> None:
    async def main() -> None:
        quoted = b'{"error":{"message":"wrong value plainword77 given for this model"}}'
        async with playback(replies(whole(quoted, 400))) as backend:
            served = {**model("m"), "backends": [{"url": f"{origin(backend)}/v1", "api_key": "plainword77"}]}
            async with house([served]) as running:
                for path, body in (("/v1/messages", messages_body()), ("/v1/chat/completions", chat_body())):
                    heard = await running.ask(path, body)
                    assert heard.status == 400
                    assert "wrong value *** given" in heard.error["message"]

    run(main)


def test_an_endless_error_page_is_not_read_to_its_end() -> None:
    async def main() -> None:
        page = replies(whole(b"<html>" + b"x" * 3_000_000, 500, content_type="text/html"))
        async with playback(page) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            heard = await running.ask("/v1/messages", messages_body())
            assert heard.status in (500, 502)
            assert len(heard.body) < 1_000

    run(main)


def test_a_connection_that_does_not_end_is_given_up_after_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.setattr(pool, "SOON", 0.01)
        gone = asyncio.Event()

        async def answer(peer: Peer, _: Asked) -> None:
            await peer.say(STREAM, *map(chunk, FRAMES))
            await peer.gone()
            gone.set()

        async with playback(answer) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            heard = await running.ask("/v1/messages", messages_body(stream=True))
            assert b"message_stop" in heard.body
            await gone.wait()

    run(main)


def test_a_connection_that_breaks_behind_the_end_harms_nobody() -> None:
    async def main() -> None:
        async def answer(peer: Peer, _: Asked) -> None:
            await peer.say(STREAM, *map(chunk, FRAMES))
            peer.reset()
            raise ConnectionResetError

        async with playback(answer) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            for _ in range(5):
                heard = await running.ask("/v1/messages", messages_body(stream=True))
                assert b"message_stop" in heard.body
                assert b"error" not in heard.body

    run(main)
