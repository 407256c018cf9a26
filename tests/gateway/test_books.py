"""Exchanges in the ledger: what is written of each, on every way out, and what is seen while they go on."""

import asyncio
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.gateway.entry import Entry
from dragoman.ledger.line import FIELDS
from tests.agents.script import Words
from tests.gateway.stage import (
    NOBODY,
    STREAM,
    House,
    chat_body,
    chunk,
    hangs_after,
    house,
    messages_body,
    model,
    origin,
    playback,
    responses_body,
    run,
    says,
)
from tests.net.scripted import until

KEY = "sk-0123456789abcdef"
KEYS = [{"key": KEY, "name": "me", "models": ["m"]}]
ASKING = {"authorization": f"Bearer {KEY}", "user-agent": "claude-cli/2.1.330 (external, cli)"}


def lines(running: House) -> list[dict[str, Any]]:
    ledger = running.gateway.books.ledger
    assert ledger is not None
    assert ledger.database.flush()

    def all_of_them(db: sqlite3.Connection) -> list[dict[str, Any]]:
        rows = db.execute(f"SELECT {', '.join(FIELDS)} FROM lines ORDER BY number")
        return [dict(zip(FIELDS, row, strict=True)) for row in rows]

    return ledger.database.read(all_of_them, [])


def recorded(path: str, body: Any, headers: Mapping[str, str] | None = None, **config: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    async def main() -> None:
        async with playback(says(Words("hi"))) as backend:
            models = [model("m", f"{origin(backend)}/v1"), model("n", NOBODY)]
            async with house(models, keys=KEYS, aliases={"a": "m"}, **config) as running:
                await running.ask(path, body, headers={**ASKING, **(headers or {})})
                found.extend(lines(running))

    run(main)
    return found


def test_tokens_of_a_relayed_stream_are_counted_though_its_client_has_not_asked_for_them() -> None:
    (line,) = recorded("/v1/chat/completions", chat_body("m", stream=True))
    assert line["rail"] == "relay"
    assert line["input_tokens"] > 0
    assert line["output_tokens"] > 0


def test_a_line_of_an_exchange() -> None:
    headers = {"x-claude-code-session-id": "s1", "x-claude-code-agent-id": "helper"}
    (line,) = recorded("/v1/messages", messages_body("a", stream=True), headers)
    assert (line["key"], len(line["key_hash"]), line["agent"], line["agent_version"]) == (
        "me",
        16,
        "Claude Code",
        "2.1.330",
    )
    assert (line["session"], line["subagent"]) == ("s1", "helper")
    assert (line["asked"], line["model"], line["backend_model"]) == ("a", "m", "backend-m")
    assert (line["dialect"], line["backend_dialect"], line["rail"]) == (
        "anthropic-messages",
        "openai-chat",
        "translate",
    )
    assert (line["path"], line["status"], line["problem"], line["attempts"]) == ("/v1/messages", 200, "", 1)
    assert line["backend"].startswith("http://127.0.0.1:")
    assert line["input_tokens"] > 0
    assert line["output_tokens"] > 0
    assert line["request_bytes"] > 50
    assert line["response_bytes"] > 200
    assert 0 <= line["first_byte_ms"] <= line["duration_ms"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", chat_body("m", stream=True, stream_options={"include_usage": True})),
        ("/v1/responses", responses_body("m")),
    ],
)
def test_whole_and_relayed_exchanges_are_lines_too(path: str, body: Any) -> None:
    (line,) = recorded(path, body)
    assert (line["status"], line["rail"]) == (200, "relay" if "chat" in path else "translate")
    assert line["response_bytes"] > 100
    assert line["output_tokens"] > 0


def test_nothing_that_was_said_is_in_a_line() -> None:
    body = messages_body("m", system="SECRET-SYSTEM", messages=[{"role": "user", "content": "SECRET-PROMPT"}])
    (line,) = recorded("/v1/messages", body)
    assert "SECRET" not in str(line)
    assert KEY not in str(line)


def test_refused_exchanges_of_a_key_are_lines() -> None:
    (unknown,) = recorded("/v1/messages", messages_body("nothing"))
    assert (unknown["asked"], unknown["model"], unknown["status"], unknown["problem"]) == (
        "nothing",
        "",
        404,
        "unknown_model",
    )
    (garbled,) = recorded("/v1/messages", b"{")
    assert (garbled["key"], garbled["status"], garbled["problem"]) == ("me", 400, "bad_request")
    (forbidden,) = recorded("/v1/messages", messages_body("n"))
    assert (forbidden["asked"], forbidden["model"], forbidden["problem"]) == ("n", "n", "forbidden")


def test_who_has_no_key_leaves_nothing() -> None:
    assert recorded("/v1/messages", messages_body("m"), {"authorization": "Bearer wrong"}) == []


