"""Stored responses, as the official SDK reads, lists, cancels and deletes them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2
import openai
import pytest

from tests.agents.script import Words
from tests.gateway.stage import NOBODY, House, house, model, origin, playback, responses_body, run, says

KEY: Final = "sk-client-0123456789abcdef"

Act = Callable[[openai.AsyncOpenAI, House, list[str]], Awaitable[None]]


def sdk(running: House) -> openai.AsyncOpenAI:
    plain = httpx2.AsyncClient(verify=False)
    return openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key=KEY, max_retries=0, http_client=plain)


def after_two(act: Act) -> None:
    """Run `act` where there are two responses, the second of which goes on from the first."""

    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
            sdk(running) as client,
        ):
            first = await client.responses.create(model="m", input="one", metadata={"a": "b"})
            second = await client.responses.create(model="m", input="two", previous_response_id=first.id)
            await act(client, running, [first.id, second.id])

    run(main)


def test_a_response_is_read_as_it_was_told() -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        found = await client.responses.retrieve(ids[1])
        assert (found.id, found.status, found.output_text) == (ids[1], "completed", "yes")
        assert found.previous_response_id == ids[0]
        assert found.usage is not None
        assert (await client.responses.retrieve(ids[0])).metadata == {"a": "b"}

    after_two(act)


def test_its_input_is_the_conversation_before_it() -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        listed = [item async for item in client.responses.input_items.list(ids[1], order="asc")]
        items: list[Any] = [item.to_dict() for item in listed]
        assert [(item["role"], item["type"]) for item in items] == [
            ("user", "message"),
            ("assistant", "message"),
            ("user", "message"),
        ]
        assert all(item["id"] for item in items)
        assert [item["content"][0]["text"] for item in items] == ["one", "yes", "two"]
        latest = [item.to_dict() async for item in client.responses.input_items.list(ids[1])]
        assert latest == items[::-1]

    after_two(act)


def test_its_input_comes_in_pages() -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        page = await client.responses.input_items.list(ids[1], order="asc", limit=2)
        assert (len(page.data), page.has_more) == (2, True)
        everything: Any = [item.to_dict() async for item in page]
        assert [item["role"] for item in everything] == ["user", "assistant", "user"]
        for wrong in ("0", "101", "x", "-1", "9" * 5000):
            path = f"/v1/responses/{ids[1]}/input_items?limit={wrong}"
            heard = await running.ask(path, method="GET")
            assert (heard.status, heard.error["param"]) == (400, "limit")

    after_two(act)


def test_what_is_deleted_is_gone_and_what_went_on_from_it_cannot_go_on() -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        await client.responses.delete(ids[0])
        for attempt in (client.responses.retrieve, client.responses.delete):
            with pytest.raises(openai.NotFoundError):
                await attempt(ids[0])
        with pytest.raises(openai.BadRequestError) as raised:
            await client.responses.create(model="m", input="x", previous_response_id=ids[1])
        assert raised.value.code == "previous_response_not_found"
        assert (await client.responses.retrieve(ids[1])).id == ids[1]

    after_two(act)


def test_what_is_complete_cannot_be_cancelled() -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        with pytest.raises(openai.BadRequestError):
            await client.responses.cancel(ids[0])

    after_two(act)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/responses", 405),
        ("GET", "/v1/responses/compact", 405),
        ("GET", "/v1/responses/", 405),
        ("GET", "/v1/responses/resp_x", 404),
        ("DELETE", "/v1/responses/resp_x", 404),
        ("DELETE", "/v1/responses/resp_x/input_items", 404),
        ("POST", "/v1/responses/resp_x/cancel", 404),
        ("GET", "/v1/responses/a/b/c", 404),
        ("GET", "/v1/responses/" + "x" * 4000, 404),
        ("GET", "/v1/responses/resp_'%20OR%201=1", 404),
    ],
)
def test_what_leads_nowhere(method: str, path: str, status: int) -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            heard = await running.ask(path, method=method)
            assert heard.status == status
            assert len(heard.body) < 600
            assert heard.error["type"] == "invalid_request_error"

    run(main)


@pytest.mark.parametrize(
    ("method", "below", "allowed"),
    [
        ("POST", "", "GET, DELETE"),
        ("PUT", "", "GET, DELETE"),
        ("GET", "/cancel", "POST"),
        ("POST", "/input_items", "GET"),
        ("PATCH", "", "GET, DELETE"),
    ],
)
def test_other_methods_are_refused(method: str, below: str, allowed: str) -> None:
    async def act(client: openai.AsyncOpenAI, running: House, ids: list[str]) -> None:
        heard = await running.ask(f"/v1/responses/{ids[0]}{below}", method=method)
        assert (heard.status, heard.headers["allow"]) == (405, allowed)

    after_two(act)


def test_nobody_reads_without_a_key() -> None:
    async def main() -> None:
        async with (
            playback(says(Words("yes"))) as backend,
            house([model("m", f"{origin(backend)}/v1")], keys=[{"key": KEY}]) as running,
        ):
            mine = {"authorization": f"Bearer {KEY}"}
            said = await running.ask("/v1/responses", responses_body(), headers=mine)
            path = f"/v1/responses/{said.json['id']}"
            assert (await running.ask(path, method="GET")).status == 401
            assert (await running.ask(path, method="DELETE")).status == 401
            assert (await running.ask(path, method="GET", headers=mine)).json == said.json

    run(main)
