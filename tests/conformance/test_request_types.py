"""What we send has the shapes of the official SDKs' own request types: nothing missing, nothing they do not know."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
import pytest
from anthropic.types.message_create_params import MessageCreateParams
from hypothesis import given, settings
from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

from dragoman.hub.request import Request
from dragoman.routing.profiles import profile_for
from tests.asking import C, M, asked, route_to, write
from tests.laws.conversations import CHAT, MESSAGES, of_rounds
from tests.laws.histories import requests

Object = dict[str, Any]

GPT = msgspec.structs.replace(profile_for("openai", "gpt-6"), prefill="native")
CLAUDE = msgspec.structs.replace(profile_for("anthropic", "claude-opus-4-6"), prefill="native")


@cache
def adapter(backend: str) -> TypeAdapter[Any]:
    return TypeAdapter(MessageCreateParams if backend == M else CompletionCreateParams)


def as_the_sdk_reads_it(backend: str, body: Object) -> Any:
    """Without what the types do not know. Raise ValidationError for what they do not take."""
    return _plain(adapter(backend).validate_python(body))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return [_plain(item) for item in value]  # lists are checked only when they are gone through


@pytest.mark.parametrize("body", [*MESSAGES.values(), of_rounds(M, 4)], ids=[*MESSAGES, "rounds"])
def test_messages_clients_to_chat(body: Object) -> None:
    sent = asked(M, body, C, GPT, policy="lenient").body
    assert as_the_sdk_reads_it(C, sent) == sent


@pytest.mark.parametrize("body", [*CHAT.values(), of_rounds(C, 4)], ids=[*CHAT, "rounds"])
def test_chat_clients_to_messages(body: Object) -> None:
    # Tools that take free text are functions by then (protocols/call_kinds.py).
    lowered = {**body, "tools": [t for t in body.get("tools", []) if t["type"] == "function"]}
    if not lowered["tools"]:
        lowered.pop("tool_choice", None)
    sent = asked(C, lowered, M, CLAUDE, policy="lenient").body
    assert as_the_sdk_reads_it(M, sent) == sent


@settings(max_examples=60, deadline=None)
@given(requests(M))
def test_any_history_to_chat(request: Request) -> None:
    sent = write(request, route_to(C, GPT)).body
    assert as_the_sdk_reads_it(C, sent) == sent


@settings(max_examples=60, deadline=None)
@given(requests(C))
def test_any_history_to_messages(request: Request) -> None:
    sent = write(request, route_to(M, CLAUDE)).body
    assert as_the_sdk_reads_it(M, sent) == sent


def test_the_types_are_checked_to_the_bottom() -> None:
    body = {
        "model": "m",
        "max_tokens": 1,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "x": 1}]}],
    }
    assert as_the_sdk_reads_it(M, body) != body
    with pytest.raises(ValueError, match="text"):
        as_the_sdk_reads_it(M, {**body, "messages": [{"role": "user", "content": [{"type": "text"}]}]})
