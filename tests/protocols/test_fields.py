"""Every complaint names its field as the client spelled it, and says what was wanted and what was found."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from dragoman.hub.problems import Problem
from dragoman.protocols import fields
from dragoman.protocols.fields import Object, WrongFieldError


def complaint(read: Callable[[], object]) -> str:
    with pytest.raises(WrongFieldError) as wrong:
        read()
    return str(wrong.value)


@pytest.mark.parametrize(
    ("read", "value", "found"),
    [
        (fields.string, "x", "x"),
        (fields.maybe_string, None, None),
        (fields.maybe_string, "x", "x"),
        (fields.maybe_int, 7, 7),
        (fields.maybe_int, 7.0, 7),
        (fields.maybe_int, None, None),
        (fields.maybe_number, 0.5, 0.5),
        (fields.maybe_number, 1, 1),
        (fields.maybe_bool, False, False),
        (fields.maybe_object, {"a": 1}, {"a": 1}),
        (fields.maybe_object, None, None),
        (fields.object_, {}, {}),
        (fields.strings, "x", ("x",)),
        (fields.strings, ["x", "y"], ("x", "y")),
        (fields.strings, None, ()),
    ],
)
def test_what_fits_is_returned(read: Callable[[Object, str], object], value: object, found: object) -> None:
    assert read({"key": value}, "key") == found


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (fields.string, 1, "key: must be a string, not an integer"),
        (fields.string, None, "key: must be a string, not null"),
        (fields.maybe_string, [], "key: must be a string, not a list"),
        (fields.maybe_int, True, "key: must be an integer, not true or false"),
        (fields.maybe_int, 7.5, "key: must be an integer, not a number"),
        (fields.maybe_int, 10**30, "key: must be an integer between"),
        (fields.maybe_int, 1e300, "key: must be an integer between"),
        (fields.maybe_number, "1", "key: must be a number, not a string"),
        (fields.maybe_number, True, "key: must be a number, not true or false"),
        (fields.maybe_bool, 1, "key: must be true or false, not an integer"),
        (fields.maybe_object, [], "key: must be an object, not a list"),
        (fields.object_, None, "key: is required and must be an object"),
        (fields.strings, [1], "key: must be a list of strings"),
        (fields.strings, {}, "key: must be a list of strings"),
    ],
)
def test_what_does_not_fit_is_named(read: Callable[[Object, str], object], value: object, said: str) -> None:
    assert complaint(lambda: read({"key": value}, "key")).startswith(said)


def test_a_missing_string_is_required() -> None:
    assert complaint(lambda: fields.string({}, "key")) == "key: is required and must be a string"


def name(of: Object) -> str:
    return fields.string(of, "name")


def test_lists_are_read_one_by_one() -> None:
    assert fields.each({"key": [{"name": "a"}, {"name": "b"}]}, "key", name) == ("a", "b")
    assert fields.each({}, "key", name) == fields.each({"key": None}, "key", name) == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "key: must be a list, not an object"),
        ([{"name": "a"}, 7], "key[1]: must be an object, not an integer"),
        ([{"name": "a"}, {"name": 7}], "key[1].name: must be a string, not an integer"),
    ],
)
def test_what_is_wrong_in_a_list_is_placed(value: object, said: str) -> None:
    assert complaint(lambda: fields.each({"key": value}, "key", name)) == said


def test_readers_may_ask_where_they_are() -> None:
    assert fields.placed({"key": [{}, {}]}, "key", lambda _, place: place) == ("key[0]", "key[1]")


def test_what_is_wrong_inside_is_placed() -> None:
    assert complaint(lambda: fields.within({"key": {"name": 7}}, "key", name)).startswith("key.name: ")
    assert complaint(lambda: fields.within({}, "key", name)).startswith("key: is required")
    assert fields.within_if_any({}, "key", name) is None
    assert fields.within_if_any({"key": {"name": "a"}}, "key", name) == "a"


def test_what_is_not_named_is_kept() -> None:
    assert fields.unnamed({"a": 1, "b": None}, frozenset({"a"})) == {"b": None}
    assert fields.unnamed({"a": 1}, frozenset({"a", "b"})) == {}
    inner = {"x": frozenset({"a"}), "y": frozenset({"a"}), "z": frozenset({"a"})}
    assert fields.unnamed_within({"x": {"a": 1, "b": 2}, "y": {"a": 1}, "z": 7}, inner) == {"x": {"b": 2}}


def test_what_was_kept_is_put_back_at_every_depth() -> None:
    schema = {"a": 1}
    said = {"x": {"y": schema}, "z": 1}
    assert fields.merged(said, {"x": {"y": {"b": 2}, "c": 3}, "z": 4}) == {"x": {"y": {"a": 1, "b": 2}, "c": 3}, "z": 4}
    assert schema == {"a": 1}


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (b"{", "body", "is not valid JSON"),
        (b"[]", "body", "must be a JSON object, not a list"),
        (b"1e999", "body", "must be a JSON object, not null"),
        (b'{"name": 7}', "name", "must be a string"),
    ],
)
def test_a_body_that_cannot_be_read_is_the_clients_problem(body: bytes, param: str, said: str) -> None:
    with pytest.raises(Problem) as raised:
        name(fields.body(body))
    problem: Any = raised.value
    assert (problem.kind, problem.param) == ("bad_request", param)
    assert problem.public.startswith(f"{param}: {said}")


class Values(Struct):
    name: str
    count: fields.Integer | None = None
    share: fields.Number | None = None
    on: bool | None = None
    about: str | None = None
    inner: Object | None = None


def test_plain_values_are_read_in_one_go() -> None:
    of = {"name": "a", "count": 3, "share": 1, "on": True, "about": None, "inner": {"b": 2}, "other": 7}
    assert fields.values(of, Values) == Values("a", 3, 1, on=True, inner={"b": 2})
    assert type(fields.values(of, Values).share) is int  # as it was said


def test_what_is_not_quite_as_declared_is_taken_all_the_same() -> None:
    assert fields.values({"name": "a", "count": 3.0, "share": 0.5}, Values) == Values("a", 3, 0.5)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({}, "name: is required and must be a string"),
        ({"name": None}, "name: must be a string, not null"),
        ({"name": "a", "count": True}, "count: must be an integer, not true or false"),
        ({"name": "a", "count": 2**60}, "count: must be an integer between"),
        ({"name": "a", "share": "1"}, "share: must be a number, not a string"),
        ({"name": "a", "on": 1}, "on: must be true or false, not an integer"),
        ({"name": "a", "about": 1}, "about: must be a string, not an integer"),
        ({"name": "a", "inner": []}, "inner: must be an object, not a list"),
    ],
)
def test_a_plain_value_that_does_not_fit_is_named(of: Object, said: str) -> None:
    assert complaint(lambda: fields.values(of, Values)).startswith(said)


def test_kinds_nobody_thought_of_are_named_too() -> None:
    assert fields.kind_of(b"") == "bytes"
