"""Our values taken out of a file that has changed since: what was before is there again, and what is new stays."""

import tomllib
from typing import Any, Final

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from dragoman.agents import AGENTS, jsonc, toml
from dragoman.agents.agent import Agent, Choice, File, Model
from dragoman.agents.jsonc import UnreadableError
from dragoman.agents.merge import merged
from dragoman.agents.undone import undone
from tests.agents.test_jsonc import objects

CHOICE: Final = Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(Model("m", 65536),), search=True)
JSON: Final = File("~", ("f",), "json", {})
TOML: Final = File("~", ("f",), "toml", {})
tables = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", 'q"']),
    lambda inner: (
        st.lists(st.integers(0, 3), max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


@given(objects, objects)
def test_json_that_has_not_changed_is_as_it_was(before: dict[str, Any], values: dict[str, Any]) -> None:
    text = jsonc.merged("", before)
    written = jsonc.merged(text, values)
    assert jsonc.read(undone(JSON, written, written, text)) == before


@given(objects, objects, st.dictionaries(st.sampled_from(["new", "n2"]), objects, max_size=2))
def test_what_is_new_in_json_stays(before: dict[str, Any], values: dict[str, Any], new: dict[str, Any]) -> None:
    text = jsonc.merged("", before)
    written = jsonc.merged(text, values)
    now = jsonc.merged(written, new)
    assert jsonc.read(undone(JSON, now, written, text)) == before | new


@given(st.dictionaries(st.sampled_from("abcd"), tables, max_size=3), st.dictionaries(st.sampled_from("abcd"), tables))
def test_so_it_is_with_toml(before: dict[str, Any], values: dict[str, Any]) -> None:
    text = tomlkit.dumps(before)
    written = toml.merged(text, values)
    now = toml.merged(written, {"new": {"x": 1}})
    assert tomllib.loads(undone(TOML, now, written, text)) == before | {"new": {"x": 1}}


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_what_somebody_has_changed_is_theirs(agent: Agent) -> None:
    file = agent.file(CHOICE)
    name = next(name for name, value in file.values.items() if not isinstance(value, list))
    written = merged(file)
    changed = File("~", ("f",), file.form, {name: "theirs"})
    said = undone(file, merged(changed, written), written)
    assert (jsonc.read if file.form == "json" else toml.read)(said) == {name: "theirs"}


@pytest.mark.parametrize(
    ("now", "after"),
    [
        ('{"a": 1, "ours": 2}', '{"a": 1}'),
        ('{"ours": 2, "a": 1}', '{ "a": 1}'),
        ('{\n  "ours": 2, // ours\n  "a": 1 // mine\n}', '{ // ours\n  "a": 1 // mine\n}'),
        ('{\n  "a": 1, // mine\n  "ours": 2,\n}', '{\n  "a": 1 // mine\n}'),
        ('{\n  "ours": 2\n}\n', "{\n}\n"),
        ('{"o": {"ours": 2, "a": [1, 2]}}', '{"o": { "a": [1, 2]}}'),
        ('{"o": {"ours": 2}}', "{}"),
    ],
)
def test_the_form_of_the_rest_stays(now: str, after: str) -> None:
    assert undone(JSON, now, '{"ours": 2, "o": {"ours": 2}}') == after


@pytest.mark.parametrize("now", ["[]", "{", "3", '{"a": nonsense}'])
def test_what_cannot_be_read_is_left(now: str) -> None:
    with pytest.raises(UnreadableError):
        undone(JSON, now, "{}")
