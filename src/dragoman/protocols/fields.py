"""Reading a client's JSON: each accessor checks the type and names the field in its complaint.

Readers know only the object in hand. Where that object stands is added on the way out, so that nothing is spent on
places as long as nothing is wrong.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import Struct

from dragoman.hub.problems import Problem, bad_request
from dragoman.hub.request import Extra
from dragoman.wire import jsons

T = TypeVar("T")
S = TypeVar("S", bound=Struct)
Object = dict[str, Any]

_NAMES: Final = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_LARGEST: Final = 2**53  # what every JSON reader can hold

# Types of members, for `values`.
Integer: TypeAlias = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
Number: TypeAlias = int | float


class WrongFieldError(Problem):
    """path: of the field, seen from the object being read."""

    def __init__(self, path: str, said: str) -> None:
        super().__init__("bad_request", f"{path}: {said}", param=path)
        self.path: Final = path
        self.said: Final = said

    def inside(self, place: str) -> "WrongFieldError":
        return WrongFieldError(f"{place}.{self.path}" if self.path else place, self.said)


def body(data: bytes) -> Object:
    """The request's object. Raise Problem("bad_request") if it is none."""
    try:
        value = jsons.read(data)
    except jsons.JSONError as error:
        raise bad_request("body", f"is not valid JSON: {error}") from None
    if type(value) is not dict:
        raise bad_request("body", f"must be a JSON object, not {kind_of(value)}")
    return value


def values(of: Object, kind: type[S]) -> S:
    """Read the members that `kind` declares, in one go if they are all as declared: a call for each would be most of
    what it costs to read a request. An object whose members are read too is declared as a struct, or None.
    """
    try:
        return msgspec.convert(of, kind)
    except msgspec.ValidationError:
        return kind(**{field.name: _value(of, field.name, field.type) for field in msgspec.structs.fields(kind)})


def _value(of: Object, key: str, kind: Any) -> Any:
    accessor = _ACCESSORS.get(kind)
    if accessor is not None:
        return accessor(of, key)
    inner: type[Struct] = get_args(kind)[0]
    return within_if_any(of, key, lambda value: values(value, inner))


def kind_of(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)


def wrong(key: str, wanted: str, value: Any) -> WrongFieldError:
    return WrongFieldError(key, f"must be {wanted}, not {kind_of(value)}")


def missing(key: str, wanted: str) -> WrongFieldError:
    return WrongFieldError(key, f"is required and must be {wanted}")


def string(of: Object, key: str) -> str:
    value = of.get(key)
    if isinstance(value, str):
        return value
    raise wrong(key, "a string", value) if key in of else missing(key, "a string")


def maybe_string(of: Object, key: str) -> str | None:
    value = of.get(key)
    if value is None or isinstance(value, str):
        return value
    raise wrong(key, "a string", value)


def maybe_int(of: Object, key: str) -> int | None:
    value = of.get(key)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong(key, "an integer", value)
    if abs(value) > _LARGEST:
        raise WrongFieldError(key, f"must be an integer between -{_LARGEST} and {_LARGEST}")
    return value


def maybe_number(of: Object, key: str) -> float | None:
    value = of.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise wrong(key, "a number", value)


def maybe_bool(of: Object, key: str) -> bool | None:
    value = of.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise wrong(key, "true or false", value)


def maybe_object(of: Object, key: str) -> Object | None:
    value = of.get(key)
    if value is None or isinstance(value, dict):
        return value
    raise wrong(key, "an object", value)


def object_(of: Object, key: str) -> Object:
    value = of.get(key)
    if isinstance(value, dict):
        return value
    raise missing(key, "an object") if value is None else wrong(key, "an object", value)


def strings(of: Object, key: str) -> tuple[str, ...]:
    """A string or a list of strings; absent or null is empty."""
    value = of.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise WrongFieldError(key, "must be a list of strings")


def each(of: Object, key: str, read: Callable[[Object], T]) -> tuple[T, ...]:
    """Read a list of objects; an absent or null one is empty."""
    items = of.get(key)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise wrong(key, "a list", items)
    done: list[T] = []
    try:
        for item in items:
            if not isinstance(item, dict):
                raise wrong("", "an object", item)
            done.append(read(item))
    except WrongFieldError as error:
        raise error.inside(f"{key}[{len(done)}]") from None
    return tuple(done)


def placed(of: Object, key: str, read: Callable[[Object, str], T]) -> tuple[T, ...]:
    """Read a list of objects by a reader that wants to know where each stands."""
    items = of.get(key)
    if items is None:
        return ()
    if not isinstance(items, list):
        raise wrong(key, "a list", items)
    done: list[T] = []
    place = ""
    try:
        for item in items:
            place = f"{key}[{len(done)}]"
            if not isinstance(item, dict):
                raise wrong("", "an object", item)
            done.append(read(item, place))
    except WrongFieldError as error:
        raise error.inside(place) from None
    return tuple(done)


def no_messages(of: Object) -> WrongFieldError:
    """Why a request that must hold messages holds none."""
    if of.get("messages") is None:
        return missing("messages", "a list of messages")
    return WrongFieldError("messages", "must hold at least one message")


def within(of: Object, key: str, read: Callable[[Object], T]) -> T:
    """Read the object that is the member `key`, which must be there."""
    value = of.get(key)
    if type(value) is not dict:
        value = object_(of, key)
    try:
        return read(value)
    except WrongFieldError as error:
        raise error.inside(key) from None


def within_if_any(of: Object, key: str, read: Callable[[Object], T]) -> T | None:
    return None if of.get(key) is None else within(of, key, read)


# How to read a member by its declared type. They take some of what is not quite as declared, and complain of the rest.
_ACCESSORS: Final[Mapping[Any, Callable[[Object, str], Any]]] = {
    str: string,
    str | None: maybe_string,
    Integer | None: maybe_int,
    Number | None: maybe_number,
    bool | None: maybe_bool,
    Object | None: maybe_object,
}


def unnamed(of: Object, named: frozenset[str]) -> Extra:
    """What the reader does not name, kept for the same dialect's writer."""
    if of.keys() <= named:
        return {}
    return {key: value for key, value in of.items() if key not in named}


def asks_nothing(value: Any) -> bool:
    """Whether an unnamed member is as good as absent: null, or a list of nothing. An empty object may ask for defaults."""
    return value is None or value == []


def unnamed_within(of: Object, inner: dict[str, frozenset[str]]) -> Extra:
    """The same for members that are objects: of each, the members that the reader does not name."""
    found: Extra = {}
    for key, named in inner.items():
        if isinstance(value := of.get(key), dict) and not value.keys() <= named:
            found[key] = unnamed(value, named)
    return found


def merged(said: Object, extra: Extra) -> Object:
    """Put back what the reader did not name, into objects that were named too. `said` is changed and returned."""
    for key, value in extra.items():
        there = said.get(key)
        said[key] = merged({**there}, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return said
