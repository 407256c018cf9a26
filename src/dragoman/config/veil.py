"""The text of a configuration without its secrets: each is hidden behind a name, and comes back in its place.

A person edits the file in a browser; what opens backends and pages need not travel there and back for that.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml import nodes as ruamel

from dragoman.config.nodes import PARSER_ERRORS
from dragoman.wire import jsons

# `max_tokens` and `max_mb_per_key` are numbers of them.
_NAMED: Final = (
    r"(?i:(?!max_)(?:[\w-]*[_-]|api|auth|access)?(?:key|token|secret|passw(?:or)?d|hash|authorization|credential)s?)"
)
_NAMES_ONE: Final = re.compile(_NAMED)
_QUOTED: Final = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n]|'')*'"
_GIVEN: Final = rf"{_NAMED}[\"']?[ \t]*[:=][ \t]*"
# What somebody has commented out is a secret all the same: the rest of a line, or a word within one.
_COMMENTED: Final = re.compile(
    rf"(?<=#)[ \t]*(?:-[ \t]+)*[\"']?{_GIVEN}(?P<rest>{_QUOTED}|[^\s\"'#](?:[^\n#]|(?<!\s)#)*)"
    rf"|(?<![\w-]){_GIVEN}(?P<word>{_QUOTED}|[^\s\"',}}\]#]{{8,}})"
)
_COMMENT: Final = re.compile(r"#[^\n]*")
# What looks like one wherever it stands: keys of well-known makers, and what a URL opens with.
_LOOKS_LIKE_ONE: Final = re.compile(
    r"(?<!\w)(?<!\w-)(?:sk[-_]|hf_|gsk_|ghp_|tvly-|nvapi-)[\w-]{12,}|(?<=://)[^\s/@\"']+(?=@)"
)
# An anchor and a tag, which stand before a value and are none of it.
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*\s+)*")
_VARIABLE: Final = re.compile(r"\$\{\w+\}", re.ASCII)
_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})


class VeilError(ValueError):
    """What was edited names a secret that there is not, or puts one where it would be seen."""


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
    pieces: list[str] = []
    places: list[_Place] = []
    done = length = 0
    for found in re.finditer(rf"{_mark(text)}-(\d+)", edited):
        number = int(found[1]) if len(found[1]) < 10 else 0
        if not 1 <= number <= len(secrets):
            raise VeilError(f"{found[0]} is not the name of a hidden secret: write the secret itself")
        before, written = edited[done : found.start()], secrets[number - 1].written
        start = length + len(before)
        done, length = found.end(), start + len(written)
        pieces += before, written
        places.append(_Place(found[0], start, length))
    back = "".join((*pieces, edited[done:]))
    _demand_hidden(places, back)
    return back


class _Place(NamedTuple):
    """Where a secret has come back to. name: which it had."""

    name: str
    start: int
    end: int


def _demand_hidden(places: Sequence[_Place], back: str) -> None:
    """Raise VeilError for a secret in the place of something else, which messages and pages may quote."""
    try:
        hidden = _secrets(back)
    except (*PARSER_ERRORS, RecursionError):
        return  # nothing of it is quoted where it cannot even be read
    for place in places:
        if not any(secret.start <= place.start and place.end <= secret.end for secret in hidden):
            line = back.count("\n", 0, place.start) + 1
            raise VeilError(f"line {line}: {place.name} would be seen there: it is kept only where a secret belongs")


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
    scalars = list(_scalars(yaml.compose(text), set(), is_secret=False))
    found = [_secret(text, node) for node, is_secret in scalars if is_secret]
    found += (_Secret(*match.span(), match[0]) for match in _LOOKS_LIKE_ONE.finditer(text))
    for comment in _comments(text, [node for node, _ in scalars]):
        for match in _COMMENTED.finditer(comment[0]):
            start, end = (comment.start() + at for at in match.span(match.lastgroup or 0))
            end = start + len(text[start:end].rstrip())
            found.append(_Secret(start, end, text[start:end]))
    kept: list[_Secret] = []
    for one in sorted(found, key=lambda secret: (secret.start, -secret.end)):
        if (not kept or one.start >= kept[-1].end) and not _VARIABLE.fullmatch(one.written.strip("\"'")):
            kept.append(one)
    return kept


def _scalars(
    node: ruamel.Node | None, seen: set[tuple[int, bool]], *, is_secret: bool
) -> Iterator[tuple[ruamel.Node, bool]]:
    """Everything that is written, and whether it is a secret, by the names it has. What is referred to is looked at
    once.
    """
    if node is None or (id(node), is_secret) in seen:
        return
    seen.add((id(node), is_secret))
    if isinstance(node, ruamel.MappingNode):
        for key, value in node.value:
            yield from _scalars(key, seen, is_secret=False)
            name = key.value if isinstance(key.value, str) else ""
            yield from _scalars(value, seen, is_secret=is_secret or bool(_NAMES_ONE.fullmatch(name)))
    elif isinstance(node, ruamel.SequenceNode):
        for value in node.value:  # the members of `keys` say themselves what they are
            yield from _scalars(value, seen, is_secret=is_secret and not isinstance(value, ruamel.MappingNode))
    else:
        yield node, is_secret and node.value not in _NOTHING


def _comments(text: str, scalars: Sequence[ruamel.Node]) -> Iterator[re.Match[str]]:
    """What begins with `#`, between what is written or within a text, and does not reach beyond."""
    bounds = {bound for node in scalars for bound in (node.start_mark.index, node.end_mark.index)}
    for start, end in itertools.pairwise(sorted({0, *bounds, len(text)})):
        yield from _COMMENT.finditer(text, start, end)


def _secret(text: str, node: ruamel.Node) -> _Secret:
    start, end = node.start_mark.index, node.end_mark.index
    if properties := _PROPERTIES.match(text, start, end):
        start = properties.end()
    end = start + len(text[start:end].rstrip())
    written = text[start:end]
    return _Secret(start, end, jsons.write_text(node.value) if "\n" in written else written)
