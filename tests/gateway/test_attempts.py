"""One backend after the other: who is asked, who is passed over, and what becomes of those that fail."""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest

from dragoman.config.snapshot import Snapshot
from tests.agents.script import Words
from tests.gateway.stage import (
    HELLO,
    NOBODY,
    Answer,
    House,
    chat_body,
    house,
    messages_body,
    model,
    origin,
    playback,
    replies,
    responses_body,
    run,
    says,
    whole,
)
from tests.net.scripted import Asked, Backend, Peer, until

BROKEN: Final = replies(whole({"error": {"message": "CUDA error"}}, 500))
# A request of each way through the gateway: translated, relayed, passed through.
WAYS: Final = (
    ("/v1/messages", messages_body()),
    ("/v1/chat/completions", chat_body()),
    ("/v1/embeddings", {"model": "m", "input": ["hi"]}),
)


def sessions(number: int) -> dict[str, str]:
    return {"x-session-id": f"session {number}"}


async def asks(running: House, times: int, path: str, body: Any) -> Counter[int]:
    """Statuses of as many requests, each of a session of its own."""
    return Counter([(await running.ask(path, body, headers=sessions(number))).status for number in range(times)])


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_no_request_is_lost_by_a_backend_that_fails_and_soon_it_is_left_alone(path: str, body: Any) -> None:
    async def main() -> None:
        async with (
            playback(BROKEN) as broken,
            playback(says(Words("yes"))) as well,
            house([model("m", f"{origin(broken)}/v1", f"{origin(well)}/v1")]) as running,
        ):
            assert await asks(running, 40, path, body) == {200: 40}
            assert len(broken.asked) == 3
            assert len(well.asked) == 40

    run(main)


@pytest.mark.parametrize(("path", "body"), WAYS)
def test_where_all_rest_they_are_asked_all_the_same(path: str, body: Any) -> None:
    async def main() -> None:
        async with (
            playback(BROKEN) as one,
            playback(BROKEN) as other,
            house([model("m", f"{origin(one)}/v1", f"{origin(other)}/v1")]) as running,
        ):
            assert await asks(running, 10, path, body) == {502: 10}
            assert (len(one.asked), len(other.asked)) == (10, 10)

    run(main)


@pytest.mark.parametrize("number", range(4))  # whichever of them comes first
@pytest.mark.parametrize(("path", "body"), WAYS)
def test_who_could_come_again_later_does_not_hear_of_another_backend_that_is_dead(
    path: str, body: Any, number: int
) -> None:
    async def main() -> None:
        busy = replies(whole({"error": {"message": "slow down"}}, 429, "retry-after: 7"))
        async with (
            playback(busy) as backend,
            house([model("m", NOBODY, f"{origin(backend)}/v1")]) as running,
        ):
            for _ in range(5):  # and however it rests
                answer = await running.ask(path, body, headers=sessions(number))
                assert answer.status == 429
                assert answer.headers["retry-after"] == "7"
                assert "slow down" in answer.error["message"]

    run(main)


def test_the_log_says_in_whose_place_another_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with (
            playback(BROKEN) as broken,
            playback(says(Words("yes"))) as well,
            house([model("m", f"{origin(broken)}/v1", f"{origin(well)}/v1")]) as running,
        ):
            await asks(running, 20, "/v1/messages", messages_body())
            said = [line for line in caplog.messages if "another one is asked" in line]
            assert len(said) == 3
            assert all(f" {origin(broken)}: " in line for line in said)

    caplog.set_level("INFO")
    run(main)


def test_a_single_backend_is_always_asked() -> None:
    async def main() -> None:
        said = iter([BROKEN] * 5 + [says(Words("yes"))] * 5)

        async def answer(peer: Peer, asked: Asked) -> None:
            await next(said)(peer, asked)

        async with playback(answer) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            assert await asks(running, 10, "/v1/messages", messages_body()) == {502: 5, 200: 5}

    run(main)


