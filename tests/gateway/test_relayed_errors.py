"""Errors in a relayed stream are cleaned; everything else comes back as it is."""

from typing import Any

import pytest

from dragoman.gateway.entry import Entry
from dragoman.gateway.relayed_errors import cleaned, cleaned_whole
from dragoman.protocols import BACKENDS
from dragoman.wire import jsons

SIDE = BACKENDS["openai-chat"]
URL = "see http://10.0.0.1:8000/x"


def entry() -> Entry:
    return Entry("req_1", "/", "openai-chat")


def event(value: Any, name: str = "") -> bytes:
    return (b"event: %b\n" % name.encode() if name else b"") + b"data: %b\n\n" % jsons.write(value)


@pytest.mark.parametrize(
    ("name", "value", "clean"),
    [
        ("", {"error": {"message": URL, "code": 7}}, {"error": {"message": "see [url]", "code": 7}}),
        ("", {"error": URL, "id": 1}, {"error": "see [url]", "id": 1}),
        ("", {"error": {"message": "a", "list": [URL, 1]}}, {"error": {"message": "a", "list": ["see [url]", 1]}}),
        (
            "error",
            {"type": "error", "error": {"type": "x", "message": URL}},
            {"type": "error", "error": {"type": "x", "message": "see [url]"}},
        ),
        (
            "error",
            {"type": "error", "message": URL, "code": None},
            {"type": "error", "message": "see [url]", "code": None},
        ),
        (
            "response.failed",
            {"type": "response.failed", "response": {"error": {"message": URL}, "output": [URL]}},
            {"type": "response.failed", "response": {"error": {"message": "see [url]"}, "output": [URL]}},
        ),
    ],
)
def test_errors_lose_their_addresses_and_nothing_else(name: str, value: Any, clean: Any) -> None:
    noted, before = entry(), event({"choices": []})
    assert cleaned(before + event(value, name), SIDE, noted) == before + event(clean, name)
    assert noted.problem is not None
    assert "http" not in noted.problem.public


@pytest.mark.parametrize(
    "data",
    [
        b"",
        event({"choices": [{"delta": {"content": '"error": {"message": "http://x"}'}}]}),
        event({"error": None, "choices": []}),
        event({"response": {"error": None, "tools": [{"properties": {"error": {"type": "string"}}}]}}),
        event({"response": {"error": None, "tools": [{"error": "http://x/y"}]}}),
        b'data: {"error": {\n\n',
        b'data: "error": {\n\ndata: [DONE]\n\n',
        b': comment "error": {\n\n',
        event([{"error": {"message": "http://x"}}]),
        event({"error": 5, "x": {"error": "y"}}),
        event({"x": 1}, "error") + event({"error": "", "y": {"type": "error"}}),
    ],
)
def test_what_is_no_error_comes_back_as_it_is(data: bytes) -> None:
    noted = entry()
    assert cleaned(data, SIDE, noted) is data
    assert noted.problem is None


def test_whole_answers_are_cleaned_alike() -> None:
    body = jsons.write({"status": "failed", "error": {"message": URL}, "output": []})
    assert b"10.0.0.1" not in cleaned_whole(body, SIDE, entry())
    assert cleaned_whole(b'{"error" : {', SIDE, entry()) == b'{"error" : {'
