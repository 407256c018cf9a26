"""Which conversation a request belongs to, as the agents tell it."""

import pytest

from dragoman.protocols.sessions import session_in, session_in_user, subagent_in

UUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ({"x-claude-code-session-id": "c", "x-session-id": "o"}, "c"),
        ({"x-session-affinity": "a", "x-session-id": "o"}, "a"),
        ({"x-session-id": "o"}, "o"),
        ({"session-id": "x"}, "x"),
        ({"session_id": "x"}, "x"),
        ({"x-session-id": ""}, None),
        ({}, None),
    ],
)
def test_sessions_in_headers(headers: dict[str, str], session: str | None) -> None:
    assert session_in(headers) == session


@pytest.mark.parametrize(
    ("user", "session"),
    [
        (f'{{"device_id":"d","account_uuid":"a","session_id":"{UUID}"}}', UUID),
        (f"user_0123_account__session_{UUID}", UUID),
        ('{"session_id":7}', None),
        ("{broken", None),
        ('["session_id"]', None),
        ("alice", None),
        ("", None),
        (None, None),
    ],
)
def test_sessions_in_claude_codes_user_id(user: str | None, session: str | None) -> None:
    assert session_in_user(user) == session


@pytest.mark.parametrize(
    ("headers", "subagent"),
    [
        ({"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a"}, "a"),
        ({"x-claude-code-session-id": "s"}, None),
        ({"session-id": "s", "thread-id": "s"}, None),
        ({"session-id": "s", "thread-id": "t"}, "t"),
        ({"thread-id": "t"}, None),
        ({}, None),
    ],
)
def test_subagents(headers: dict[str, str], subagent: str | None) -> None:
    assert subagent_in(headers) == subagent
