"""YAML as a tree with lines."""

import pytest

from dragoman.config.findings import Findings
from dragoman.config.nodes import Keyed, Node, Scalar, Sequence, read_tree


def tree(text: str, env: dict[str, str] | None = None) -> tuple[Node | None, list[str]]:
    findings = Findings()
    root = read_tree(text, env or {}, findings)
    return root, [finding.render("c") for finding in findings.made]


def plain(node: Node | None) -> object:
    match node:
        case Keyed(entries=entries):
            return {name: plain(entry.value) for name, entry in entries.items()}
        case Sequence(items=items):
            return [plain(member) for member in items]
        case Scalar(is_null=True) | None:
            return None
        case Scalar(text=text):
            return text


def test_everything_knows_its_line() -> None:
    root, _ = tree("# a comment\na:\n  - b: 1\n\n  - c\n")
    assert isinstance(root, Keyed)
    assert root.entries["a"].line == 2
    items = root.entries["a"].value
    assert isinstance(items, Sequence)
    assert [member.line for member in items.items] == [3, 5]


def test_scalars_keep_their_text() -> None:
    root, _ = tree("a: 007\nb: 1.50\nc: yes\nd: '1'\ne: 2001-01-01\nf: ~\ng:\nh: !!str 5\n")
    expected = {"a": "007", "b": "1.50", "c": "yes", "d": "1", "e": "2001-01-01", "f": None, "g": None, "h": "5"}
    assert plain(root) == expected


def test_characters_may_be_escaped_as_in_json() -> None:
    root, _ = tree('{"\\ud83e\\udd99": "\\ud83e\\udd99 \\u00e9", "half": "\\ud83e"}')
    assert plain(root) == {"\U0001f999": "\U0001f999 \u00e9", "half": "\ufffd"}


def test_merging() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd:\n  <<: *b\n"
    root, said = tree(text)
    assert said == []
    expected = {"a": {"x": "1", "y": "1"}, "b": {"y": "2", "z": "2"}, "c": {"x": "1", "y": "1", "z": "3"}}
    assert plain(root) == expected | {"d": {"y": "2", "z": "2"}}


def test_an_anchor_may_be_set_anew() -> None:
    assert plain(tree("a: &x 1\nb: &x 2\nc: *x\n")[0]) == {"a": "1", "b": "2", "c": "2"}


def test_variables_are_filled_in() -> None:
    root, _ = tree('a: ${A}\nb: ["x-${B:-y}"]\n', {"A": "1"})
    assert plain(root) == {"a": "1", "b": ["x-y"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "c:4: b.c: given twice, first in line 3: remove one of the two"),
        ("a: b: c", "c:1: not valid YAML: mapping values are not allowed here (line 1, column 5)"),
        (
            "a:\n\t- 1",
            "c:2: not valid YAML: found character '\\t' that cannot start any token (line 2, column 1); indent",
        ),
        ("a: 1\n---\nb: 1", "c:2: not valid YAML: a second document begins here"),
        ("a:\n  [x, ${B}]", "c:2: not valid YAML: expected"),
        ("a: *b", "c:1: not valid YAML: found undefined alias 'b'"),
        ("a: 'x", "c:1: not valid YAML: found unexpected end of stream"),
        ("x\n\n\x00", "c:3: not valid YAML: unacceptable character"),
        ("a: &x [*x]", "c:1: a[0]: refers to a place that contains it"),
        ("a: !env KEY", "c:1: a: the tag !env has no meaning here"),
        ("a: !!binary aGk=", "c:1: a: the tag !!binary has no meaning here"),
        ("a:\n  b: ${NO}", "c:2: a.b: the environment variable NO is not set"),
        ("? [x]\n: 1", "c:1: a key must be a name"),
        ("a:\n  <<: 5", "c:2: a: `<<` takes a mapping"),
        ("[" * 600, "c: nested too deeply"),
    ],
)
def test_mistakes_are_placed(text: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in tree(text)[1]), tree(text)[1]


def test_nothing_is_no_mistake_of_the_syntax() -> None:
    assert tree("# only a comment\n") == (None, [])


def test_references_in_references_cost_no_more_than_their_text() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 30))
    root, said = tree("l0: &l0 x\n" + levels)
    assert isinstance(root, Keyed)
    assert said == []


def test_variables_in_brackets_are_told_to_be_quoted() -> None:
    assert 'needs quotes: "${...}"' in tree("a: {x: ${B}}")[1][0]