def test_without_keys_everybody_is_anonymous() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)]) as running:
            await running.ask("/v1/messages", messages_body("m"))
            assert [(line["key"], line["key_hash"], line["status"]) for line in lines(running)] == [
                ("anonymous", "", 502)
            ]

    run(main)


def test_the_session_in_the_body_counts_where_no_header_says_it() -> None:
    user = '{"device_id":"d","account_uuid":"","session_id":"in-the-body"}'
    (line,) = recorded("/v1/messages", messages_body("m", metadata={"user_id": user}))
    assert line["session"] == "in-the-body"


def test_names_from_outside_are_cut_and_cleaned() -> None:
    (line,) = recorded("/v1/messages", messages_body("x\x1b[2J" + "y" * 5000))
    assert line["asked"].isprintable()
    assert len(line["asked"]) == 200


def test_recording_can_be_switched_off() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], log_metrics=False) as running:
            assert (await running.ask("/v1/messages", messages_body("m"))).status == 502
            assert running.gateway.books.ledger is None

    run(main)


def test_what_is_under_way_is_seen_until_it_ends() -> None:
    first = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'

    async def main() -> None:
        async with (
            playback(hangs_after(STREAM, chunk(first))) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
            running.talk() as client,
        ):
            books = running.gateway.books
            await client.say("/v1/messages", messages_body("m", stream=True), headers={"user-agent": "codex_exec/1"})
            await client.head()
            await until(lambda: [one.state for one in books.under_way()] == ["answering"])
            (one,) = books.under_way()
            assert (one.key, one.agent, one.model, one.rail) == ("anonymous", "Codex", "m", "translate")
            assert one.age_ms >= 0
            assert one.response_bytes > 0
            client.writer.close()
            await until(lambda: books.under_way() == [])
            assert [line["status"] for line in lines(running)] == [499]

    run(main)


def test_what_waits_for_a_backend_waits() -> None:
    async def main() -> None:
        async with (
            playback(hangs_after()) as backend,
            house([model("m", f"{origin(backend)}/v1")]) as running,
        ):
            asking = asyncio.ensure_future(running.ask("/v1/messages", messages_body("m")))
            await until(lambda: [one.state for one in running.gateway.books.under_way()] == ["waiting"])
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await until(lambda: running.gateway.books.under_way() == [])

    run(main)


def test_who_knocks_without_a_key_is_not_seen() -> None:
    async def main() -> None:
        async with house([model("m", NOBODY)], keys=KEYS) as running, running.talk() as client:
            head = f"content-length: 100\r\nauthorization: Bearer {KEY}"
            client.writer.write(f"POST /v1/messages HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n".encode())
            await until(lambda: [one.state for one in running.gateway.books.under_way()] == ["arriving"])
            assert (await running.ask("/v1/messages", messages_body("m"))).status == 401
            assert len(running.gateway.books.under_way()) == 1

    run(main)


def test_what_is_over_is_written_down_soon_and_with_the_time_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    """Not in the moment in which its client hears the end, and asks again."""

    async def main() -> None:
        async with playback(says(Words("hi"))) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            books, began = running.gateway.books, time.time()
            books.soon = 0.001
            await running.ask("/v1/messages", messages_body())
            await until(lambda: len(lines(running)) == 1)

            books.soon = 60
            for _ in range(2):
                await running.ask("/v1/messages", messages_body())
            await until(lambda: not books.under_way())
            ended = time.time()
            assert len(lines(running)) == len(entries(caplog)) == 1
            books.shut()  # as at the end of the house
            assert len(lines(running)) == 3
            records = entries(caplog)
            assert all(began - 0.1 <= one.created <= ended + 0.1 for one in records)
            assert sum(one.entry.seconds() for one in records) <= ended - began

            await running.ask("/v1/messages", messages_body())
            await until(lambda: not books.under_way())
            assert len(lines(running)) == 4

    caplog.set_level("INFO", "dragoman.exchange")
    run(main)


def test_a_line_that_cannot_be_written_keeps_no_other_back(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(entry: Entry) -> None:
        if entry.path == "/v1/messages":
            raise ValueError(entry.path)

    async def main() -> None:
        async with playback(says(Words("hi"))) as backend, house([model("m", f"{origin(backend)}/v1")]) as running:
            running.gateway.books.soon = 60
            await running.ask("/v1/messages", messages_body())
            await running.ask("/v1/chat/completions", chat_body())
            await until(lambda: not running.gateway.books.under_way())
            running.gateway.books.write()
            assert [line["path"] for line in lines(running)] == ["/v1/chat/completions"]

    monkeypatch.setattr(Entry, "write", written)
    run(main)
    assert "could not be written down" in caplog.text


def entries(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if hasattr(record, "entry")]
