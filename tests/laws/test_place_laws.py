"""A place at a backend is given back on every way out, and so is a place in the line for one.

The backend takes one request at a time. The first ends in some way; behind it one client gives up waiting, and the next
must get the place at once.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import aiohttp
import pytest

from dragoman.server.websocket import ClientSocket
from tests.agents.wires import chat
from tests.gateway.stage import (
    BACKEND_KEY,
    HELLO,
    STREAM,
    Answer,
    House,
    chat_body,
    chunk,
    cuts_after,
    hangs_after,
    house,
    messages_body,
    origin,
    playback,
    replies,
    responses_body,
    run,
    says,
    streams,
    whole,
)
from tests.net.scripted import Asked, Peer, until

FRAMES: Final = list(chat.stream({"model": "x", "stream": True}, HELLO))
HALF: Final = whole({"object": "list", "data": [1, 2, 3]})[:-9]
NAMES: Final = ("/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1/embeddings", "websocket")


class Caller(NamedTuple):
    """hear: whatever is said first."""

    hear: Callable[[], Any]
    hang_up: Callable[[], Any]


class Out(NamedTuple):
    """How the first request ends. half: by its client, once it has heard something; gone: before it has.

    pieces: the ending where the answer is no event stream, if that is another one.
    """

    ends: Answer
    half: bool = False
    gone: bool = False
    otherwise: Answer | None = None


OUTS: Final = {
    "answered": Out(says(*HELLO), otherwise=replies(whole({"object": "list", "data": []}))),
    "refused": Out(replies(whole({"error": {"message": "no"}}, 400))),
    "failed": Out(replies(whole({"error": {"message": "CUDA error"}}, 500))),
    "reset": Out(cuts_after(reset=True)),
    "broken off": Out(cuts_after(STREAM, chunk(FRAMES[0]), chunk(FRAMES[1])), otherwise=cuts_after(HALF)),
    "reset amid": Out(cuts_after(STREAM, *map(chunk, FRAMES[:2]), reset=True), otherwise=cuts_after(HALF, reset=True)),
    "garbled": Out(streams(b"data: {nonsense\n\n"), otherwise=replies(whole(b"<html>"))),
    "fallen silent": Out(hangs_after(STREAM, *map(chunk, FRAMES[:2])), otherwise=hangs_after(HALF)),
    "never begun": Out(hangs_after()),
    "client gone before": Out(hangs_after(), gone=True),
    "client gone amid": Out(hangs_after(STREAM, *map(chunk, FRAMES[:2])), half=True, otherwise=hangs_after(HALF)),
}


def body(path: str) -> dict[str, Any]:
    match path:
        case "/v1/messages":
            return messages_body(stream=True)
        case "/v1/chat/completions":
            return chat_body(stream=True)
        case "/v1/embeddings":
            return {"model": "m", "input": ["hi"]}
    return responses_body(stream=True)


@contextlib.asynccontextmanager
async def calling(running: House, way: str) -> AsyncIterator[Caller]:
    """A request that is under way."""
    if way == "websocket":
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{running.url}/v1/responses") as socket:
            await socket.send_json({"type": "response.create", **body(way)})
            yield Caller(socket.receive, socket.close)
        return
    async with running.talk() as line:
        await line.say(way, body(way))
        yield Caller(line.head, line.writer.close)


async def hang_up(caller: Caller) -> None:
    done = caller.hang_up()
    if done is not None:
        await done


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize("way", NAMES)
def test_every_way_out_gives_the_place_back(way: str, out: str) -> None:
    ending = OUTS[out]

    async def main() -> None:
        goes_on = asyncio.Event()
        count = 0

        async def answer(peer: Peer, asked: Asked) -> None:
            nonlocal count
            count += 1
            if count == 1:
                await goes_on.wait()
                streamed = way != "/v1/embeddings"
                await (ending.ends if streamed or ending.otherwise is None else ending.otherwise)(peer, asked)
            else:
                await says(*HELLO)(peer, asked)

        async with playback(answer) as backend:
            place = f"{origin(backend)}/v1"
            limited = {"url": place, "api_key": BACKEND_KEY, "max_inflight": 1}
            impatient = out in ("fallen silent", "never begun")
            limits = {"timeout": 0.3, "idle_timeout": 0.3} if impatient else {}
            async with house([{"name": "m", "backends": [limited], **limits}], ws=ClientSocket) as running:
                load = running.gateway.load
                async with calling(running, way) as first:
                    await until(lambda: count == 1)
                    async with calling(running, way) as second:
                        await until(lambda: len(load._line) == 1)
                        await hang_up(second)
                    await until(lambda: not load._line)
                    async with calling(running, way) as third:
                        await until(lambda: len(load._line) == 1)
                        goes_on.set()
                        if ending.half:
                            await first.hear()
                        if ending.half or ending.gone:
                            await hang_up(first)
                        await third.hear()
                await until(lambda: not load.under_way(place, "m"))
                assert not load._line
                await until(lambda: not running.gateway.books.under_way())
                assert load._under_way == {}

    run(main)
