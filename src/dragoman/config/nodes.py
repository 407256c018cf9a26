"""YAML as a tree in which everything knows its line. Variables are filled in; meaning comes later, in `read.py`.

Scalars keep their text as it was written: whether `8080` is a number or a name is for the field to say, as in Go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError

from dragoman.config.findings import Findings, child, item
from dragoman.config.variables import expand


class Scalar(NamedTuple):
    """written: as it stands in the file; messages quote this, since `text` may hold a secret of the environment."""

    text: str
    written: str
    line: int
    is_null: bool = False


class Entry(NamedTuple):
    line: int
    value: Node


class Sequence(NamedTuple):
    items: tuple[Node, ...]
    line: int


class Keyed(NamedTuple):
    """A YAML mapping."""

    entries: dict[str, Entry]
    line: int


Node: TypeAlias = Scalar | Sequence | Keyed

_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "str", "timestamp", "value"))
# What the parser raises on rubbish besides its own errors, found by feeding it rubbish.
PARSER_ERRORS: Final = (
    YAMLError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)


def read_tree(text: str, env: Mapping[str, str], findings: Findings) -> Node | None:
    """Return the document, or None when there is none: then either a finding says why, or the text is empty."""
    try:
        root = _compose(text)
        return None if root is None else _Planter(env, findings).plant(root, "")
    except RecursionError:
        findings.error("", None, "nested too deeply: this cannot be a configuration")
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = None if mark is None else mark.line + 1
        findings.error("", line, _syntax_message(error, text))
    except PARSER_ERRORS as error:
        findings.error("", _line_of(error, text), f"not valid YAML: {_first_line(str(error))}")
    return None


def _compose(text: str) -> ruamel.Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # an anchor may be set anew; YAML says so
    root: ruamel.Node | None = yaml.compose(text)
    return root


def _syntax_message(error: MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
    problem = _first_line(error.problem or error.context or "cannot be read")
    if "another document" in problem:
        problem = "a second document begins here; everything belongs into one"
    return f"not valid YAML: {problem}{where}{_syntax_hint(problem, text, mark)}"


def _syntax_hint(problem: str, text: str, mark: StreamMark | None) -> str:
    if "'\\t'" in problem:
        return "; indent with spaces, not tabs"
    lines = [] if mark is None else text.splitlines()[mark.line : mark.line + 1]
    return '; inside [] and {} a value with ${...} needs quotes: "${...}"' if "${" in "".join(lines) else ""


def _line_of(error: Exception, text: str) -> int | None:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else None


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


class _Planter:
    """Turns the parser's nodes into ours. A node that is referred to by several aliases is turned once."""

    def __init__(self, env: Mapping[str, str], findings: Findings) -> None:
        self._env = env
        self._findings = findings
        self._done: dict[int, Node] = {}
        self._open: set[int] = set()

    def plant(self, node: ruamel.Node, path: str) -> Node:
        known = self._done.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            self._findings.unreadable(path, _line(node), "refers to a place that contains it: write it out instead")
            return _null(node)
        self._open.add(id(node))
        planted = self._plant(node, path)
        self._open.discard(id(node))
        self._done[id(node)] = planted
        return planted

    def _plant(self, node: ruamel.Node, path: str) -> Node:
        if isinstance(node, ruamel.MappingNode):
            return Keyed(self._entries(node, path), _line(node))
        if isinstance(node, ruamel.SequenceNode):
            items = (self.plant(value, item(path, index)) for index, value in enumerate(node.value))
            return Sequence(tuple(items), _line(node))
        return self._scalar(node, path)

    def _entries(self, node: ruamel.MappingNode, path: str) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                for name, entry in self._merged(value, path):
                    merged.setdefault(name, entry)
            elif not isinstance(key, ruamel.ScalarNode):
                self._findings.error(path, _line(key), "a key must be a name, not a list or mapping")
            elif (name := _characters(key.value)) in entries:
                self._repeated(child(path, name), _line(key), entries[name].line)
            else:
                entries[name] = Entry(_line(key), self.plant(value, child(path, name)))
        return entries | {name: entry for name, entry in merged.items() if name not in entries}

    def _repeated(self, path: str, line: int, first: int) -> None:
        self._findings.error(path, line, f"given twice, first in line {first}: remove one of the two")

    def _merged(self, value: ruamel.Node, path: str) -> Iterator[tuple[str, Entry]]:
        """The entries that `<<` brings in from one mapping or a list of them, the first winning."""
        sources = value.value if isinstance(value, ruamel.SequenceNode) else [value]
        for source in sources:
            planted = self.plant(source, path)
            if isinstance(planted, Keyed):
                yield from planted.entries.items()
            else:
                self._findings.error(path, _line(value), "`<<` takes a mapping, such as an anchor's *name")

    def _scalar(self, node: ruamel.Node, path: str) -> Scalar:
        if node.tag not in _SCALAR_TAGS:
            self._findings.unreadable(path, _line(node), f"the tag {_short(node.tag)} has no meaning here: remove it")
            return _null(node)
        if node.tag == _TAG + "null":
            return _null(node)
        try:
            written = _characters(node.value)
            return Scalar(expand(written, self._env), written, _line(node))
        except ValueError as error:
            self._findings.unreadable(path, _line(node), str(error))
            return _null(node)


def _characters(text: str) -> str:
    """JSON writes what is beyond U+FFFF as two escapes, of which the parser makes two halves; a half alone is none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _short(tag: str | None) -> str:
    return (tag or "!").replace(_TAG, "!!")


def _line(node: ruamel.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _null(node: ruamel.Node) -> Scalar:
    return Scalar("", "", _line(node), is_null=True)
