"""From the tree of the file to the structs of `schema.py`. Every mistake is found, not only the first."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from dragoman.config.about import NO_SECRET, About
from dragoman.config.findings import Findings, child, item
from dragoman.config.listen import BadAddressError
from dragoman.config.nodes import Entry, Keyed, Node, Scalar, Sequence
from dragoman.config.processors import SearchConfig, SearchProvider
from dragoman.config.scalars import READINGS
from dragoman.config.schema import BackendConfig, Config, PoolConfig, ProfileChanges
from dragoman.hub.route import Profile, Secret

S = TypeVar("S", bound=Struct)

# What a struct is when it is no mapping: the value of its one interesting field.
SHORT_FORMS: Final[dict[type[Struct], str]] = {BackendConfig: "url", PoolConfig: "backends", SearchConfig: "provider"}
# A key that stands where none belongs is not repeated to the log.
_MAY_BE_SECRET: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w+/=.~-]{16,}")
# What stands for a required value that is missing, until the file is refused.
_STAND_INS: Final[dict[object, object]] = {str: "", Secret: NO_SECRET, SearchProvider: "duckduckgo"}


class Given(NamedTuple):
    """What the file says at one path."""

    line: int
    value: object


class Unfit(Exception):  # noqa: N818 - it never leaves this file
    """The value is not what the field takes; the message says what would be."""


def read_config(root: Keyed, findings: Findings) -> tuple[Config, dict[str, Given]]:
    """Return the configuration, with stand-ins where the file is wrong, and what was given where.

    Keys at the top that begin with `x-` are left alone: they are places for YAML anchors.
    """
    own = {name: entry for name, entry in root.entries.items() if not name.startswith("x-")}
    reader = _Reader(findings)
    return reader.struct(Config, Keyed(own, root.line), ""), reader.given


class _Reader:
    def __init__(self, findings: Findings) -> None:
        self.given: dict[str, Given] = {}
        self._findings = findings
        self._compounds: Final[dict[Any, Callable[[Any, Node, str], object]]] = {
            Union: self._optional,
            UnionType: self._optional,
            Literal: self._choice,
            tuple: self._tuple,
            frozenset: self._set,
            dict: self._names,
            None: self._struct,
        }

    def struct(self, kind: type[S], node: Node, path: str) -> S:
        """Read a mapping. What cannot be read is reported, and a default or emptiness stands in for it."""
        values = self._members(kind, node, path)
        for field in msgspec.structs.fields(kind):
            if field.required and field.name not in values:
                self._unreadable(child(path, field.name), node.line, "is required")
                values[field.name] = _STAND_INS[_bare(field.type)]
        return kind(**values)

    def _members(self, kind: type[Struct], node: Node, path: str) -> dict[str, Any]:
        """Return the members that the file gives and that can be read."""
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        values: dict[str, Any] = {}
        for name, entry in self._entries(kind, node, path).items():
            place = child(path, name)
            if name not in fields:
                self._findings.error(place, entry.line, _unknown(name, kind))
            elif not _is_null(entry.value) or _takes_none(fields[name].type):
                self._member(values, fields[name], entry, place)
        return values

    def _member(self, values: dict[str, Any], field: msgspec.structs.FieldInfo, entry: Entry, path: str) -> None:
        try:
            values[field.name] = self._value(field.type, entry.value, path)
        except Unfit as unfit:
            self._unreadable(path, entry.line, str(unfit))
        self.given[path] = Given(entry.line, values.get(field.name))

    def _entries(self, kind: type[Struct], node: Node, path: str) -> Mapping[str, Entry]:
        if isinstance(node, Keyed):
            return node.entries
        if kind in SHORT_FORMS and not _is_null(node):
            return {SHORT_FORMS[kind]: Entry(node.line, node)}
        self._unreadable(path, node.line, f"wanted a mapping with {_names_of(kind)}; found {_found(node)}")
        return {}

    def _unreadable(self, path: str, line: int, message: str) -> None:
        """Report, unless what is wrong at this place has been said."""
        if not self._findings.is_broken(path):
            self._findings.unreadable(path, line, message)

    def _value(self, kind: Any, node: Node, path: str) -> Any:
        """Read a value of this type, or raise Unfit."""
        bare = _bare(kind)
        value = _scalar(bare, node) if bare in READINGS else self._compounds[get_origin(bare)](bare, node, path)
        return _within(value, get_args(kind)[1]) if get_origin(kind) is Annotated else value

    def _struct(self, kind: type[Struct], node: Node, path: str) -> Struct:
        if kind is ProfileChanges:
            return ProfileChanges(self._members(Profile, node, path))
        return self.struct(kind, node, path)

    def _optional(self, kind: Any, node: Node, path: str) -> object:
        return None if _is_null(node) else self._value(_without_none(kind), node, path)

    def _choice(self, kind: Any, node: Node, _path: str) -> str:
        choices: tuple[str, ...] = get_args(kind)
        if isinstance(node, Scalar) and node.text in choices:
            return node.text
        hint = _did_you_mean(node.text, choices) if isinstance(node, Scalar) else ""
        raise Unfit(f"wanted one of {', '.join(choices)}; found {_found(node)}{hint}")

    def _tuple(self, kind: Any, node: Node, path: str) -> tuple[object, ...]:
        return tuple(self._items(get_args(kind)[0], node, path))

    def _set(self, kind: Any, node: Node, path: str) -> frozenset[object]:
        return frozenset(self._items(get_args(kind)[0], node, path))

    def _items(self, kind: Any, node: Node, path: str) -> Iterable[object]:
        """Read a list. A single value stands for a list of one."""
        if kind is PoolConfig and isinstance(node, Keyed):
            node = _pools_by_name(node)
        if isinstance(node, Scalar):
            if not (kind in READINGS or kind in SHORT_FORMS):
                raise Unfit(f"wanted a list; found {_found(node)}")
            node = Sequence((node,), node.line)
        if isinstance(node, Keyed):
            raise Unfit(f"wanted a list, each item beginning with `-`; found {_found(node)}")
        for index, member in enumerate(node.items):
            place = item(path, index)
            try:
                value = self._value(kind, member, place)
            except Unfit as unfit:
                self._unreadable(place, member.line, str(unfit))
            else:
                self.given[place] = Given(member.line, value)
                yield value

    def _names(self, _kind: Any, node: Node, path: str) -> dict[str, str]:
        if not isinstance(node, Keyed):
            raise Unfit(f"wanted a mapping from name to name; found {_found(node)}")
        names: dict[str, str] = {}
        for name, entry in node.entries.items():
            place = child(path, name)
            if isinstance(entry.value, Scalar) and not entry.value.is_null:
                names[name] = entry.value.text
                self.given[place] = Given(entry.line, entry.value.text)
            else:
                self._unreadable(place, entry.line, f"wanted a name; found {_found(entry.value)}")
        return names


def _scalar(kind: object, node: Node) -> object:
    wanted, read = READINGS[kind]
    if not isinstance(node, Scalar) or node.is_null:
        raise Unfit(f"wanted {wanted}; found {_found(node)}")
    try:
        return read(node.text)
    except BadAddressError as error:
        raise Unfit(str(error)) from None
    except ValueError:
        raise Unfit(f"wanted {wanted}; found {_found(node)}") from None


def _within(value: object, about: About) -> object:
    """Hold a number to the range its field documents."""
    if isinstance(value, int | float):
        too_low = (about.ge is not None and value < about.ge) or (about.gt is not None and value <= about.gt)
        if too_low or (about.le is not None and value > about.le):
            raise Unfit(f"{value:g} is out of range: wanted {range_in_words(about)}")
    return value


def range_in_words(about: About) -> str:
    limits = (("more than", about.gt), ("at least", about.ge), ("at most", about.le))
    return " and ".join(f"{words} {limit:g}" for words, limit in limits if limit is not None)


def _pools_by_name(node: Keyed) -> Sequence:
    """The mapping form of `pools`, as the list form."""
    return Sequence(tuple(_named_pool(name, entry) for name, entry in node.entries.items()), node.line)


def _named_pool(name: str, entry: Entry) -> Keyed:
    title = {"name": Entry(entry.line, Scalar(name, name, entry.line))}
    if isinstance(entry.value, Keyed):
        return Keyed(title | entry.value.entries, entry.line)
    return Keyed(title | {"backends": Entry(entry.line, entry.value)}, entry.line)


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _without_none(kind: Any) -> Any:
    return next(arg for arg in get_args(kind) if arg is not type(None))


def _takes_none(kind: Any) -> bool:
    return type(None) in get_args(_bare(kind))


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.is_null


def _found(node: Node) -> str:
    match node:
        case Keyed():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(is_null=True):
            return "nothing"
        case Scalar(written=written) if _MAY_BE_SECRET.fullmatch(written):
            return f"a text of {len(written)} characters"
        case Scalar(written=written):
            return f'"{written if len(written) <= 40 else written[:40] + "..."}"'


def _names_of(kind: type[Struct]) -> str:
    return ", ".join(field.name for field in msgspec.structs.fields(kind))


def _unknown(name: str, kind: type[Struct]) -> str:
    fields = msgspec.structs.fields(kind)
    for field in fields:
        inner = _bare(field.type)
        if isinstance(inner, type) and issubclass(inner, Struct) and name in inner.__struct_fields__:
            return f"is not a known field here; did you mean {field.name}.{name}?"
    hint = _did_you_mean(name, [field.name for field in fields])
    return "is not a known field" + (hint or f"; known here: {_names_of(kind)}")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
