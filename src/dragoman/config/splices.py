"""Changes in the text of a configuration: pure, and every other byte stays as it is.

The parser says where things stand and the text is spliced there. Writing the whole file anew from a tree would keep its
comments, and move its indentation, quotes and line breaks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel

from dragoman.wire import jsons

Value: TypeAlias = "str | int | bool | Sequence[Value] | Mapping[str, Value]"
# To a place in the file: ("models", 2, "backends", 0).
Path: TypeAlias = Sequence[str | int]

_PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_NOT_PLAIN: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_COMMA: Final = re.compile(r"[ ]*,")
_DASH: Final = re.compile(r"^[ ]*(-)(?=\s)", re.MULTILINE)


class CannotEditError(ValueError):
    """The file is written in a way that is not edited here; the message says how."""


class Verbatim(str):
    """A text in which `${NAME}` stays a variable."""

    __slots__ = ()


def appended(text: str, name: str, item: Mapping[str, Value]) -> str:
    """The text with one more item at the end of the list `name`, which is made if it is not there."""
    return _Document(text).with_item(name, item)


def removed(text: str, name: str, index: int) -> str:
    """The text without one item of the list `name`. Comments above it stay: they may be about more than it."""
    return _Document(text).without_item(name, index)


def put(text: str, path: Path, name: str, value: Value, *, instead_of: Sequence[str] = (), bare: str = "") -> str:
    """The text in which the mapping at `path` has this member.

    instead_of: members whose place it takes. bare: the member that a text in the place of the mapping stands for.
    """
    return _Document(text).with_member(path, {name: value}, (*instead_of, name), bare)


class _Document:
    def __init__(self, text: str) -> None:
        self._text: Final = text
        self._newline: Final = "\r\n" if "\r\n" in text else "\n"
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False
        root = yaml.compose(text)
        if not isinstance(root, ruamel.MappingNode):
            raise CannotEditError("is not a mapping")
        self._root: Final = root

    def with_item(self, name: str, item: Mapping[str, Value]) -> str:
        found = self._member(self._root, name)
        if found is None:
            return self._with_list(name, item)
        key, value = found
        if isinstance(value, ruamel.SequenceNode) and value.value:
            last = value.value[-1]
            self._demand_in_place(last, value)
            if value.flow_style:
                return self._spliced(self._end(last), self._end(last), f", {_flow(item, quoted=self._is_json(last))}")
            dash = self._dash(value, len(value.value) - 1)
            lead = " " * (dash - self._line_start(dash))
            return self._with_lines_after(self._end(value), _block(item, lead, last.start_mark.index - dash - 1))
        return self._with_first_item(name, key, value, item)

    def _with_list(self, name: str, item: Mapping[str, Value]) -> str:
        if self._root.flow_style:
            end = self._end(self._root.value[-1][1])
            return self._spliced(end, end, f', "{name}": [{_flow(item, quoted=True)}]')
        lead = " " * self._root.start_mark.column
        block = [f"{lead}{name}:", *_block(item, lead + "  ", 1)]
        whole = self._text if self._text.endswith("\n") else self._text + self._newline
        return whole + self._newline + "".join(line + self._newline for line in block)

    def _with_first_item(self, name: str, key: ruamel.Node, value: ruamel.Node, item: Mapping[str, Value]) -> str:
        """The list is named and empty: one goes into its place."""
        colon = self._text.index(":", key.end_mark.index) + 1
        if self._root.flow_style or self._line_start(colon) != self._line_start(key.start_mark.index):
            start, end = value.start_mark.index, self._end(value)
            return self._spliced(start, max(start, end), f"[{_flow(item, quoted=self._root.flow_style)}]")
        if value.start_mark.index < self._end(value):  # `[]` or `null` is written there
            cut = _Document(self._spliced(colon, self._end(value), ""))
            return cut.with_item(name, item)
        return self._with_lines_after(colon, _block(item, " " * (key.start_mark.column + 2), 1))

    def without_item(self, name: str, index: int) -> str:
        items = self._list(self._root, name)
        item = self._item(items, index)
        if not items.flow_style:
            start, end = self._line_start(self._dash(items, index)), self._line_end(self._end(item))
            return self._spliced(start, end, "")
        if index + 1 < len(items.value):
            return self._spliced(item.start_mark.index, items.value[index + 1].start_mark.index, "")
        if index:
            return self._spliced(self._end(items.value[index - 1]), self._end(item), "")
        end = self._end(item)
        comma = _COMMA.match(self._text, end)  # behind the only one: it would be one too many
        return self._spliced(item.start_mark.index, comma.end() if comma else end, "")

    def with_member(self, path: Path, member: Mapping[str, Value], places: Sequence[str], bare: str) -> str:
        node = self._at(path)
        if isinstance(node, ruamel.ScalarNode) and bare:
            whole = _flow({bare: Verbatim(node.value), **member}, quoted=self._is_json(node))
            return self._spliced(node.start_mark.index, self._end(node), whole)
        if not isinstance(node, ruamel.MappingNode):
            raise CannotEditError(f"does not write `{_named(path)}` as a mapping")
        found = next((found for name in places if (found := self._member(node, name))), None)
        if found is not None:
            key, value = found
            self._demand_in_place(value, node)
            written = _members(member, quoted=self._text[key.start_mark.index] == '"')
            return self._spliced(key.start_mark.index, self._end(value), written)
        if any(key.tag.endswith(":merge") for key, _ in node.value):
            raise CannotEditError(f"takes `{_named(path)}` from elsewhere in the file")
        last = node.value[-1][1]
        if node.flow_style:
            end = self._end(last)
            return self._spliced(end, end, f", {_members(member, quoted=self._is_json(node))}")
        lead = " " * node.value[0][0].start_mark.column
        return self._with_lines_after(self._end(node), [f"{lead}{_members(member, quoted=False)}"])

    def _at(self, path: Path) -> ruamel.Node:
        """What stands there. Raise CannotEditError for what stands elsewhere and is only referred to there."""
        node: ruamel.Node = self._root
        for step in path:
            node = self._item(node, step) if isinstance(step, int) else self._list(node, step)
        return node

    def _list(self, node: ruamel.Node, name: str) -> ruamel.SequenceNode:
        found = self._member(node, name)
        if found is None or not isinstance(found[1], ruamel.SequenceNode):
            raise CannotEditError(f"does not write `{name}` as a list of its own")
        return found[1]

    def _item(self, items: ruamel.Node, index: int) -> ruamel.Node:
        item: ruamel.Node = items.value[index]
        self._demand_in_place(item, items)
        return item

    @staticmethod
    def _member(node: ruamel.Node, name: str) -> tuple[ruamel.Node, ruamel.Node] | None:
        members = node.value if isinstance(node, ruamel.MappingNode) else []
        return next(((key, value) for key, value in members if key.value == name), None)

    def _demand_in_place(self, node: ruamel.Node, inside: ruamel.Node) -> None:
        """An alias stands for what is written somewhere else, and perhaps meant for others too."""
        within = inside.start_mark.index <= node.start_mark.index <= node.end_mark.index <= inside.end_mark.index
        if not within or node.anchor:
            raise CannotEditError("shares a value by an anchor (`&`, `*`)")

    def _dash(self, items: ruamel.SequenceNode, index: int) -> int:
        """Where the dash of an item stands."""
        before = self._end(items.value[index - 1]) if index else items.start_mark.index
        dashes = list(_DASH.finditer(self._text, self._line_start(before), items.value[index].start_mark.index))
        if not dashes:
            raise CannotEditError("writes a list in an unusual way")
        return dashes[-1].start(1)

    def _end(self, node: ruamel.Node) -> int:
        """Where the last character of a value stands, plus one: the parser counts the comments below to it."""
        end: int = node.end_mark.index
        is_block = isinstance(node, ruamel.CollectionNode) and not node.flow_style and node.value
        if not is_block:
            return len(self._text[:end].rstrip()) if end > node.start_mark.index else end
        last = node.value[-1]
        last = last[1] if isinstance(last, tuple) else last
        if last.start_mark.index < node.start_mark.index:  # an alias: its name is all that is written here
            return len(self._text[:end].rstrip())
        return self._end(last)

    def _with_lines_after(self, index: int, lines: Sequence[str]) -> str:
        """Insert lines behind the one in which `index` lies."""
        end = self._line_end(index)
        block = "".join(line + self._newline for line in lines)
        if end == len(self._text) and not self._text.endswith("\n"):
            block = self._newline + block
        return self._spliced(end, end, block)

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """Behind the line break."""
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found + 1

    def _is_json(self, item: ruamel.Node) -> bool:
        return '"' in self._text[item.start_mark.index : item.start_mark.index + 8]

    def _spliced(self, start: int, end: int, text: str) -> str:
        return self._text[:start] + text + self._text[end:]


def _named(path: Path) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _block(item: Mapping[str, Value], lead: str, gap: int) -> list[str]:
    """One item of a list, over several lines."""
    rows = list(_rows(item))
    gap = gap if 0 < gap < 8 else 1
    inner = lead + " " * (gap + 1)
    return [f"{lead}-{' ' * gap}{rows[0]}", *(inner + row for row in rows[1:])]


def _rows(members: Mapping[str, Value]) -> Iterator[str]:
    for name, value in members.items():
        if isinstance(value, Mapping):
            yield f"{name}:"
            yield from (f"  {row}" for row in _rows(value))
        elif not isinstance(value, str | int) and any(isinstance(each, Mapping) for each in value):
            yield f"{name}:"
            for each in value:
                yield from _block(each, "  ", 1) if isinstance(each, Mapping) else [f"  - {_written(each)}"]
        else:
            yield f"{name}: {_written(value)}"


def _flow(members: Mapping[str, Value], *, quoted: bool) -> str:
    return f"{{{_members(members, quoted=quoted)}}}"


def _members(members: Mapping[str, Value], *, quoted: bool) -> str:
    return ", ".join(
        f"{_scalar(name, quoted=quoted)}: {_written(value, quoted=quoted)}" for name, value in members.items()
    )


def _written(value: Value, *, quoted: bool = False) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _scalar(value, quoted=quoted)
        case Mapping():
            return _flow(value, quoted=quoted)
        case _:
            return "[" + ", ".join(_written(each, quoted=quoted) for each in value) + "]"


def _scalar(text: str, *, quoted: bool) -> str:
    """A text that is surely one, also to readers that take `no` for a switch; JSON's strings are YAML's."""
    if not quoted and text.startswith("sha256:"):
        return text
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN
    if is_plain and not quoted:
        return text
    return jsons.write_text(str(text) if isinstance(text, Verbatim) else text.replace("${", "$${"))