def test_of_two_accounts_at_one_url_each_rests_and_is_counted_for_itself() -> None:
    asked: dict[str, int] = {}
    go_on = asyncio.Event()

    async def answer(peer: Peer, heard: Asked) -> None:
        account = heard.headers["authorization"]
        asked[account] = asked.get(account, 0) + 1
        if account == "Bearer sk-used-up":
            said = {"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}
            await peer.say(whole(said, 429))
        else:
            if b"slowly" in heard.body:
                await go_on.wait()
            await says(*HELLO)(peer, heard)

    async def main() -> None:
        async with playback(answer) as backend:
            url = f"{origin(backend)}/v1"
            accounts = [
                {"url": url, "api_key": f"sk-{name}", "max_inflight": 1} for name in ("used-up", "first", "second")
            ]
            async with house([{"name": "m", "backends": accounts}]) as running:
                for number in range(40):
                    said = [{"role": "user", "content": f"{number}"}]
                    assert (await running.ask("/v1/chat/completions", chat_body(messages=said))).status == 200
                assert asked["Bearer sk-used-up"] == 3
                slowly = chat_body(messages=[{"role": "user", "content": "slowly"}])
                two = [asyncio.ensure_future(running.ask("/v1/chat/completions", slowly)) for _ in range(2)]
                await until(lambda: running.gateway.load.under_way(url, "m") == 2)
                go_on.set()
                assert [(await each).status for each in two] == [200, 200]
                assert running.gateway.load.under_way(url, "m") == 0

    run(main)


def test_a_refusal_that_is_the_requests_own_fault_is_no_failure() -> None:
    async def main() -> None:
        refuses = replies(whole({"error": {"message": "no"}}, 400))
        async with (
            playback(refuses) as one,
            playback(refuses) as other,
            house([model("m", f"{origin(one)}/v1", f"{origin(other)}/v1")]) as running,
        ):
            assert await asks(running, 20, "/v1/chat/completions", chat_body()) == {400: 20}
            assert len(one.asked) + len(other.asked) == 20
            assert not running.gateway.health.rests(f"{origin(one)}/v1")

    run(main)


def test_a_rest_outlives_a_reload() -> None:
    async def main() -> None:
        async with playback(says(Words("yes"))) as well:
            models = [model("m", NOBODY, f"{origin(well)}/v1")]
            async with house(models) as running:
                await asks(running, 20, "/v1/messages", messages_body())
                assert running.gateway.health.rests(NOBODY)
                source = running.gateway.config
                source.current = Snapshot.of(source.current.config)
                await running.ask("/v1/messages", messages_body())
                assert running.gateway.health.rests(NOBODY)

    run(main)


def test_a_conversation_stays_at_its_backend() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("one"))) as one,
            playback(says(Words("two"))) as two,
            house([model("m", f"{origin(one)}/v1", f"{origin(two)}/v1")]) as running,
        ):
            met = set()
            for number in range(12):
                first = [{"role": "user", "content": f"hi {number}"}]
                grown = [*first, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "go on"}]
                texts = set()
                for said in (first, grown):
                    in_chat = await running.ask("/v1/chat/completions", chat_body(messages=said))
                    in_messages = await running.ask("/v1/messages", messages_body(messages=said))
                    in_responses = await running.ask("/v1/responses", responses_body(input=said))
                    texts |= {
                        in_chat.json["choices"][0]["message"]["content"],
                        in_messages.json["content"][0]["text"],
                        in_responses.json["output"][0]["content"][0]["text"],
                    }
                assert len(texts) == 1
                met |= texts
            assert met == {"one", "two"}

    run(main)


class Holding:
    """A backend that answers when it is told to."""

    def __init__(self) -> None:
        self.go_on: Final = asyncio.Event()
        self.under_way = 0
        self.most = 0

    def answer(self, text: str) -> Answer:
        async def answer(peer: Peer, asked: Asked) -> None:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await self.go_on.wait()
            self.under_way -= 1
            await says(Words(text))(peer, asked)

        return answer


def limited(*places: tuple[Backend, int]) -> list[dict[str, Any]]:
    backends = [{"url": f"{origin(backend)}/v1", "max_inflight": limit} for backend, limit in places]
    return [{"name": "m", "backends": backends}]


def test_a_full_backend_is_passed_over_and_where_all_are_full_requests_wait_in_line() -> None:
    async def main() -> None:
        small, large = Holding(), Holding()
        async with (
            playback(small.answer("small")) as one,
            playback(large.answer("large")) as other,
            house(limited((one, 1), (other, 2))) as running,
        ):
            asking = [
                asyncio.ensure_future(running.ask("/v1/messages", messages_body(), headers=sessions(1)))
                for _ in range(6)
            ]
            await until(lambda: small.under_way + large.under_way == 3)
            small.go_on.set()
            large.go_on.set()
            answers = await asyncio.gather(*asking)
            assert [answer.status for answer in answers] == [200] * 6
            assert (small.most, large.most) == (1, 2)

    run(main)


def test_who_is_refused_for_want_of_room_is_told_when_to_come_back() -> None:
    async def main() -> None:
        holding = Holding()
        async with playback(holding.answer("yes")) as backend, house(limited((backend, 1))) as running:
            running.gateway.load._longest_wait = 0.01  # type: ignore[misc]
            first = asyncio.ensure_future(running.ask("/v1/messages", messages_body()))
            await until(lambda: holding.under_way == 1)
            refused = await running.ask("/v1/chat/completions", chat_body())
            assert refused.status == 503
            assert refused.headers["retry-after"] == "5"
            assert "busy" in refused.error["message"]
            holding.go_on.set()
            assert (await first).status == 200

    run(main)


def test_a_client_that_hangs_up_gives_its_place_back() -> None:
    async def main() -> None:
        holding = Holding()
        async with playback(holding.answer("yes")) as backend, house(limited((backend, 1))) as running:
            async with running.talk() as line:
                await line.say("/v1/messages", messages_body())
                await until(lambda: holding.under_way == 1)
            await until(lambda: running.gateway.load.under_way(f"{origin(backend)}/v1", "m") == 0)
            holding.go_on.set()
            assert (await running.ask("/v1/messages", messages_body())).status == 200

    run(main)
