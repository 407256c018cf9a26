"""A file of an agent with our values in it, and everything else as it was."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable

from dragoman.agents import jsonc
from dragoman.agents.agent import File
from dragoman.agents.jsonc import UnreadableError

_IDENTITY = "id"  # of the entries that a list may hold beside ours: Qwen Code's models


def merged(file: File, text: str = "") -> str:
    """text: what the file holds now. Raise UnreadableError if that is not of the file's form."""
    if file.form == "json":
        return jsonc.merged(text, file.values, _IDENTITY)
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise UnreadableError(str(error)) from None
    _put(document, file.values)
    return tomlkit.dumps(document)


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
