"""JSON Schemas of tools, as backends take them."""

from typing import Any

import pytest

from dragoman.protocols import schemas


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ("nonsense", {"type": "object", "properties": {}}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"type": "object"}, {"type": "object"}),
        ({"type": ["object", "null"], "x": 1}, {"type": "object", "x": 1}),
    ],
)
def test_arguments_are_always_an_object_that_says_so(schema: Any, written: Any) -> None:
    assert schemas.of_arguments(schema) == written


REFUSED = {"$schema", "additionalProperties", "const", "oneOf", "exclusiveMinimum"}


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"$schema": "x", "type": "object"}, {"type": "object"}),
        ({"const": 1}, {"enum": [1]}),
        ({"oneOf": [{"const": 1}, {"type": "null"}]}, {"anyOf": [{"enum": [1]}, {"type": "null"}]}),
        ({"items": {"exclusiveMinimum": 0, "type": "number"}}, {"items": {"type": "number"}}),
        # a property may be called as a keyword is
        (
            {"properties": {"const": {"const": 2}, "$schema": {}}},
            {"properties": {"const": {"enum": [2]}, "$schema": {}}},
        ),
        ({"$defs": {"oneOf": {"additionalProperties": False}}}, {"$defs": {"oneOf": {}}}),
        ({"enum": [{"const": 1}], "default": {"oneOf": 2}}, {"enum": [{"const": 1}], "default": {"oneOf": 2}}),
        ({"items": True, "anyOf": {}, "properties": 7}, {"items": True, "anyOf": {}, "properties": 7}),
        (True, True),
    ],
)
def test_refused_keywords_go_wherever_they_are_keywords(schema: Any, written: Any) -> None:
    assert schemas.without(schema, REFUSED) == written
