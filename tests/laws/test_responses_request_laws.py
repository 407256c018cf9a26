"""What holds for every request of the Responses dialect, whatever it asks.

1. Nothing of its own is lost: what a client says reaches a backend of the same dialect, in the canonical form.
2. Whatever a client sends is either read or refused with the field named.
3. Whatever history a client brings, a backend of another dialect is sent one that it takes.
4. What was sent before is sent again to the letter: prefix caches live by it.
"""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Profile
from dragoman.wire import jsons
from tests.asking import PLAIN, C, M, R, asked, read
from tests.crossing import crossed, on
from tests.laws import codex, conversations
from tests.laws.canonical import in_order
from tests.laws.legal import chat_breaches, messages_breaches
from tests.laws.making import json_values
from tests.laws.recorded import OURS
from tests.laws.responses_bodies import items, responses_bodies
from tests.laws.responses_canonical import responses

Object = dict[str, Any]

BACKENDS = (M, C, R)
RECORDED = [
    pytest.param(jsons.read(path.read_bytes()), id=path.parent.name)
    for path in sorted(OURS.glob("openai-responses/*/request.json"))
]
WRITTEN = [pytest.param(body, id=name) for name, body in codex.REQUESTS.items()]
STRICT_CHAT = Profile(tool_ids="openai", reasoning_history="all", prefill="native")
STRICT_MESSAGES = Profile(
    family="anthropic", checks_seals=True, cache_marks="anthropic", prefill="native", system_anywhere=True
)


# 1


@settings(max_examples=300, deadline=None)
@given(responses_bodies)
def test_responses_survive(body: Object) -> None:
    assert asked(R, body, R).body == responses(body)


@pytest.mark.parametrize("body", [*RECORDED, *WRITTEN])
def test_real_requests_survive(body: Object) -> None:
    body = {**body, "model": "backend-model"}
    assert asked(R, body, R).body == responses(body)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_order_of_members_survives_where_it_reaches_the_model(backend: Dialect) -> None:
    schema = {
        "type": "object",
        "required": ["z"],
        "properties": {"z": {"title": "Z", "type": "string"}, "a": {}},
        "$x": 1,
    }
    arguments = {"z": 1, "a": {"y": [], "b": None}}
    tool = {"type": "function", "name": "t", "parameters": schema}
    body = codex.body(codex.message("user", "hi"), codex.call(1, "t", arguments), codex.output(1, "ok"), tools=[tool])
    sent = crossed(R, body, backend).sent.body
    found, call = (
        conversations.tool_in(backend, sent)
        if backend != R
        else (sent["tools"][0]["parameters"], jsons.read(sent["input"][1]["arguments"]))
    )
    assert in_order(found) == in_order(schema)
    assert in_order(call) == in_order(arguments)


# 2


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_any_json_is_read_or_refused(body: object) -> None:
    _read_or_refused(jsons.write(body))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    _read_or_refused(body)


@settings(max_examples=200, deadline=None)
@given(responses_bodies, st.data())
def test_a_request_with_one_wrong_value_is_read_or_refused(body: Object, data: st.DataObject) -> None:
    broken = copy.deepcopy(body)
    _set(broken, data.draw(st.sampled_from(list(_places(body)))), data.draw(st.just(_GONE) | json_values))
    _read_or_refused_and_written(broken)


@pytest.mark.parametrize("body", WRITTEN)
@pytest.mark.parametrize("wrong", [None, True, 7, 2.5, "x", [], ["x"], {}, {"type": "x"}, {"type": []}, 10**40])
def test_a_wrong_value_anywhere_is_read_or_refused(body: Object, wrong: object) -> None:
    for place in _places(body):
        broken = copy.deepcopy(body)
        _set(broken, place, wrong)
        _read_or_refused_and_written(broken)


