"""The text of a configuration without its secrets: each is hidden behind a name, and comes back in its place.

A person edits the file in a browser; what opens backends and pages need not travel there and back for that.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel

from dragoman.wire import jsons

_NAMED: Final = r"(?:\w*_)?(?:key|token|secret|password|hash)"
_NAMES_ONE: Final = re.compile(_NAMED)
_NAMES_SEVERAL: Final = re.compile(rf"{_NAMED}s")
# What somebody has commented out is a secret all the same.
_COMMENTED: Final = re.compile(rf"#[^\n]*?\b{_NAMED}[\"']?[ \t]*:[ \t]*[\"']?(?P<value>[^\s\"',}}\]#]+)")
_VARIABLE: Final = re.compile(r"\$\{\w+\}", re.ASCII)


class VeilError(ValueError):
    """What was edited names a secret that there is not."""


class _Secret(NamedTuple):
    """Where it stands in the text, and how it is written when it comes back: in one line."""

    start: int
    end: int
    written: str


def veiled(text: str) -> str:
    """The text, which is valid YAML, with its secrets hidden. Variables are none, and are shown.

    A line stays a line, but for secrets that are written over several.
    """
    mark = _mark(text)
    for number, secret in reversed(list(enumerate(_secrets(text), 1))):
        text = f"{text[: secret.start]}{mark}-{number}{text[secret.end :]}"
    return text


def unveiled(edited: str, text: str) -> str:
    """What was edited, in which every secret of `text` stands again where its name does. Raise VeilError."""
    secrets = _secrets(text)

    def secret(found: re.Match[str]) -> str:
        number = int(found[1])
        if not 1 <= number <= len(secrets):
            raise VeilError(f"{found[0]} is not the name of a hidden secret: write the secret itself")
        return secrets[number - 1].written

    return re.sub(rf"{_mark(text)}-(\d+)", secret, edited)


def _mark(text: str) -> str:
    """What the names of hidden secrets begin with; nothing in the text does."""
    mark = "hidden-secret"
    while mark in text:
        mark += "-x"
    return mark


def _secrets(text: str) -> list[_Secret]:
    """In the order of the text, none within another."""
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    found = {node.start_mark.index: _secret(text, node) for node in _hidden(yaml.compose(text), set())}
    commented = [
        _Secret(*match.span("value"), match["value"])
        for match in _COMMENTED.finditer(text)
        if not _VARIABLE.fullmatch(match["value"])
    ]
    ordered = sorted([*found.values(), *commented])
    return [one for index, one in enumerate(ordered) if not index or one.start >= ordered[index - 1].end]


def _hidden(node: ruamel.Node | None, seen: set[tuple[int, bool]], *, is_secret: bool = False) -> Iterator[ruamel.Node]:
    """The texts that are secrets, by the names they have. What is referred to is looked at once."""
    if node is None or (id(node), is_secret) in seen:
        return
    seen.add((id(node), is_secret))
    if isinstance(node, ruamel.MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key.value, str) else ""
            is_list = isinstance(value, ruamel.SequenceNode)
            yield from _hidden(value, seen, is_secret=bool((_NAMES_SEVERAL if is_list else _NAMES_ONE).fullmatch(name)))
    elif isinstance(node, ruamel.SequenceNode):
        for value in node.value:
            yield from _hidden(value, seen, is_secret=is_secret)
    elif is_secret and node.value and not _VARIABLE.fullmatch(node.value) and not str(node.tag).endswith(":null"):
        yield node


def _secret(text: str, node: ruamel.Node) -> _Secret:
    start, end = node.start_mark.index, node.end_mark.index
    end = start + len(text[start:end].rstrip())
    written = text[start:end]
    return _Secret(start, end, jsons.write_text(node.value) if "\n" in written else written)
