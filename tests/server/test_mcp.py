"""The proxy's tools over MCP: as the official SDK hears them in both ways and all ages, and message by message."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from dragoman.wire import jsons
from tests.engines import Engines
from tests.gateway.stage import NOBODY, Heard, House, house, model, run
from tests.net.scripted import Peer, ok, serving, until

KEY = "sk-0123456789abcdef0123"
OTHER_KEY = "sk-other-0123456789abcdef"
BEARER = {"authorization": f"Bearer {KEY}"}
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with Engines() as engines:
        yield engines


@pytest.fixture(autouse=True)
def _well(engines: Engines) -> None:
    engines.plight.clear()


def in_house(main: Callable[[House], Awaitable[None]], processors: Any = None, **config: Any) -> None:
    async def within() -> None:
        keys = [{"name": "me", "key": KEY}, {"name": "other", "key": OTHER_KEY}]
        async with house([model("m", NOBODY)], processors=processors or {}, keys=keys, **config) as there:
            await main(there)

    run(within)


@contextlib.asynccontextmanager
async def streamable(there: House, mode: str) -> AsyncIterator[Client]:
    async with create_mcp_http_client(headers=BEARER) as http:
        transport = streamable_http_client(f"{there.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@contextlib.asynccontextmanager
async def legacy(there: House) -> AsyncIterator[Client]:
    async with Client(sse_client(f"{there.url}/mcp/sse", headers=BEARER), mode="legacy") as client:
        yield client


WAYS = {
    "discovered": lambda there: streamable(there, "auto"),
    "handshake": lambda there: streamable(there, "legacy"),
    "newest": lambda there: streamable(there, "2026-07-28"),
    "sse": legacy,
}


@pytest.mark.parametrize("way", WAYS)
def test_the_sdk_lists_and_calls_tools(engines: Engines, way: str) -> None:
    async def main(there: House) -> None:
        async with WAYS[way](there) as client:
            if way != "newest":
                assert client.server_info is not None
                assert client.server_info.name == "dragoman"
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(tools) == ["web_search", "web_fetch"]
            assert tools["web_search"].input_schema["required"] == ["query"]
            result = await client.call_tool("web_search", {"query": "llama"})
            assert not result.is_error
            assert "https://llama.example/care" in result.content[0].text  # type: ignore[union-attr]
            failed = await client.call_tool("web_fetch", {"url": "http://169.254.169.254/latest/meta-data/"})
            assert failed.is_error
            assert "not on the public internet" in failed.content[0].text  # type: ignore[union-attr]

    in_house(main, engines.config("tavily"))


def test_pages_are_fetched() -> None:
    async def script(peer: Peer) -> None:
        await peer.asked()
        await peer.say(ok(b"<h1>Hay</h1>", b"content-type: text/html"))

    async def within() -> None:
        async with serving(script) as page:

            async def main(there: House) -> None:
                async with streamable(there, "auto") as client:
                    result = await client.call_tool("web_fetch", {"url": page.url})
                    assert "# Hay" in result.content[0].text  # type: ignore[union-attr]

            place = f"127.0.0.1:{page.port}"
            keys = [{"name": "me", "key": KEY}]
            config: dict[str, Any] = {"processors": {"web_fetch": True}, "keys": keys, "fetch_allow": [place]}
            async with house([model("m", NOBODY)], **config) as there:
                await main(there)

    run(within)


def test_only_what_is_configured_is_listed() -> None:
    async def main(there: House) -> None:
        async with streamable(there, "auto") as client:
            assert (await client.list_tools()).tools == []

    in_house(main)


async def say(there: House, message: Any, path: str = "/mcp", **headers: str) -> Heard:
    given = (
        BEARER
        | {"accept": "application/json, text/event-stream"}
        | {n.replace("_", "-"): v for n, v in headers.items()}
    )
    return await there.ask(path, message, headers=given)


def request(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


@pytest.mark.parametrize("version", [*VERSIONS, "1999-01-01", None])
def test_a_handshake_agrees_on_a_revision(version: str | None) -> None:
    async def main(there: House) -> None:
        heard = await say(there, request("initialize", protocolVersion=version, capabilities={}, clientInfo={}))
        assert heard.status == 200
        assert heard.json["id"] == 7
        result = heard.json["result"]
        assert result["protocolVersion"] == (version if version in VERSIONS else VERSIONS[-1])
        assert result["capabilities"] == {"tools": {}}

    in_house(main)


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[]", 400, -32600),
        (b'{"id": 1, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', 400, -32600),
        (request("resources/list"), 200, -32601),
        (request("tools/call", name="rm", arguments={}), 200, -32602),
        (request("tools/call"), 200, -32602),
        (request("tools/call", name="web_search", arguments=[1]), 200, -32602),
        ({**request("tools/call"), "params": [1]}, 200, -32602),
    ],
)
def test_messages_that_make_no_sense(engines: Engines, message: Any, status: int, code: int) -> None:
    async def main(there: House) -> None:
        heard = await say(there, message)
        assert (heard.status, heard.json["error"]["code"]) == (status, code)
        assert heard.json["jsonrpc"] == "2.0"

    in_house(main, engines.config("tavily"))


def test_a_revision_that_is_not_spoken() -> None:
    async def main(there: House) -> None:
        heard = await say(there, request("tools/list"), mcp_protocol_version="2031-01-01")
        assert heard.status == 400
        error = heard.json["error"]
        assert (error["code"], error["data"]["requested"]) == (-32022, "2031-01-01")
        assert set(VERSIONS) < set(error["data"]["supported"])

    in_house(main)


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "web_search"}},
    ],
)
def test_what_wants_no_reply_gets_none(message: Any) -> None:
    async def main(there: House) -> None:
        heard = await say(there, message)
        assert (heard.status, heard.body) == (202, b"")

    in_house(main)


def test_ping() -> None:
    async def main(there: House) -> None:
        assert (await say(there, request("ping"))).json == {"jsonrpc": "2.0", "id": 7, "result": {}}

    in_house(main)


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_is_no_stream_and_no_session(method: str) -> None:
    async def main(there: House) -> None:
        assert (await there.ask("/mcp", method=method, headers=BEARER)).status == 405

    in_house(main)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/mcp"), ("GET", "/mcp/sse"), ("POST", "/mcp/messages?session_id=x")]
)
def test_nobody_gets_in_without_a_key(method: str, path: str) -> None:
    async def main(there: House) -> None:
        assert (await there.ask(path, request("ping"), method=method)).status == 401
        headers = {"x-api-key": "sk-wrong-0123456789abcdef"}
        assert (await there.ask(path, request("ping"), method=method, headers=headers)).status == 401

    in_house(main)


def test_without_keys_web_pages_stay_outside() -> None:
    async def within() -> None:
        async with house([model("m", NOBODY)]) as there:
            assert (await there.ask("/mcp", request("ping"))).status == 200
            for headers in ({"origin": "https://evil.example"}, {"host": "evil.example:80"}):
                assert (await there.ask("/mcp", request("ping"), headers=headers)).status == 403

    run(within)


def test_a_call_is_one_line_in_the_log(engines: Engines, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")

    async def main(there: House) -> None:
        await say(there, request("tools/call", name="web_search", arguments={"query": "secret question"}))

    in_house(main, engines.config("tavily"))
    [record] = [record for record in caplog.records if record.name == "dragoman.exchange"]
    fields = record.entry.fields()  # type: ignore[attr-defined]
    assert (fields["path"], fields["rail"], fields["key"], fields["status"], fields["tool_runs"]) == (
        "/mcp",
        "mcp",
        "me",
        200,
        1,
    )
    assert "secret question" not in caplog.text


def test_a_failure_is_the_tools_and_not_the_protocols(engines: Engines) -> None:
    engines.plight["searxng"] = "dead"

    async def main(there: House) -> None:
        heard = await say(there, request("tools/call", name="web_search", arguments={"query": "x"}))
        assert heard.json["result"]["isError"] is True
        assert "none of the engines" in heard.json["result"]["content"][0]["text"]

    in_house(main, engines.config("searxng"))


def open_streams(there: House) -> dict[str, Any]:
    streams: dict[str, Any] = there.app._endpoints["GET", "/mcp/sse"].endpoint.__self__._open  # type: ignore[attr-defined]
    return streams


def test_a_stream_is_its_clients_own_and_ends_with_it() -> None:
    async def main(there: House) -> None:
        async with there.talk() as line:
            await line.say("/mcp/sse", method="GET", headers=BEARER)
            head = await line.reader.readuntil(b"\n\n")
            while b"endpoint" not in head:
                head += await line.reader.readuntil(b"\n\n")
            place = next(part for part in head.decode().split() if part.startswith("/mcp/messages"))
            assert (await say(there, request("ping"), place)).status == 202
            assert b'"result":{}' in await line.reader.readuntil(b"\n\n")
            there.pulse()
            assert b": still here" in await line.reader.readuntil(b"\n\n")
            stranger = {"authorization": f"Bearer {OTHER_KEY}"}
            assert (await there.ask(place, request("ping"), headers=stranger)).status == 404
            assert (await say(there, request("ping"), "/mcp/messages?session_id=guess")).status == 404
            assert (await say(there, request("ping"), "/mcp/messages")).status == 404
            streams = open_streams(there)
            assert len(streams) == 1
        await until(lambda: not streams)
        assert (await say(there, request("ping"), place)).status == 404

    in_house(main)


def test_there_are_only_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dragoman.server.mcp._MOST_STREAMS", 1)

    async def main(there: House) -> None:
        async with there.talk() as line:
            await line.say("/mcp/sse", method="GET", headers=BEARER)
            await line.reader.readuntil(b"endpoint")
            assert (await there.ask("/mcp/sse", method="GET", headers=BEARER)).status == 503

    in_house(main)


def test_a_stream_that_nobody_reads_fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> None:
        raise asyncio.QueueFull

    async def main(there: House) -> None:
        async with there.talk() as line:
            await line.say("/mcp/sse", method="GET", headers=BEARER)
            await line.reader.readuntil(b"endpoint")
            [(name, stream)] = open_streams(there).items()
            monkeypatch.setattr(stream.replies, "put_nowait", full)
            assert (await say(there, request("ping"), f"/mcp/messages?session_id={name}")).status == 503

    in_house(main)


def test_the_reply_is_json() -> None:
    async def main(there: House) -> None:
        heard = await say(there, jsons.write(request("ping")))
        assert heard.headers["content-type"] == "application/json"

    in_house(main)
