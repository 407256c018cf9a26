"""Nothing of its own is lost: what a client says reaches a backend of the same dialect, in the canonical form."""

from typing import Any

from hypothesis import given, settings

from tests.asking import C, M, asked
from tests.laws import canonical
from tests.laws.requests import chat_bodies, messages_bodies

Object = dict[str, Any]


@settings(max_examples=600, deadline=None)
@given(messages_bodies)
def test_messages_survive(body: Object) -> None:
    assert asked(M, body, M).body == canonical.messages(body)


@settings(max_examples=600, deadline=None)
@given(chat_bodies)
def test_chat_survives(body: Object) -> None:
    assert asked(C, body, C).body == canonical.chat(body)
