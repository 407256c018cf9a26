"""Who is let in, who has to wait, and which web pages are nobody's clients."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pytest

from dragoman.config.snapshot import Snapshot
from dragoman.hub.problems import Problem
from dragoman.server.keys import Door, token_in
from dragoman.server.limits import FailedLogins
from tests.agents.script import Words
from tests.gateway.stage import NOBODY, chat_body, house, messages_body, model, origin, playback, run, says, source

KEY: Final = "sk-one-0123456789abcdef"
OTHER: Final = "sk-two-0123456789abcdef"
MODELS: Final = [model("m", NOBODY), model("n", NOBODY)]


def snapshot(**config: Any) -> Snapshot:
    return source({"models": MODELS, **config}).current


WITH_KEYS: Final = snapshot(keys=[{"key": KEY, "name": "me"}])
OPEN: Final = snapshot()


def wait_for(door: Door, given: Snapshot) -> str:
    """The name of who is let in, or the kind of the problem."""
    try:
        return asyncio.run(door(given)).name
    except Problem as problem:
        return problem.kind


def outcome(headers: Mapping[str, str], given: Snapshot) -> str:
    return wait_for(Door(FailedLogins(), lambda *_: "192.0.2.1", None, headers), given)


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"x-api-key": "a"}, "a"),
        ({"x-api-key": " a "}, "a"),
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer  a "}, "a"),
        ({"authorization": "Basic a"}, None),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "a"}, None),
        ({"x-api-key": "a", "authorization": "Bearer b"}, "a"),
        ({"x-api-key": "", "authorization": "Bearer b"}, "b"),
    ],
)
def test_tokens_are_found(headers: dict[str, str], token: str | None) -> None:
    assert token_in(headers) == token


def test_the_right_key_is_let_in_and_no_other() -> None:
    assert outcome({"authorization": f"Bearer {KEY}"}, WITH_KEYS) == "me"
    assert outcome({"x-api-key": KEY}, WITH_KEYS) == "me"
    assert outcome({"x-api-key": OTHER}, WITH_KEYS) == "unauthorized"
    assert outcome({}, WITH_KEYS) == "unauthorized"
    assert outcome({"x-api-key": f"{KEY}\xff"}, WITH_KEYS) == "unauthorized"


# Guessing.


class Guesser:
    """One address, a clock that stands still, and waits that are only counted."""

    def __init__(self) -> None:
        self.failed, self.now, self.waits = FailedLogins(), 1000.0, list[float]()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def tries(self, key: str | None, address: str = "192.0.2.1") -> str:
        headers = {} if key is None else {"x-api-key": key}
        return wait_for(Door(self.failed, lambda *_: address, None, headers, lambda: self.now, self.sleep), WITH_KEYS)


def test_who_guesses_has_to_wait_and_is_then_refused() -> None:
    guesser = Guesser()
    assert [guesser.tries(OTHER) for _ in range(7)] == ["unauthorized"] * 5 + ["rate_limited"] * 2
    assert guesser.waits == [1.0, 2.0]
    assert guesser.tries(KEY) == "rate_limited"  # and cannot tell a good guess from a bad one
    assert guesser.tries(KEY, "192.0.2.2") == "me"
    guesser.now += 60
    assert guesser.tries(KEY) == "me"


def test_the_refusal_says_how_long() -> None:
    guesser = Guesser()
    for _ in range(5):
        guesser.tries(OTHER)
    door = Door(guesser.failed, lambda *_: "192.0.2.1", None, {}, lambda: guesser.now, guesser.sleep)
    with pytest.raises(Problem, match="too many failed logins from this address; try again in 57s") as raised:
        asyncio.run(door(WITH_KEYS))
    assert raised.value.retry_after == 57


def test_who_says_no_key_is_not_guessing() -> None:
    guesser = Guesser()
    assert {guesser.tries(None) for _ in range(20)} == {"unauthorized"}
    assert guesser.tries(KEY) == "me"


def test_guesses_side_by_side_are_no_way_round() -> None:
    guesser = Guesser()
    for _ in range(3):
        guesser.tries(OTHER)
    released = asyncio.Event()

    async def sleep(_: float) -> None:
        await released.wait()

    async def main() -> list[str]:
        async def one() -> str:
            try:
                await Door(guesser.failed, lambda *_: "192.0.2.1", None, {"x-api-key": OTHER}, lambda: 1000.0, sleep)(
                    WITH_KEYS
                )
            except Problem as problem:
                return problem.kind
            return "in"

        asking = [asyncio.ensure_future(one()) for _ in range(50)]
        await asyncio.sleep(0)
        released.set()
        return await asyncio.gather(*asking)

    assert asyncio.run(main()).count("unauthorized") == 2


# Web pages.


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1:8080",
        "localhost",
        "localhost:8080",
        "[::1]:8080",
        "a.localhost:1",
        "192.168.1.5",
        "host.docker.internal:8080",
    ],
)
def test_this_machine_is_called_by_names_of_its_own(host: str) -> None:
    headers = {"host": host} if host else {}
    assert outcome(headers, OPEN) == "anonymous"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "[bad",
        "a b",
        "localhost@evil.example",
    ],
)
def test_a_name_that_a_page_lets_point_here_is_refused(host: str) -> None:
    assert outcome({"host": host}, OPEN) == "forbidden"


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://127.0.0.1",
        "http://[::1]:5173",
        "http://app.localhost",
        "http://192.168.1.5:8080",
    ],
)
def test_pages_of_this_machine_are_served(origin: str) -> None:
    assert outcome({"host": "192.168.1.5:8080", "origin": origin}, OPEN) == "anonymous"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://203.0.113.7",
        "http://192.168.1.66:8080",
        "null",
        "",
        "http://[bad",
        "http://localhost.evil.example",
        "http://evil.example/localhost",
        "file://",
        "chrome-extension://abc",
    ],
)
def test_pages_from_elsewhere_are_refused(origin: str) -> None:
    assert outcome({"host": "192.168.1.5:8080", "origin": origin}, OPEN) == "forbidden"
    assert outcome({"host": "127.0.0.1:8080", "origin": origin}, OPEN) == "forbidden"


def test_with_keys_or_where_all_are_welcome_pages_are_clients() -> None:
    page = {"host": "llm.example", "origin": "https://evil.example"}
    assert outcome({**page, "x-api-key": KEY}, WITH_KEYS) == "me"
    assert outcome(page, snapshot(allow_unauthenticated=True)) == "anonymous"


# Through the app.


def test_a_key_opens_its_models_and_their_aliases_only() -> None:
    async def main() -> None:
        keys = [{"key": KEY, "name": "all"}, {"key": OTHER, "name": "some", "models": ["m"]}]
        async with playback(says(Words("hi"))) as backend:
            models = [model(name, f"{origin(backend)}/v1") for name in "mn"]
            async with house(models, keys=keys, aliases={"short": "m", "other": "n"}) as running:
                for name, status in {"m": 200, "short": 200, "n": 403, "other": 403}.items():
                    heard = await running.ask("/v1/messages", messages_body(name), headers={"x-api-key": OTHER})
                    assert heard.status == status, name
                    if status == 403:
                        assert heard.error["type"] == "permission_error"
                        assert "may use m, short" in heard.error["message"]
                    chat = {"authorization": f"Bearer {KEY}"}
                    assert (await running.ask("/v1/chat/completions", chat_body(name), headers=chat)).status == 200
                listed = await running.ask("/v1/models", method="GET", headers={"x-api-key": OTHER})
                assert [one["id"] for one in listed.json["data"]] == ["m", "short"]
                hidden = await running.ask("/v1/models/n", method="GET", headers={"x-api-key": OTHER})
                assert hidden.status == 404

    run(main)


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/v1/chat/completions", "/v1/messages/count_tokens", "/v1/embeddings"]
)
def test_without_a_key_nothing_is_read_and_nobody_asked(path: str) -> None:
    async def main() -> None:
        async with house(MODELS, keys=[{"key": KEY}]) as running, running.talk() as line:
            await line.say(path, b"", headers={"content-length": "1000000"})  # of which nothing comes
            heard = await line.heard()
            assert heard.status == 401
            assert "Authorization: Bearer" in heard.error["message"]

    run(main)


def test_many_wrong_keys_are_refused_with_a_time_to_wait() -> None:
    async def main() -> None:
        async with house(MODELS, keys=[{"key": KEY}], trusted_proxies=["127.0.0.1"]) as running:
            for _ in range(5):
                running.app._failed.failed("198.51.100.7", asyncio.get_running_loop().time())
            behind = {"x-forwarded-for": "198.51.100.7", "x-api-key": KEY}
            heard = await running.ask("/v1/messages", messages_body(), headers=behind)
            assert heard.status == 429
            assert 1 <= int(heard.headers["retry-after"]) <= 60
            elsewhere = {"x-forwarded-for": "198.51.100.8", "x-api-key": OTHER}
            assert (await running.ask("/v1/messages", messages_body(), headers=elsewhere)).status == 401
            assert len(running.app._failed) == 2

    run(main)


def test_a_web_page_is_refused_before_anything_is_read() -> None:
    async def main() -> None:
        async with house(MODELS) as running:
            for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
                heard = await running.ask("/v1/chat/completions", chat_body(), headers=headers)
                assert heard.status == 403
                listed = await running.ask("/v1/models", method="GET", headers=headers)
                assert listed.status == 403

    run(main)
