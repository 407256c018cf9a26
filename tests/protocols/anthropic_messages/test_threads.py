"""Conversations that a server is thought to hold."""

from typing import Any

import pytest

from dragoman.hub.problems import Problem
from dragoman.protocols.anthropic_messages.threads import demand_all_of, details_of


@pytest.mark.parametrize("thread", [None, {"type": "create"}, {}, "continue", {"type": None}])
def test_what_is_said_whole(thread: Any) -> None:
    demand_all_of(thread)


def test_what_goes_on_unsaid_is_lost() -> None:
    with pytest.raises(Problem, match=r"^thread: .*send the whole conversation") as lost:
        demand_all_of({"type": "continue", "previous_message_id": "msg_1"})
    assert details_of(lost.value) == {"details": {"error_code": "thread_not_found"}}


@pytest.mark.parametrize("code", [None, "tool_x", "context_length_exceeded"])
def test_other_errors_have_no_details(code: str | None) -> None:
    assert details_of(Problem("bad_request", "no", code=code)) == {}
