"""JSON Schemas of tools, as far as backends differ in what they take of them."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

_NO_ARGUMENTS: Final[dict[str, Any]] = {"type": "object", "properties": {}}
# Keywords whose value is a schema, a list of schemas, or schemas by a name that is no keyword.
_SCHEMA: Final = frozenset({"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
_SCHEMAS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED_SCHEMAS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})


def of_arguments(schema: Any) -> dict[str, Any]:
    """A schema every backend takes for arguments: an object that says it is one."""
    if not isinstance(schema, dict) or not schema:
        return _NO_ARGUMENTS
    if "type" not in schema:
        return {"type": "object", **schema}
    return schema if schema["type"] == "object" else {**schema, "type": "object"}


def without(schema: Any, refused: AbstractSet[str]) -> Any:
    """The schema without the refused keywords. `const` and `oneOf` have equals or nearly so, and become those."""
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword not in refused:
            kept[keyword] = _inner(keyword, value, refused)
        elif keyword == "const":
            kept["enum"] = [value]
        elif keyword == "oneOf":
            kept["anyOf"] = _inner("anyOf", value, refused)
    return kept


def _inner(keyword: str, value: Any, refused: AbstractSet[str]) -> Any:
    if keyword in _SCHEMA:
        return without(value, refused)
    if keyword in _SCHEMAS and isinstance(value, list):
        return [without(item, refused) for item in value]
    if keyword in _NAMED_SCHEMAS and isinstance(value, dict):
        return {name: without(item, refused) for name, item in value.items()}
    return value
