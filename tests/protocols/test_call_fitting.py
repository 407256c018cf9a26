"""Which arguments a tool may have been called with, and what values without quotes mean."""

from typing import Any, Final

import pytest

from dragoman.protocols.call_fitting import fits, typed

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "limit": {"type": "integer"},
        "deep": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "string"}},
        "where": {"type": "object"},
        "either": {"anyOf": [{"type": "string"}, {"type": "array"}]},
        "maybe": {"type": ["number", "null"]},
        "any": {},
        "open": {"anyOf": [{"type": "string"}, {"$ref": "#/x"}]},
    },
    "required": ["path"],
}


@pytest.mark.parametrize(
    ("arguments", "fit"),
    [
        ({"path": "/a"}, True),
        ({"path": "/a", "limit": "5"}, True),  # the client says so, and the model tries again
        ({"path": "/a", "invented": 1}, True),
        ({"path": "/a", "maybe": None, "any": [1], "either": ["x"], "open": {}}, True),
        ({}, False),
        ({"limit": 5}, False),
        ({"path": {"type": "string"}}, False),
        ({"path": ["/a"]}, False),
        ({"path": "/a", "names": "x"}, False),
        ({"path": "/a", "where": "x"}, False),
        ({"path": "/a", "either": {}}, False),
    ],
)
def test_the_required_members_are_there_and_have_the_right_shape(arguments: dict[str, Any], *, fit: bool) -> None:
    assert fits(arguments, SCHEMA) is fit


def test_a_tool_that_requires_nothing_knows_at_least_one_of_the_members() -> None:
    schema = {"type": "object", "properties": {"filter": {"type": "string"}}}
    assert fits({}, schema)
    assert fits({"filter": "x", "more": 1}, schema)
    assert not fits({"type": "object", "properties": {}}, schema)


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"properties": 1, "required": "path"}, "x"])
def test_a_schema_that_says_nothing_takes_anything(schema: object) -> None:
    assert fits({"path": 1}, schema)


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [
        ("path", "5", "5"),
        ("path", " /a ", " /a "),
        ("limit", " 5\n", 5),
        ("limit", "many", "many"),
        ("deep", "True", True),
        ("deep", "false", False),
        ("names", '["a"]', ["a"]),
        ("where", '{"a": 1}', {"a": 1}),
        ("maybe", "None", None),
        ("either", '["a"]', '["a"]'),  # it may be text
        ("unknown", "5", "5"),
    ],
)
def test_values_without_quotes_are_what_their_schema_wants(name: str, said: str, value: object) -> None:
    assert typed(said, name, SCHEMA) == value
