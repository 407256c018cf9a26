"""Does what a model has said as text fit the tool it names? And what do untyped values mean there?

It is no validation: clients do that, and tell the model. It is to tell a call from a text that only looks like one, so
what is asked is whether the required members are there, and of the right shape.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from dragoman.wire import jsons

_Shape = Literal["object", "array", "scalar", "null"]
_SHAPES: Final[Mapping[str, _Shape]] = {"object": "object", "array": "array", "null": "null"}
_PYTHON: Final[Mapping[str, Any]] = {"True": True, "False": False, "None": None}


def fits(arguments: Mapping[str, Any], schema: Any) -> bool:
    """Whether a tool with this JSON Schema may have been called with these arguments."""
    if not isinstance(schema, dict):
        return True
    required, declared = schema.get("required"), _declared(schema)
    if isinstance(required, list) and not all(name in arguments for name in required):
        return False
    if declared and arguments and declared.keys().isdisjoint(arguments):
        return False
    return all(_is_plausible(value, declared[name]) for name, value in arguments.items() if name in declared)


def typed(text: str, name: str, schema: Any) -> Any:
    """The value of a parameter that was said without quotes, as its schema wants it: "5" is text or a number."""
    types = _types(_declared(schema).get(name))
    if types is None or "string" in types:
        return text
    value = text.strip()
    if value in _PYTHON:
        return _PYTHON[value]
    try:
        return jsons.read(value)
    except jsons.JSONError:
        return text


def _declared(schema: Any) -> Mapping[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _is_plausible(value: Any, schema: Any) -> bool:
    """Whether it has a shape that is asked for. Between text, numbers and truth values models often err."""
    types = _types(schema)
    return types is None or value is None or _shape(value) in {_SHAPES.get(each, "scalar") for each in types}


def _types(schema: Any) -> frozenset[str] | None:
    """The types that a schema names, None where it does not say or may mean more than it says."""
    if not isinstance(schema, dict):
        return None
    said = schema.get("type")
    if isinstance(said, str):
        return frozenset({said})
    if isinstance(said, list):
        return frozenset(each for each in said if isinstance(each, str)) or None
    choices = schema.get("anyOf") or schema.get("oneOf")
    found = [_types(each) for each in choices] if isinstance(choices, list) else []
    known = [each for each in found if each is not None]
    return frozenset().union(*known) if known and len(known) == len(found) else None


def _shape(value: Any) -> _Shape:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "scalar"
