"""Reading a client's JSON: each accessor checks the type and names the field in its complaint.

path: where the object stands, as the client spelled it ("messages[3]."), ready to be put before a key.
"""

from typing import Any

from dragoman.hub.problems import bad_request
from dragoman.hub.request import Extra
from dragoman.wire import jsons

_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def body(data: bytes) -> dict[str, Any]:
    """Return the request's object. Raise Problem("bad_request") if the body is not one."""
    try:
        value = jsons.read(data)
    except jsons.JSONError as error:
        raise bad_request("body", f"is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise bad_request("body", f"must be a JSON object, not {kind_of(value)}")
    return value


def kind_of(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)


def wrong(path: str, wanted: str, value: Any) -> Exception:
    return bad_request(path, f"must be {wanted}, not {kind_of(value)}")


def string(of: dict[str, Any], key: str, path: str = "") -> str:
    value = of.get(key)
    if not isinstance(value, str):
        raise missing(path + key, "a string") if key not in of else wrong(path + key, "a string", value)
    return value


def maybe_string(of: dict[str, Any], key: str, path: str = "") -> str | None:
    value = of.get(key)
    if value is None or isinstance(value, str):
        return value
    raise wrong(path + key, "a string", value)


def maybe_int(of: dict[str, Any], key: str, path: str = "") -> int | None:
    value = of.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise wrong(path + key, "an integer", value)


def maybe_number(of: dict[str, Any], key: str, path: str = "") -> float | None:
    value = of.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise wrong(path + key, "a number", value)


def maybe_bool(of: dict[str, Any], key: str, path: str = "") -> bool | None:
    value = of.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise wrong(path + key, "true or false", value)


def objects(of: dict[str, Any], key: str, path: str = "") -> list[dict[str, Any]]:
    """A list of objects; an absent or null one is empty."""
    value = of.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise wrong(path + key, "a list", value)
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            raise wrong(f"{path}{key}[{number}]", "an object", item)
    return value


def maybe_object(of: dict[str, Any], key: str, path: str = "") -> dict[str, Any] | None:
    value = of.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise wrong(path + key, "an object", value)


def object_(of: dict[str, Any], key: str, path: str = "") -> dict[str, Any]:
    value = maybe_object(of, key, path)
    if value is None:
        raise missing(path + key, "an object")
    return value


def strings(of: dict[str, Any], key: str, path: str = "") -> tuple[str, ...]:
    """A string or a list of strings; absent or null is empty."""
    value = of.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise bad_request(path + key, "must be a list of strings")


def missing(path: str, wanted: str) -> Exception:
    return bad_request(path, f"is required and must be {wanted}")


def rest(of: dict[str, Any], named: frozenset[str]) -> Extra:
    """What the reader does not name, kept for the same dialect's writer."""
    if len(of) <= len(named) and of.keys() <= named:
        return {}
    return {key: value for key, value in of.items() if key not in named}
