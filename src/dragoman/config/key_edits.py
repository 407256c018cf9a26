"""Changes of `keys` in the text of a configuration: pure, and every other byte stays as it is.

The parser says where things stand and the text is spliced there. Writing the whole file anew from a tree would keep its
comments, and move its indentation, quotes and line breaks.
"""

import re
from collections.abc import Sequence
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel

from dragoman.wire import jsons

_PLAIN: Final = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
_NOT_PLAIN: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_DASH: Final = re.compile(r"^[ ]*(-)(?=\s)", re.MULTILINE)


class CannotEditError(ValueError):
    """The file writes its keys in a way that is not edited here; the message says how."""


def added(text: str, name: str, key_hash: str, models: Sequence[str] = ()) -> str:
    """The text with one more key at the end of `keys`."""
    document = _Document(text)
    said: list[tuple[str, str | Sequence[str]]] = [("name", name), ("key_hash", key_hash)]
    if models:
        said.append(("models", models))
    return document.with_item(said)


def rehashed(text: str, index: int, key_hash: str) -> str:
    """The text with another hash in the place of the key at `index` of `keys`."""
    return _Document(text).with_hash(index, key_hash)


def removed(text: str, index: int) -> str:
    """The text without the key at `index` of `keys`. Comments above it stay: they may be about more than it."""
    return _Document(text).without_item(index)


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

    def with_item(self, said: Sequence[tuple[str, str | Sequence[str]]]) -> str:
        found = self._member(self._root, "keys")
        if found is None:
            return self._with_keys(said)
        key, value = found
        if isinstance(value, ruamel.SequenceNode) and value.value:
            last = value.value[-1]
            self._demand_in_place(last, value)
            if value.flow_style:
                return self._spliced(self._end(last), self._end(last), f", {_flow(said, quoted=self._is_json(last))}")
            dash = self._dash(value, len(value.value) - 1)
            lead = " " * (dash - self._line_start(dash))
            return self._with_lines_after(self._end(value), self._block(said, lead, last.start_mark.index - dash - 1))
        return self._with_first_item(key, value, said)

    def _with_keys(self, said: Sequence[tuple[str, str | Sequence[str]]]) -> str:
        if self._root.flow_style:
            end, name = self._end(self._root.value[-1][1]), '"keys"'
            return self._spliced(end, end, f", {name}: [{_flow(said, quoted=True)}]")
        lead = " " * self._root.start_mark.column
        block = [f"{lead}keys:", *self._block(said, lead + "  ", 1)]
        whole = self._text if self._text.endswith("\n") else self._text + self._newline
        return whole + self._newline + "".join(line + self._newline for line in block)

    def _with_first_item(
        self, key: ruamel.Node, value: ruamel.Node, said: Sequence[tuple[str, str | Sequence[str]]]
    ) -> str:
        """`keys:` is there and empty: a list goes into its place."""
        colon = self._text.index(":", key.end_mark.index) + 1
        if self._root.flow_style or self._line_start(colon) != self._line_start(key.start_mark.index):
            start, end = value.start_mark.index, self._end(value)
            return self._spliced(start, max(start, end), f"[{_flow(said, quoted=self._root.flow_style)}]")
        if value.start_mark.index < self._end(value):  # `[]` or `null` is written there
            cut = _Document(self._spliced(colon, self._end(value), ""))
            return cut.with_item(said)
        return self._with_lines_after(colon, self._block(said, " " * (key.start_mark.column + 2), 1))

    def with_hash(self, index: int, key_hash: str) -> str:
        items = self._items()
        item = items.value[index]
        self._demand_in_place(item, items)
        found = self._member(item, "key") or self._member(item, "key_hash")
        if found is None:
            raise CannotEditError("takes the key from elsewhere in the file")
        key, value = found
        self._demand_in_place(value, item)
        is_json = self._text[key.start_mark.index] == '"'
        written = _flow([("key_hash", key_hash)], quoted=is_json).strip("{}")
        return self._spliced(key.start_mark.index, self._end(value), written)

    def without_item(self, index: int) -> str:
        items = self._items()
        item = items.value[index]
        self._demand_in_place(item, items)
        if not items.flow_style:
            start, end = self._line_start(self._dash(items, index)), self._line_end(self._end(item))
            return self._spliced(start, end, "")
        if index + 1 < len(items.value):
            return self._spliced(item.start_mark.index, items.value[index + 1].start_mark.index, "")
        start = self._end(items.value[index - 1]) if index else item.start_mark.index
        return self._spliced(start, self._end(item), "")

    def _items(self) -> ruamel.SequenceNode:
        found = self._member(self._root, "keys")
        if found is None or not isinstance(found[1], ruamel.SequenceNode):
            raise CannotEditError("takes its keys from elsewhere in the file")
        return found[1]

    @staticmethod
    def _member(node: ruamel.Node, name: str) -> tuple[ruamel.Node, ruamel.Node] | None:
        members = node.value if isinstance(node, ruamel.MappingNode) else []
        return next(((key, value) for key, value in members if key.value == name), None)

    def _demand_in_place(self, node: ruamel.Node, inside: ruamel.Node) -> None:
        """An alias stands for what is written somewhere else, and perhaps meant for others too."""
        within = inside.start_mark.index <= node.start_mark.index <= node.end_mark.index <= inside.end_mark.index
        if not within or node.anchor:
            raise CannotEditError("shares a key by an anchor (`&`, `*`)")

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

    def _block(self, said: Sequence[tuple[str, str | Sequence[str]]], lead: str, gap: int) -> list[str]:
        rows = [f"{name}: {_flow_value(value, quoted=False)}" for name, value in said]
        gap = gap if 0 < gap < 8 else 1
        inner = lead + " " * (gap + 1)
        return [f"{lead}-{' ' * gap}{rows[0]}", *(inner + row for row in rows[1:])]

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


def _flow(said: Sequence[tuple[str, str | Sequence[str]]], *, quoted: bool) -> str:
    members = (f"{_scalar(name, quoted=quoted)}: {_flow_value(value, quoted=quoted)}" for name, value in said)
    return "{" + ", ".join(members) + "}"


def _flow_value(value: str | Sequence[str], *, quoted: bool) -> str:
    if isinstance(value, str):
        return _scalar(value, quoted=quoted)
    return "[" + ", ".join(_scalar(each, quoted=quoted) for each in value) + "]"


def _scalar(text: str, *, quoted: bool) -> str:
    """A text that is surely one, also to readers that take `no` for a switch; JSON's strings are YAML's."""
    if not quoted and text.startswith("sha256:"):
        return text
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN
    return text if is_plain and not quoted else jsons.write_text(text.replace("${", "$${"))
