"""What may be read, and the paths that lead nowhere: always in an envelope the client knows."""

import logging
from typing import Any

import pytest

from dragoman.gateway.responder import SECURITY
from dragoman.server import reads
from tests.agents.script import Words
from tests.gateway.stage import NOBODY, Heard, chat_body, house, messages_body, model, origin, playback, run, says


def asked(path: str, method: str = "GET", headers: dict[str, str] | None = None, body: Any = b"") -> Heard:
    found: list[Heard] = []

    async def main() -> None:
        async with house([model("org/m", NOBODY), model("n", NOBODY)], aliases={"a": "n"}) as running:
            found.append(await running.ask(path, body, method=method, headers=headers))

    run(main)
    return found[0]


@pytest.mark.parametrize("path", ["/healthz", "/api/hello"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_open_to_all(path: str, method: str) -> None:
    heard = asked(path, method, {"host": "evil.example"})
    assert heard.status == 200
    assert heard.body == (b'{"status":"ok"}' if method == "GET" else b"")


@pytest.mark.parametrize(
    "path",
    [
        "/generator/choices",
        "/v2/messages",
        "/v1/messages/batches",
        "/favicon.ico",
        "/v1/chat/completions/x",
        "/v1/x" * 99,
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_unknown_paths_are_404(path: str, method: str) -> None:
    heard = asked(path, method)
    assert heard.status == 404
    assert "there is no" in heard.error["message"]
    assert len(heard.body) < 600


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_says_what_this_is(method: str) -> None:
    heard = asked("/", method)
    assert heard.status == 200
    assert heard.body == b"" if method == "HEAD" else list(heard.json) == ["dragoman"]


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/", "POST", "GET, HEAD"),
        ("/v1/messages", "GET", "POST"),
        ("/v1/messages", "PUT", "POST"),
        ("/v1/chat/completions", "DELETE", "POST"),
        ("/v1/models", "POST", "GET, HEAD"),
        ("/healthz", "POST", "GET, HEAD"),
        ("/v1/models/n", "DELETE", "GET, HEAD"),
    ],
)
def test_wrong_methods_are_405(path: str, method: str, allowed: str) -> None:
    heard = asked(path, method)
    assert (heard.status, heard.headers["allow"]) == (405, allowed)
    assert f"not {method}" in heard.error["message"]


@pytest.mark.parametrize(
    ("path", "headers", "envelope"),
    [
        ("/v1/messages/nothing", {}, "messages"),
        ("/nothing", {"anthropic-version": "2023-06-01"}, "messages"),
        ("/v1/models/x", {"anthropic-version": "2023-06-01"}, "messages"),
        ("/nothing", {}, "chat"),
        ("/v1/models/x", {}, "chat"),
        ("/v1/chat/nothing", {}, "chat"),
    ],
)
def test_the_envelope_is_the_one_the_client_knows(path: str, headers: dict[str, str], envelope: str) -> None:
    body = asked(path, headers=headers).json
    assert ("request_id" in body) == (envelope == "messages")
    assert body["error"]["type"] == ("not_found_error" if envelope == "messages" else "invalid_request_error")


@pytest.mark.parametrize("path", ["/v1/models/org/m", "/v1/models/org%2Fm", "/models/org/m", "/v1/models/a"])
def test_one_model_is_found_by_its_id(path: str) -> None:
    assert asked(path).json["id"] == ("a" if path.endswith("/a") else "org/m")


def test_a_bug_is_told_as_one_without_its_text(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(reads, "list_models", broken)
    heard = asked("/v1/models")
    assert heard.status == 500
    assert heard.headers["x-request-id"] in heard.error["message"]
    assert b"secret" not in heard.body
    assert "ValueError: a secret" in caplog.text


def test_what_is_refused_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dragoman.exchange")
    asked("/chat/completion", "POST")
    assert [message for message in caplog.messages if message.startswith("404 /chat/completion ")]


def test_every_answer_has_the_security_headers_and_an_id() -> None:
    async def main() -> None:
        async with playback(says(Words("hi"))) as backend:
            models = [model("m", f"{origin(backend)}/v1"), model("away", NOBODY)]
            async with house(models, max_body_mb=1) as running:
                for path, method, body in (
                    ("/healthz", "GET", b""),
                    ("/nothing", "GET", b""),
                    ("/v1/models", "GET", b""),
                    ("/v1/messages", "POST", messages_body()),
                    ("/v1/messages", "POST", messages_body(stream=True)),
                    ("/v1/chat/completions", "POST", chat_body(stream=True)),
                    ("/v1/messages", "POST", messages_body("away")),
                    ("/v1/messages", "POST", b"junk"),
                    ("/v1/messages", "POST", b"x" * 2_000_000),
                    ("/v1/messages/count_tokens", "POST", messages_body("away")),
                    ("/v1/embeddings", "POST", {"model": "away"}),
                ):
                    heard = await running.ask(path, body, method=method)
                    for name, value in SECURITY:
                        assert heard.headers[name.decode()] == value.decode(), path
                    assert "no-store" in heard.headers["cache-control"]
                    assert heard.headers["request-id"] == heard.headers["x-request-id"]
                    assert heard.headers["request-id"].startswith("req_")
                    assert "server" not in heard.headers

    run(main)
