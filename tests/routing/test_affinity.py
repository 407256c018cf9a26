"""Requests of one conversation belong together, from its first turn to its last."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.routing.affinity import affinity_in
from dragoman.wire import jsons

HI = {"role": "user", "content": "hi"}


def of(body: dict[str, Any], **headers: str) -> str | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return affinity_in(named, jsons.members(jsons.write(body)))


@pytest.mark.parametrize(
    "header", ["x-claude-code-session-id", "x-session-affinity", "x-session-id", "session-id", "session_id"]
)
def test_a_session_that_the_client_names_goes_before_everything(header: str) -> None:
    assert affinity_in({header: "s1"}, jsons.members(jsons.write({"messages": [HI], "prompt_cache_key": "k"}))) == "s1"


def test_sessions_inside_the_body() -> None:
    assert of({"prompt_cache_key": "k", "input": "hi"}) == "k"
    user = jsons.write_text({"device_id": "d", "session_id": "s2"})
    assert of({"metadata": {"user_id": user}, "messages": [HI]}) == "s2"


@pytest.mark.parametrize(
    "opening",
    [
        {"system": "be brief", "messages": [HI]},
        {"messages": [{"role": "system", "content": "be brief"}, HI]},
        {"instructions": "be brief", "input": [{"type": "message", **HI}]},
        {"instructions": "be brief", "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
    ],
)
def test_else_it_is_how_the_conversation_begins(opening: dict[str, Any]) -> None:
    first = of(opening)
    assert first == "be brief\nhi"
    said = "messages" if "messages" in opening else "input"
    later = {
        **opening,
        said: [*opening[said], {"role": "assistant", "content": "yes"}, {"role": "user", "content": "go"}],
    }
    assert of(later) == first


def test_marks_for_caches_wander_and_do_not_count() -> None:
    plain = {"type": "text", "text": "hi"}
    marked = {**plain, "cache_control": {"type": "ephemeral"}}
    assert of({"messages": [{"role": "user", "content": [plain]}]}) == of(
        {"messages": [{"role": "user", "content": [marked]}]}
    )


@pytest.mark.parametrize("body", [{}, {"input": [1, 2]}, {"messages": 7}, {"messages": []}, {"prompt_cache_key": 5}])
def test_what_says_nothing_belongs_nowhere(body: dict[str, Any]) -> None:
    assert of(body) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["system", "messages", "input", "metadata", "instructions"]), json_values))
def test_any_body_is_read_or_left_alone(body: dict[str, Any]) -> None:
    found = of(body)
    assert found is None or found


@pytest.mark.parametrize("deep", [b"[" * 900 + b"]" * 900, b'{"content":' * 900 + b"1" + b"}" * 900])
def test_deep_nesting_is_no_crash(deep: bytes) -> None:
    assert affinity_in({}, jsons.members(b'{"messages":[' + deep + b"]}")) is None
