"""The layout service: what it is asked, what its answers are, and which of its servers."""

import asyncio
import base64
from collections.abc import Coroutine
from typing import Any, Final

import pytest

from dragoman.config.schema import BackendConfig, PaddleOCRConfig
from dragoman.gateway.layout import Layout
from dragoman.hub.problems import Problem
from dragoman.hub.route import Secret
from dragoman.net.client import Client
from dragoman.wire import jsons
from tests.gateway.stage import Answer, playback, playing, replies, whole
from tests.net.scripted import Backend, serving

MARKDOWN: Final = '# Title\n\n<div style="text-align: center;"><img src="imgs/a.jpg" /></div>\n\n![x](imgs/b.png)text'
GOOD: Final = {
    "errorCode": 0,
    "result": {"layoutParsingResults": [{"markdown": {"text": MARKDOWN}}, {"markdown": {"text": "two"}}]},
}


def settings(*backends: Backend, **more: Any) -> PaddleOCRConfig:
    urls = [f"http://127.0.0.1:{backend.port}/" for backend in backends]
    key = Secret("sk-layout")
    return PaddleOCRConfig(backends=tuple(BackendConfig(url=url, api_key=key) for url in urls), **more)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def within_reason() -> None:
        async with asyncio.timeout(20):
            await main

    asyncio.run(within_reason())


async def read(config: PaddleOCRConfig, layout: Layout | None = None) -> list[str]:
    net = Client()
    try:
        return await (layout or Layout(net)).read(config, b"%PDF", "pdf")
    finally:
        await net.close()


def test_pages_are_read_as_text() -> None:
    async def main() -> None:
        async with playback(replies(whole(GOOD))) as backend:
            assert await read(settings(backend, endpoint="/parse")) == ["# Title\n\n\n\ntext", "two"]
            (asked,) = backend.asked
            assert asked.line == "POST /parse HTTP/1.1"
            assert asked.headers["authorization"] == "Bearer sk-layout"
            assert jsons.read(asked.body) == {
                "file": base64.b64encode(b"%PDF").decode(),
                "fileType": 0,
                "visualize": False,
            }

    run(main())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (whole({"errorCode": 500, "errorMsg": "secret"}), "failed with code 500"),
        (whole({"errorMsg": "secret"}, 422), "HTTP status 422"),
        (whole({"result": {}}), "a form that is not known"),
        (whole([1]), "a form that is not known"),
        (whole(b"<html>"), "a form that is not known"),
    ],
)
def test_what_goes_wrong_is_said_without_its_words(answer: bytes, why: str) -> None:
    async def main() -> None:
        async with playback(replies(answer)) as backend:
            with pytest.raises(Problem, match=why) as raised:
                await read(settings(backend))
            assert "secret" not in raised.value.public

    run(main())


def test_another_server_stands_in_and_one_that_failed_is_asked_for_its_health_first() -> None:
    async def main() -> None:
        well = False
        net = Client()
        layout = Layout(net)

        def answering() -> Answer:
            async def answer(peer: Any, _: Any) -> None:
                await peer.say(whole(GOOD) if well else whole({}, 503))

            return answer

        health: dict[str, Any] = {"/": "whatever"}
        async with serving(playing(answering(), health)) as first, playback(replies(whole(GOOD))) as second:
            both = settings(first, second)
            assert (await layout.read(both, b"x", "image"))[1] == "two"
            assert (await layout.read(both, b"x", "image"))[1] == "two"
            assert (len(first.asked), len(second.asked)) == (1, 2)
            alone = settings(first)
            with pytest.raises(Problem, match="no server that is well"):
                await layout.read(alone, b"x", "image")
            assert len(first.asked) == 1
            well, health["/health"] = True, {"ok": True}
            assert (await layout.read(alone, b"x", "image"))[1] == "two"
        await net.close()

    run(main())


def test_what_is_wrong_with_the_request_is_no_fault_of_the_server() -> None:
    async def main() -> None:
        async with playback(replies(whole({}, 422))) as first, playback(replies(whole(GOOD))) as second:
            with pytest.raises(Problem) as raised:
                await read(settings(first, second))
            assert raised.value.kind == "bad_request"
            assert second.asked == []

    run(main())


def test_a_server_that_is_gone_is_not_well() -> None:
    async def main() -> None:
        net = Client()
        layout, gone = Layout(net), PaddleOCRConfig(backends=(BackendConfig(url="http://127.0.0.1:9"),))
        for why in ("cannot|refused|reach", "no server that is well"):
            with pytest.raises(Problem, match=why):
                await layout.read(gone, b"x" * 2**19, "image")
        await net.close()

    run(main())
