"""Puts values into JSON that people keep: comments, order and form of all else stay.

The text is read for where things stand and spliced there, so that comments (`//`, `/* */`) and trailing commas, which
agents allow in their settings, survive.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from dragoman.wire import jsons

_SPACE: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_WORD: Final = re.compile(r"[-+.\w]+")
_DEEPEST: Final = 100


class UnreadableError(ValueError):
    """Not JSON, not even with comments. The message says in which line."""


class _Node(Struct):
    """start, end: in the text. members: of an object, items: of a list; None = it is another kind of value.

    name_at: where the member's name stands, if it is one.
    """

    start: int
    end: int
    members: "dict[str, _Node] | None" = None
    items: "list[_Node] | None" = None
    name_at: int = 0


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


def merged(
    text: str,
    values: Mapping[str, Any],
    ours: str = "",
    listed: Mapping[str, str] = {},
    barred: Mapping[str, str] = {},
) -> str:
    """The text with `values` in it: objects are merged, all else is replaced.

    ours: a member by whose being alike an object in a list of objects is known as one of ours; such are replaced by
    those of `values`, and the others stay. listed: list -> what it holds as well, if it is there. barred: list -> what
    it does not hold. Raise UnreadableError.
    """
    if not text.strip("\ufeff \t\r\n"):
        return jsons.write_pretty(values) + "\n"
    root = _Reader(text).whole()
    if root.members is None:
        raise UnreadableError("holds no object: it must begin with {")
    merger = _Merger(text, ours)
    return _spliced(
        text, merger.into(root, values) + merger.into_lists(root, listed) + merger.out_of_lists(root, barred)
    )


def read(text: str) -> dict[str, Any]:
    """What it says. Raise UnreadableError."""
    if not text.strip("\ufeff \t\r\n"):
        return {}
    said = _plain(text, _Reader(text).whole())
    if not isinstance(said, dict):
        raise UnreadableError("holds no object: it must begin with {")
    return said


def without(text: str, gone: Mapping[str, Any]) -> str:
    """The text without some members. gone: name -> the same for what is in it, None = all of it."""
    return _spliced(text, _cuts(text, _Reader(text).whole(), gone)) if gone else text


def _spliced(text: str, splices: list[_Splice]) -> str:
    for start, end, new in sorted(splices, key=lambda splice: splice[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _plain(text: str, node: _Node) -> Any:
    if node.members is not None:
        return {name: _plain(text, member) for name, member in node.members.items()}
    if node.items is not None:
        return [_plain(text, item) for item in node.items]
    try:
        return jsons.read(text[node.start : node.end])
    except jsons.JSONError:
        raise UnreadableError(f"{text[node.start : node.end][:40]} is no value") from None


def _cuts(text: str, node: _Node, gone: Mapping[str, Any]) -> list[_Splice]:
    """Each member with the comma behind it; in front of the end, with the comma of the one that is then the last."""
    members = node.members or {}
    cuts: list[_Splice] = []
    last: _Node | None = None
    for name, member in members.items():
        inner = gone.get(name, {})
        if inner is not None:
            last = member
            cuts += _cuts(text, member, inner)
            continue
        comma = _comma(text, member.end)
        start = len(text[: member.name_at].rstrip(" \t"))
        start -= text.startswith("\n", start - 1)
        cuts.append(_Splice(start, max(member.end, comma + 1), ""))
    if cuts and last is not None and last is not list(members.values())[-1] and (comma := _comma(text, last.end)) >= 0:
        cuts.append(_Splice(comma, comma + 1, ""))
    return cuts


def _comma(text: str, index: int) -> int:
    """Where the comma is that follows; -1 = none does."""
    gap = _SPACE.match(text, index)
    comma = gap.end() if gap is not None else index
    return comma if text.startswith(",", comma) else -1


class _Merger:
    def __init__(self, text: str, ours: str) -> None:
        self._text: Final = text
        self._ours: Final = ours
        self._newline: Final = "\r\n" if "\r\n" in text else "\n"
        found = re.search(r"\n([ \t]+)\S", text)
        self._unit: Final = found[1] if found else "  "

    def into(self, node: _Node, values: Mapping[str, Any], depth: int = 1) -> list[_Splice]:
        splices: list[_Splice] = []
        fresh: list[str] = []
        for key, value in values.items():
            there = (node.members or {}).get(key)
            if there is None:
                fresh.append(f"{jsons.write_text(key)}: {self._written(value, depth)}")
            elif isinstance(value, Mapping) and there.members is not None:
                splices += self.into(there, value, depth + 1)
            elif there.items is not None and self._is_ours(value):
                splices += self._into_list(there, value, depth + 1)
            elif not self._says(there, value):
                splices.append(_Splice(there.start, there.end, self._written(value, depth)))
        return splices + self._added(node, list((node.members or {}).values()), fresh, depth)

    def into_lists(self, node: _Node, listed: Mapping[str, str]) -> list[_Splice]:
        """The first of each list, where it is a list and does not hold it already."""
        splices: list[_Splice] = []
        for key, value in listed.items():
            there = (node.members or {}).get(key)
            if there is None or there.items is None or any(self._says(item, value) for item in there.items):
                continue
            comma = ", " if there.items else ""
            splices.append(_Splice(there.start + 1, there.start + 1, jsons.write_text(value) + comma))
        return splices

    def out_of_lists(self, node: _Node, barred: Mapping[str, str]) -> list[_Splice]:
        splices: list[_Splice] = []
        for key, value in barred.items():
            there = (node.members or {}).get(key)
            items = (there.items if there is not None else None) or []
            kept = [self._text[item.start : item.end] for item in items if not self._says(item, value)]
            if there is not None and len(kept) < len(items):
                splices.append(_Splice(there.start, there.end, f"[{', '.join(kept)}]"))
        return splices

    def _into_list(self, node: _Node, values: Sequence[Any], depth: int) -> list[_Splice]:
        """Ours anew at the end, in the place of those that were; nothing, if they are there already."""
        items = node.items or []
        marks = [value[self._ours] for value in values]
        own = [item for item in items if self._mark(item) in marks]
        if [self._value(item) for item in own] == list(values):
            return []
        kept = [self._text[item.start : item.end] for item in items if item not in own]
        rows = [*kept, *(self._written(value, depth) for value in values)]
        lead, last = self._unit * depth, self._unit * (depth - 1)
        body = f",{self._newline}".join(lead + row for row in rows)
        return [_Splice(node.start, node.end, f"[{self._newline}{body}{self._newline}{last}]")]

    def _added(self, node: _Node, there: Sequence[_Node], fresh: Sequence[str], depth: int) -> list[_Splice]:
        """New members behind the last one, or behind the brace of an empty object."""
        if not fresh:
            return []
        lead = self._newline + self._unit * depth
        body = "".join(f"{lead}{row}," for row in fresh).removesuffix(",")
        closing = node.end - 1
        if not there:
            inside = self._text[node.start + 1 : closing]
            tail = "" if inside.strip() or "\n" in inside else self._newline + self._unit * (depth - 1)
            place = len(self._text[:closing].rstrip()) if inside.strip() else node.start + 1
            return [_Splice(place, place if inside.strip() or "\n" in inside else closing, body + tail)]
        if "\n" not in self._text[node.start : node.end]:
            return [_Splice(there[-1].end, there[-1].end, ", " + ", ".join(self._on_one_line(row) for row in fresh))]
        after = there[-1].end
        gap = _SPACE.match(self._text, after)
        comma = gap.end() if gap is not None else after
        if self._text[comma] == ",":
            return [_Splice(self._line_end(comma + 1, closing), self._line_end(comma + 1, closing), body)]
        place = self._line_end(after, closing)
        if place == after:
            return [_Splice(after, after, "," + body)]
        return [_Splice(after, after, ","), _Splice(place, place, body)]

    def _line_end(self, index: int, closing: int) -> int:
        """Behind a comment on the same line, which is about what stands there."""
        end = self._text.find("\n", index)
        line = self._text[index : end if 0 <= end <= closing else index]
        is_comment = line.strip().startswith(("//", "/*")) and line.count("/*") == line.count("*/")
        return index + len(line.rstrip()) if is_comment else index

    def _on_one_line(self, row: str) -> str:
        return re.sub(r"\n\s*", " ", row)

    def _written(self, value: Any, depth: int) -> str:
        lines = jsons.write_pretty(value).split("\n")
        indented = []
        for row in lines[1:]:
            spaces = len(row) - len(row.lstrip(" "))
            indented.append(self._unit * (depth + spaces // 2) + row.lstrip(" "))
        return self._newline.join([lines[0], *indented])

    def _is_ours(self, value: Any) -> bool:
        return bool(self._ours) and isinstance(value, list) and all(self._ours in each for each in value)

    def _mark(self, item: _Node) -> Any:
        there = (item.members or {}).get(self._ours)
        return None if there is None else self._value(there)

    def _says(self, node: _Node, value: Any) -> bool:
        return bool(self._value(node) == value)

    def _value(self, node: _Node) -> Any:
        """What stands there; something that equals nothing, where comments stand between."""
        try:
            return jsons.read(self._text[node.start : node.end])
        except jsons.JSONError:
            return object()


class _Reader:
    """Where things stand."""

    def __init__(self, text: str) -> None:
        self._text: Final = text
        self._at = 1 if text.startswith("\ufeff") else 0

    def whole(self) -> _Node:
        self._skip()
        node = self._value(0)
        self._skip()
        if self._at < len(self._text):
            raise self._wrong("there is more after the end")
        return node

    def _value(self, depth: int) -> _Node:
        if depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        start = self._at
        opening = self._text[start : start + 1]
        if opening == "{":
            members = self._members(depth)
            return _Node(start, self._at, members=members)
        if opening == "[":
            items = self._items(depth)
            return _Node(start, self._at, items=items)
        found = (_STRING if opening == '"' else _WORD).match(self._text, start)
        if found is None:
            raise self._wrong("a value is missing")
        self._at = found.end()
        return _Node(start, self._at)

    def _members(self, depth: int) -> dict[str, _Node]:
        members: dict[str, _Node] = {}
        self._at += 1
        while self._more("}", is_first=not members):
            name_at = self._at
            found = _STRING.match(self._text, name_at)
            if found is None:
                raise self._wrong("a name in quotes is missing")
            self._at = found.end()
            self._skip()
            if self._text[self._at : self._at + 1] != ":":
                raise self._wrong("`:` is missing")
            self._at += 1
            self._skip()
            member = self._value(depth + 1)
            member.name_at = name_at
            members[jsons.read(found[0])] = member
        return members

    def _items(self, depth: int) -> list[_Node]:
        items: list[_Node] = []
        self._at += 1
        while self._more("]", is_first=not items):
            items.append(self._value(depth + 1))
        return items

    def _more(self, closing: str, *, is_first: bool) -> bool:
        """Go on to the next member; False behind the end. A comma may follow the last one."""
        self._skip()
        if not is_first and self._text[self._at : self._at + 1] == ",":
            self._at += 1
            self._skip()
        elif not is_first and self._text[self._at : self._at + 1] != closing:
            raise self._wrong(f"`,` or `{closing}` is missing")
        if self._text[self._at : self._at + 1] == closing:
            self._at += 1
            return False
        return True

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _wrong(self, what: str) -> UnreadableError:
        return UnreadableError(f"line {self._text.count(chr(10), 0, self._at) + 1}: {what}")
