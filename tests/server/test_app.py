"""The whole app: its beginning and its end, what runs beside the requests, and changes of its configuration."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from uvicorn.server import ServerState

from dragoman.config.snapshot import Snapshot
from dragoman.config.watch import Watch as ConfigWatch
from dragoman.gateway.pulses import Pulses
from dragoman.hub.route import Backend, Secret
from dragoman.routing.discover import Discovery
from dragoman.server.app import App
from dragoman.server.flow import Flow
from dragoman.server.outlet import HTTPOutlet
from dragoman.server.requests import Body, HTTPRequest
from tests.agents.script import Words
from tests.agents.wires import chat
from tests.gateway.stage import (
    END,
    NOBODY,
    STREAM,
    House,
    chunk,
    house,
    messages_body,
    model,
    origin,
    playback,
    run,
    says,
    source,
    write,
)
from tests.net.scripted import Asked, Peer, until
from tests.server.wires import Wire


def app() -> App:
    return App(source({"models": [model("m", NOBODY)]}))


def test_nothing_is_answered_before_the_house_is_open() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="before its lifespan began"):
            await app()({"type": "websocket"}, receive, send)
        flow = Flow(Wire())
        outlet = HTTPOutlet(flow, "GET", "1.1", ServerState(), None, keeps=True)
        with pytest.raises(RuntimeError, match="before its lifespan began"):
            await app().answer(HTTPRequest("GET", "/healthz", "", {}, None, Body({}, flow), outlet))

    async def receive() -> dict[str, Any]:
        return {}

    async def send(_: Any) -> None:
        pass

    run(main)


def test_the_house_opens_and_closes() -> None:
    async def main() -> None:
        said: list[str] = []
        door = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if said:
                await door.wait()
            return {}

        async def send(message: Any) -> None:
            said.append(message["type"])

        living = asyncio.ensure_future(app()({"type": "lifespan"}, receive, send))
        await until(lambda: bool(said))
        assert said == ["lifespan.startup.complete"]
        door.set()
        await living
        assert said[1:] == ["lifespan.shutdown.complete"]

    run(main)


@pytest.mark.parametrize("broken", [(Pulses, "tick"), (Discovery, "look")])
def test_a_chore_that_fails_does_not_take_the_house_down(
    broken: tuple[type, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kind, name = broken

    def fail(*_: object) -> None:
        raise KeyError("a bug")

    async def main() -> None:
        real = asyncio.sleep
        monkeypatch.setattr(kind, name, fail)
        monkeypatch.setattr(asyncio, "sleep", lambda seconds, *_: real(0))
        async with playback(says(Words("hi"))) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            await until(lambda: caplog.text.count("KeyError: 'a bug'") > 1)
            assert (await running.ask("/v1/messages", messages_body())).status == 200

    run(main)


def test_many_requests_on_one_connection_and_side_by_side() -> None:
    async def main() -> None:
        async with playback(says(Words("hi"))) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:

            async def several(stream: bool) -> None:
                async with running.talk() as line:
                    for _ in range(10):
                        await line.say("/v1/messages", messages_body(stream=stream))
                        heard = await line.heard()
                        assert (heard.status, heard.broken) == (200, False)

            await asyncio.gather(*(several(n % 2 == 0) for n in range(10)))

    run(main)


# Changes of the configuration.


def reload(running: House) -> object:
    watch = running.app._watch
    assert watch is not None
    return watch.reload()


def test_a_request_under_way_keeps_its_configuration(tmp_path: Path) -> None:
    async def main() -> None:
        asked, go_on = asyncio.Event(), asyncio.Event()
        frames = list(chat.stream({"model": "x", "stream": True}, [Words("the old one")]))

        async def answer(peer: Peer, _: Asked) -> None:
            await peer.say(STREAM, *map(chunk, frames[:3]))
            asked.set()
            await go_on.wait()
            await peer.say(*map(chunk, frames[3:]), END)

        path = tmp_path / "config.yaml"
        async with (
            playback(answer) as old,
            playback(says(Words("the new one"))) as new,
            house([model("m", f"{origin(old)}/v1")], path) as running,
            running.talk() as line,
        ):
            await line.say("/v1/messages", messages_body(stream=True))
            await asked.wait()
            write(path, {"models": [model("n", f"{origin(new)}/v1")], "keys": [{"key": "sk-0123456789abcdef"}]})
            assert reload(running) is not None
            assert (await running.ask("/v1/messages", messages_body("n"))).status == 401
            allowed = {"x-api-key": "sk-0123456789abcdef"}
            heard = await running.ask("/v1/messages", messages_body("n"), headers=allowed)
            assert heard.json["content"][0]["text"] == "the new one"
            assert (await running.ask("/v1/messages", messages_body("m"), headers=allowed)).status == 404
            go_on.set()
            old_answer = await line.heard()
            assert (old_answer.status, old_answer.broken) == (200, False)
            assert b'"old "' in old_answer.body
            assert b"message_stop" in old_answer.body

    run(main)


@pytest.mark.parametrize("content", [b"models: [", b"models: []", b"nonsense: 1", b"\xff", b""])
def test_a_broken_file_changes_nothing(content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        path = tmp_path / "config.yaml"
        async with (
            playback(says(Words("hi"))) as backend,
            house([model("m", f"{origin(backend)}/v1")], path) as running,
        ):
            await asyncio.to_thread(path.write_bytes, content)
            assert reload(running) is None
            assert (await running.ask("/v1/messages", messages_body())).status == 200
            await asyncio.to_thread(path.unlink)
            assert reload(running) is None
            assert (await running.ask("/v1/messages", messages_body())).status == 200

    run(main)
    assert "not taken over" in caplog.text


def test_a_change_is_noticed_and_reaches_all_who_care(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        real, looks = asyncio.wait_for, list[float]()

        async def at_once(waiting: Any, timeout: float) -> Any:  # noqa: ASYNC109 - as asyncio's
            looks.append(timeout)
            return await real(waiting, 0.001)

        path = tmp_path / "config.yaml"
        monkeypatch.setattr(asyncio, "wait_for", at_once)
        async with house([model("m", NOBODY)], path, ping_seconds=10) as running:
            assert running.gateway.pulses.every == 10
            full = Backend(NOBODY, Secret(""), "openai-chat", max_inflight=1)
            assert await running.gateway.load.enter([full], "backend-m") is full
            waiting = asyncio.ensure_future(running.gateway.load.enter([full], "backend-m"))
            write(path, {"models": [model("m", NOBODY), model("n", NOBODY)], "ping_seconds": 3})
            await until(lambda: running.gateway.pulses.every == 3)
            assert await waiting is full
            await until(lambda: running.gateway.knowledge.of(NOBODY, "backend-n").online is False)
            assert (await running.ask("/v1/models/n", method="GET")).status == 200

    run(main)


def test_trusted_proxies_change_with_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        caplog.set_level(logging.INFO)
        path = tmp_path / "config.yaml"
        keys = [{"key": "sk-0123456789abcdef"}]
        wrong = {"x-api-key": "sk-wrong", "x-forwarded-for": "198.51.100.7"}
        async with house([model("m", NOBODY)], path, keys=keys) as running:
            failed = running.app._failed
            await running.ask("/v1/messages", messages_body(), headers=wrong)
            assert list(failed.strikes) == ["127.0.0.1"]
            write(path, {"models": [model("m", NOBODY)], "keys": keys, "trusted_proxies": ["127.0.0.0/8"]})
            assert reload(running) is not None
            await running.ask("/v1/messages", messages_body(), headers=wrong)
            assert list(failed.strikes) == ["127.0.0.1", "198.51.100.7"]

    run(main)


def test_a_dashboard_that_nobody_can_enter_is_told_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched on while the proxy runs: the link was not printed."""
    switched_on = source({"models": [model("m", NOBODY)], "usage_dashboard": True}).current

    async def swap_at_once(_: ConfigWatch, *, on_swap: Callable[[Snapshot], None]) -> None:
        on_swap(switched_on)
        await asyncio.Event().wait()

    async def main() -> None:
        monkeypatch.setattr(ConfigWatch, "run", swap_at_once)
        async with house([model("m", NOBODY)], tmp_path / "config.yaml"):
            await until(lambda: "nobody can log in" in caplog.text)

    run(main)
