"""Values into a TOML file: Codex's. Apart from merge.py, since the library is large and only this one agent needs it."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from dragoman.agents.jsonc import UnreadableError


def merged(text: str, values: Mapping[str, Any]) -> str:
    """The text with `values` in it. Raise UnreadableError if it is not TOML."""
    document = _parsed(text)
    _put(document, values)
    return tomlkit.dumps(document)


def read(text: str) -> dict[str, Any]:
    """What it says. Raise UnreadableError."""
    return _parsed(text).unwrap()


def without(text: str, gone: Mapping[str, Any]) -> str:
    """The text without some members. gone: name -> the same for what is in it, None = all of it."""
    document = _parsed(text)
    _take(document, gone)
    return tomlkit.dumps(document)


def says(text: str, key: str) -> bool:
    return key in _parsed(text)


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise UnreadableError(str(error)) from None


def _take(table: MutableMapping[str, Any], gone: Mapping[str, Any]) -> None:
    for name, inner in gone.items():
        if inner is None:
            table.pop(name, None)
        elif isinstance(there := table.get(name), MutableMapping):
            _take(there, inner)


def _put(table: MutableMapping[str, Any], values: Mapping[str, Any]) -> None:
    """Plain values first: in TOML they belong to the table whose head stands above them."""
    for key, value in sorted(values.items(), key=lambda pair: isinstance(pair[1], Mapping)):
        there = table.get(key)
        if isinstance(value, Mapping) and isinstance(there, MutableMapping):
            _put(there, value)
        elif isinstance(value, Mapping):
            fresh = _fresh(value, inline=isinstance(table, InlineTable))
            _put(fresh, value)
            table[key] = fresh
        elif there != value or isinstance(there, bool) != isinstance(value, bool):
            table[key] = value


def _fresh(values: Mapping[str, Any], *, inline: bool) -> MutableMapping[str, Any]:
    """A table in the manner of the one it goes into, without a head of its own where it holds only tables."""
    if inline:
        return tomlkit.inline_table()
    return tomlkit.table(is_super_table=all(isinstance(each, Mapping) for each in values.values()))