@pytest.mark.parametrize("depth", [50, 300, 900, 20_000])
def test_depth_is_read_or_refused(depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    for item in (
        b'{"type":"tool_search_call","call_id":"c","arguments":' + deep + b"}",
        b'{"type":"quantum_call","x":' + deep + b"}",
        b'{"role":"user","content":[' + b"[" * depth + b"]" * depth + b"]}",
        b'{"type":"additional_tools","tools":['
        + b'{"type":"namespace","name":"n","tools":[' * depth
        + b"]}" * depth
        + b"]}",
    ):
        _read_or_refused(b'{"model":"m","input":[' + item + b"]}")


@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\udc00\\ud800", b"\xc3", b"\x00", b"\x1f"])
def test_characters_that_are_none_are_replaced(text: bytes) -> None:
    request = _read_or_refused(b'{"model":"m","input":[{"role":"user","content":"a' + text + b'b"}]}')
    assert request is not None
    for backend in BACKENDS:
        _written_or_refused(request, backend)


_GONE = object()


def _read_or_refused(body: bytes) -> Request | None:
    try:
        return read(R, body)
    except Problem as refused:
        problem = refused
    assert problem.kind == "bad_request"
    assert problem.param
    assert problem.public.startswith(problem.param)
    return None


def _read_or_refused_and_written(body: Object) -> None:
    request = _read_or_refused(jsons.write({"model": "m", **body}))
    if request is not None:
        for backend in BACKENDS:
            _written_or_refused(request, backend)


def _written_or_refused(request: Request, backend: Dialect) -> None:
    try:
        on(request, backend)
    except Problem as refused:
        problem = refused
    else:
        return
    assert problem.kind == "unsupported"
    assert problem.param


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield (*path, key)
        yield from _places(item, (*path, key))


def _set(body: Any, path: tuple[str | int, ...], value: object) -> None:
    for key in path[:-1]:
        body = body[key]
    if value is _GONE:
        del body[path[-1]]
    else:
        body[path[-1]] = value


# 3

_TAKEN = items.filter(lambda item: item.get("type") not in ("compaction", "item_reference", "quantum_call"))


@settings(max_examples=200, deadline=None)
@given(st.lists(_TAKEN, max_size=8))
def test_any_history_is_sent_to_a_chat_backend_as_it_takes_it(history: list[Object]) -> None:
    if (sent := _sent(history, C, STRICT_CHAT)) is not None:
        assert chat_breaches(sent) == []
        assert _calls_without_object(sent) == []


@settings(max_examples=200, deadline=None)
@given(st.lists(_TAKEN, max_size=8))
def test_any_history_is_sent_to_a_messages_backend_as_it_takes_it(history: list[Object]) -> None:
    if (sent := _sent(history, M, STRICT_MESSAGES)) is not None:
        assert messages_breaches(sent) == []


def _sent(history: list[Object], backend: Dialect, profile: Profile) -> Object | None:
    try:
        return crossed(R, {"input": history}, backend, profile).sent.body
    except Problem as refused:
        problem = refused
    assert problem.kind == "unsupported"  # audio, files by id
    return None


def _calls_without_object(body: Object) -> list[str]:
    calls = [call for message in body["messages"] for call in message.get("tool_calls", [])]
    return [c["function"]["arguments"] for c in calls if not isinstance(jsons.read(c["function"]["arguments"]), dict)]


# 4


@pytest.mark.parametrize(
    ("client", "backend", "profile"),
    [
        (R, C, Profile()),
        (R, C, Profile(reasoning_history="all", reasoning_field="think_tags")),
        (R, C, Profile(system_anywhere=True, reasoning_history="none", tool_ids="mistral", user_after_tool=False)),
        (R, C, msgspec.structs.replace(PLAIN[C], openai_fields=True)),
        (R, M, PLAIN[M]),
        (R, M, STRICT_MESSAGES),
        (R, R, PLAIN[R]),
        (M, R, PLAIN[R]),
        (
            M,
            R,
            Profile(
                family="openai",
                reasoning_field=None,
                reasoning_history="none",
                openai_fields=True,
                cache_marks="openai",
            ),
        ),
        (C, R, PLAIN[R]),
    ],
)
@pytest.mark.parametrize("last", [39, 40, 41, 42])
def test_what_was_sent_is_sent_again_to_the_letter(
    client: Dialect, backend: Dialect, profile: Profile, last: int
) -> None:
    make = codex.of_turns if client == R else lambda count: conversations.of_rounds(client, count)
    first, again, longer = (
        crossed(client, make(count), backend, profile).sent.body for count in (last, last, last + 1)
    )
    assert again == first
    key = "input" if backend == R else "messages"
    before, after = first[key], longer[key]
    # The last message may have grown: the next words of the same speaker join it.
    assert jsons.write(after[: len(before) - 1]) == jsons.write(before[:-1])
    assert after[len(before) - 1].get("role") == before[-1].get("role")
    assert jsons.write(longer["tools"][: len(first["tools"])]) == jsons.write(first["tools"])
