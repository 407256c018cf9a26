"""What holds for every request, whatever it asks.

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
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dragoman.hub.problems import Problem
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Profile
from dragoman.wire import jsons
from tests.asking import PLAIN, C, M, asked, read, route_to, write
from tests.laws import canonical, conversations
from tests.laws.histories import requests
from tests.laws.legal import chat_breaches, messages_breaches
from tests.laws.making import json_values
from tests.laws.recorded import OURS
from tests.laws.requests import chat_bodies, messages_bodies

Object = dict[str, Any]

CANONICAL = {M: canonical.messages, C: canonical.chat}
BODIES = {M: messages_bodies, C: chat_bodies}
RECORDED = [
    pytest.param(
        path.parent.parent.name, jsons.read(path.read_bytes()), id=f"{path.parent.parent.name}/{path.parent.name}"
    )
    for path in sorted(OURS.glob("*/*/request.json"))
    if path.parent.parent.name in CANONICAL
]
WRITTEN = [pytest.param(M, body, id=name) for name, body in conversations.MESSAGES.items()] + [
    pytest.param(C, body, id=name) for name, body in conversations.CHAT.items()
]

NOTHING_BEFORE_THE_SYSTEM = {
    "model": "backend-model",
    "max_tokens": 9,
    "messages": [
        {"role": "assistant", "content": [{"type": "thinking"}]},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
    ],
}


# 1


@settings(max_examples=100, deadline=None)
@given(messages_bodies)
@example(NOTHING_BEFORE_THE_SYSTEM)
def test_messages_survive(body: Object) -> None:
    assert asked(M, body, M).body == canonical.messages(body)


@settings(max_examples=100, deadline=None)
@given(chat_bodies)
def test_chat_survives(body: Object) -> None:
    assert asked(C, body, C).body == canonical.chat(body)


@pytest.mark.parametrize(("dialect", "body"), RECORDED + WRITTEN)
def test_real_requests_survive(dialect: Dialect, body: Object) -> None:
    body = {**body, "model": "backend-model"}
    expected = CANONICAL[dialect](body)
    if dialect == M:
        expected.setdefault("max_tokens", 32_000)  # the API demands one
    assert asked(dialect, body, dialect).body == expected


@pytest.mark.parametrize(("dialect", "backend"), [(M, M), (M, C), (C, C), (C, M)])
def test_the_order_of_members_survives_where_it_reaches_the_model(dialect: Dialect, backend: Dialect) -> None:
    schema = {
        "type": "object",
        "required": ["z"],
        "properties": {"z": {"title": "Z", "type": "string"}, "a": {}},
        "$x": 1,
    }
    arguments = {"z": 1, "a": {"y": [], "b": None}}
    body = conversations.with_tool(dialect, schema, arguments)
    sent = asked(dialect, body, backend)
    tool, call = conversations.tool_in(backend, sent.body)
    assert canonical.in_order(tool) == canonical.in_order(schema)
    assert canonical.in_order(call) == canonical.in_order(arguments)


# 2


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([M, C]), json_values)
def test_any_json_is_read_or_refused(dialect: Dialect, body: object) -> None:
    _read_or_refused(dialect, jsons.write(body))


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([M, C]), st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(dialect: Dialect, body: bytes) -> None:
    _read_or_refused(dialect, body)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([M, C]).flatmap(lambda dialect: st.tuples(st.just(dialect), BODIES[dialect])), st.data())
def test_a_request_with_one_wrong_value_is_read_or_refused(asking: tuple[Dialect, Object], data: st.DataObject) -> None:
    dialect, body = asking
    places = list(_places(body))
    broken = copy.deepcopy(body)
    _set(broken, data.draw(st.sampled_from(places)), data.draw(st.just(_GONE) | json_values))
    request = _read_or_refused(dialect, jsons.write(broken))
    if request is not None:
        for backend in (M, C):
            _written_or_refused(request, backend)


@pytest.mark.parametrize(("dialect", "body"), WRITTEN)
@pytest.mark.parametrize("wrong", [None, True, 7, 2.5, "x", [], ["x"], {}, {"type": "x"}, {"type": []}, 10**40])
def test_a_wrong_value_anywhere_is_read_or_refused(dialect: Dialect, body: Object, wrong: object) -> None:
    for place in _places(body):
        broken = copy.deepcopy(body)
        _set(broken, place, wrong)
        request = _read_or_refused(dialect, jsons.write({"model": "m", **broken}))
        if request is not None:
            _written_or_refused(request, M if dialect == C else C)


@pytest.mark.parametrize("dialect", [M, C])
@pytest.mark.parametrize("depth", [50, 300, 900, 20_000])
def test_depth_is_read_or_refused(dialect: Dialect, depth: int) -> None:
    inner = b'{"type":"document","source":{"type":"content","content":[' * depth + b"]}}" * depth
    for content in (
        inner,
        b"[" * depth + b"]" * depth,
        b'{"type":"tool_result","tool_use_id":"x","content":[' * depth + b"]}" * depth,
    ):
        body = b'{"model":"m","messages":[{"role":"user","content":[' + content + b"]}]}"
        _read_or_refused(dialect, body)


@pytest.mark.parametrize("dialect", [M, C])
@pytest.mark.parametrize("text", [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\udc00\\ud800", b"\xc3", b"\x00", b"\x1f"])
def test_characters_that_are_none_are_replaced(dialect: Dialect, text: bytes) -> None:
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a' + text + b'b"}]}'
    request = _read_or_refused(dialect, body)
    assert request is not None
    for backend in (M, C):
        _written_or_refused(request, backend)


_GONE = object()


def _read_or_refused(dialect: Dialect, body: bytes) -> Request | None:
    try:
        return read(dialect, body)
    except Problem as refused:
        problem = refused
    assert problem.kind == "bad_request"
    assert problem.param
    assert problem.public.startswith(problem.param)
    return None


def _written_or_refused(request: Request, backend: Dialect) -> None:
    try:
        write(request, route_to(backend, PLAIN[backend]))
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

STRICT_CHAT = Profile(tool_ids="openai", reasoning_history="all")
STRICT_MESSAGES = Profile(
    family="anthropic", checks_seals=True, cache_marks="anthropic", prefill="native", system_anywhere=True
)


@settings(max_examples=150, deadline=None)
@given(requests(M))
def test_any_history_is_sent_to_a_chat_backend_as_it_takes_it(request: Request) -> None:
    route = route_to(C, msgspec.structs.replace(STRICT_CHAT, prefill="native"))
    assert chat_breaches(write(request, route).body) == []


@settings(max_examples=150, deadline=None)
@given(requests(C))
def test_any_history_is_sent_to_a_messages_backend_as_it_takes_it(request: Request) -> None:
    assert messages_breaches(write(request, route_to(M, STRICT_MESSAGES)).body) == []


# 4


@pytest.mark.parametrize(
    ("client", "backend", "profile"),
    [
        (M, C, Profile()),
        (M, C, Profile(reasoning_history="all", reasoning_field="think_tags")),
        (M, C, Profile(system_anywhere=True, reasoning_history="none", tool_ids="mistral", user_after_tool=False)),
        (M, C, PLAIN[C]),
        (C, M, PLAIN[M]),
        (C, M, STRICT_MESSAGES),
        (M, M, PLAIN[M]),
        (C, C, PLAIN[C]),
    ],
)
@pytest.mark.parametrize("rounds", [19, 20, 21, 22, 23])
def test_what_was_sent_is_sent_again_to_the_letter(
    client: Dialect, backend: Dialect, profile: Profile, rounds: int
) -> None:
    said = conversations.of_rounds(client, rounds)
    first = asked(client, said, backend, profile).messages
    assert jsons.write(asked(client, said, backend, profile).messages) == jsons.write(first)
    longer = asked(client, conversations.of_rounds(client, rounds + 1), backend, profile).messages
    assert jsons.write(longer[: len(first)]) == jsons.write(first)
