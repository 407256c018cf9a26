"""Values put into JSON that people keep: read back they are there, and everything else is as it was."""

import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.agents.jsonc import UnreadableError, merged
from dragoman.wire import jsons

scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8)
names = st.sampled_from(["a", "b", "c", 'q"', "//", "é"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
objects = st.dictionaries(names, values, max_size=4)
COMMENTS: Final = ("// one\n", "/* two, { } */", " ", "\n", "\t", '// "a": 1,\n', "/**/")


def plain(text: str) -> Any:
    """What a reader of JSON with comments sees. No string of these tests holds what looks like a comment and a brace."""
    kept = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or " ", text, flags=re.DOTALL)
    kept = re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', lambda m: m[1] or "", kept)
    return jsons.read(kept)


def deep(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    out = dict(old)
    for key, value in new.items():
        there = out.get(key)
        out[key] = deep(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return out


def written(value: Any, draw: st.DataObject) -> str:
    """As a person might write it: comments, line breaks and a last comma anywhere."""

    def gap() -> str:
        return "".join(draw.draw(st.lists(st.sampled_from(COMMENTS), max_size=2)))

    if isinstance(value, dict):
        rows = [f"{gap()}{jsons.write_text(k)}{gap()}:{gap()}{written(v, draw)}{gap()}" for k, v in value.items()]
        return "{" + ",".join(rows) + ("," if draw.draw(st.booleans()) and rows else "") + gap() + "}"
    if isinstance(value, list):
        rows = [f"{gap()}{written(v, draw)}{gap()}" for v in value]
        return "[" + ",".join(rows) + ("," if draw.draw(st.booleans()) and rows else "") + gap() + "]"
    return jsons.write_text(value)


@given(objects, objects, st.data())
def test_what_is_put_in_is_there_and_the_rest_is_as_it_was(old: dict[str, Any], new: dict[str, Any], data: Any) -> None:
    text = written(old, data)
    after = merged(text, new)
    assert plain(after) == deep(old, new)
    assert merged(after, new) == after


@given(objects, st.data())
def test_nothing_to_say_changes_nothing(old: dict[str, Any], data: Any) -> None:
    text = written(old, data)
    assert merged(text, {}) == text


KEPT: Final = """\
{
    // Mine.
    "theme": "dark", // as it should be
    "provider": {
        "other": { "npm": "x" } // keep
    },
    "model": "other/m" /* the good one */
}
"""


def test_comments_order_and_indentation_stay() -> None:
    assert merged(KEPT, {"model": "d/m", "provider": {"d": {"models": {"m": {}}}}, "share": "no"}) == KEPT.replace(
        '"other/m" /* the good one */', '"d/m", /* the good one */\n    "share": "no"'
    ).replace(
        '"other": { "npm": "x" } // keep',
        '"other": { "npm": "x" }, // keep\n        "d": {\n            "models": {\n                "m": {}\n'
        "            }\n        }",
    )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        (" \n", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ("{\n}\n", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{"x": 1}', '{"x": 1, "a": { "b": 1 }}'),
        ('{\n  "x": 1,\n}\n', '{\n  "x": 1,\n  "a": {\n    "b": 1\n  }\n}\n'),
        ('{\r\n\t"x": 1\r\n}', '{\r\n\t"x": 1,\r\n\t"a": {\r\n\t\t"b": 1\r\n\t}\r\n}'),
        ('{"a": 3}', '{"a": {\n    "b": 1\n  }}'),
        ("\ufeff{}", '\ufeff{\n  "a": {\n    "b": 1\n  }\n}'),
    ],
)
def test_forms(text: str, after: str) -> None:
    assert merged(text, {"a": {"b": 1}}) == after


def test_of_a_list_of_objects_only_ours_are_replaced() -> None:
    text = '{\n  "l": [\n    {"id": "x", "k": 1}, // theirs\n    {"id": "m", "k": 2}\n  ]\n}\n'
    ours = {"l": [{"id": "m", "k": 3}, {"id": "n", "k": 4}]}
    after = merged(text, ours, "id")
    assert plain(after)["l"] == [{"id": "x", "k": 1}, {"id": "m", "k": 3}, {"id": "n", "k": 4}]
    assert merged(after, ours, "id") == after
    assert plain(merged(text, ours))["l"] == ours["l"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[]", "no object"),
        ("{\n\n x: 1}", "line 3: a name"),
        ('{"a" 1}', "`:` is missing"),
        ('{"a": }', "a value"),
        ('{"a": 1 "b": 2}', "`,` or `}`"),
        ('{"a": [1 2]}', "`,` or `]`"),
        ('{"a": 1', "`,` or `}`"),
        ('{"a": [{}{}]}', "`,` or `]`"),
        ("{,}", "a name"),
        ('{"a": "', "a value"),
        ('{"a": 1} x', "more after the end"),
        ("{/* ", "a name"),
        ('{"a":' * 200, "too deeply"),
    ],
)
def test_what_is_no_json_is_not_touched(text: str, word: str) -> None:
    with pytest.raises(UnreadableError, match=re.escape(word)):
        merged(text, {"a": 1})
