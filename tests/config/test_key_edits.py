"""Keys spliced into the text of a configuration: whatever way it is written, it then says what was meant."""

import difflib
from typing import Final

import pytest

from dragoman.config import key_edits
from dragoman.config.key_edits import CannotEditError
from dragoman.config.load import load_bytes
from dragoman.config.schema import KeyConfig

HASH: Final = "sha256:" + "ab" * 32
MODELS: Final = "models:\n  - {name: m, backends: [http://127.0.0.1:9/v1]}\n"

# The same two keys, as people and programs write them.
WRITTEN: Final = {
    "as in the example": (
        "# top\n" + MODELS + "keys:\n  # for Ann\n  - key: sk-aaaaaaaaaaaaaaaa  # hers\n    name: ann\n\n"
        "  - name: bob\n    key: sk-bbbbbbbbbbbbbbbb\n    models:\n      - m  # only this\n    # tail\n\nmax_body_mb: 3\n"
    ),
    "without indentation": MODELS
    + "keys:\n- key: sk-aaaaaaaaaaaaaaaa\n  name: ann\n- {key: sk-bbbbbbbbbbbbbbbb, name: bob, models: [m]}\n",
    "with wide dashes": MODELS
    + "keys:\n    -   key: sk-aaaaaaaaaaaaaaaa\n        name: ann\n    -   key: sk-bbbbbbbbbbbbbbbb\n        name: bob\n        models: [m]",
    "dashes on their own": MODELS
    + "keys:\n  -\n    key: sk-aaaaaaaaaaaaaaaa\n    name: ann\n  - # bob - who else\n    key: sk-bbbbbbbbbbbbbbbb\n    name: bob\n    models: m\n",
    "as a flow": MODELS
    + "keys: [{key: sk-aaaaaaaaaaaaaaaa, name: ann}, {name: bob, key: sk-bbbbbbbbbbbbbbbb, models: [m]}]  # two\n",
    "as JSON": '{"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}],\n "keys": [\n'
    '  {"key": "sk-aaaaaaaaaaaaaaaa", "name": "ann"},\n  {"key": "sk-bbbbbbbbbbbbbbbb", "name": "bob", "models": ["m"]}\n ]\n}\n',
    "as Windows ends lines": MODELS.replace("\n", "\r\n")
    + "keys:\r\n  - key: sk-aaaaaaaaaaaaaaaa\r\n    name: ann\r\n  - key: sk-bbbbbbbbbbbbbbbb\r\n    name: bob\r\n    models: [m]\r\nmax_body_mb: 3\r\n",
    "in quotes and blocks": "\"keys\":\n  - 'key': \"sk-aaaaaaaaaaaaaaaa\"\n    name: |-\n      ann\n  - key: >-\n      sk-bbbbbbbbbbbbbbbb\n    name: 'bob'\n    models: [m]\n"
    + MODELS,
}
# No keys, in the ways there are to say so.
NONE: Final = {
    "not mentioned": "# top\n" + MODELS + "# tail\n",
    "without a last line break": MODELS.rstrip("\n"),
    "nothing": "keys:\n" + MODELS,
    "nothing, with a comment": "keys:  # none yet\n" + MODELS,
    "nothing at the end": MODELS + "keys:",
    "null": MODELS + "keys: null # none\nmax_body_mb: 3\n",
    "an empty list": MODELS + "keys: []  # none\n",
    "JSON": '{"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]}',
    "JSON with an empty list": '{"keys": [], "models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]}',
}


def keys_of(text: str) -> tuple[KeyConfig, ...]:
    loaded = load_bytes(text.encode(), {})
    assert loaded.config is not None, loaded.findings
    return loaded.config.keys


def names_of(text: str) -> list[str]:
    return [key.name for key in keys_of(text)]


def taken_out(before: str, after: str) -> list[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("models", [[], ["m"]], ids=["all", "one"])
def test_a_key_is_added_behind_the_others(text: str, models: list[str]) -> None:
    after = key_edits.added(text, "eve", HASH, models)
    assert names_of(after) == ["ann", "bob", "eve"]
    assert keys_of(after)[:2] == keys_of(text)
    assert keys_of(after)[2].digest == bytes.fromhex("ab" * 32)
    assert keys_of(after)[2].models == tuple(models)
    if "[{" not in text and '"keys"' not in text.splitlines()[1]:
        assert taken_out(text, after) == []
    assert ("\r\n" in after) == ("\r\n" in text)
    assert "\n" not in after.replace("\r\n", "") or "\r\n" not in text


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_the_first_key(text: str) -> None:
    once = key_edits.added(text, "ann", HASH, ["m"])
    assert names_of(once) == ["ann"]
    twice = key_edits.added(once, "bob", "sha256:" + "cd" * 32)
    assert names_of(twice) == ["ann", "bob"]
    assert [line for line in text.splitlines() if line.startswith("#") and line not in twice] == []
    assert twice.count("# none") == text.count("# none")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("index", [0, 1])
def test_a_key_is_renewed_in_its_place(text: str, index: int) -> None:
    after = key_edits.rehashed(text, index, HASH)
    before_keys, after_keys = keys_of(text), keys_of(after)
    assert names_of(after) == ["ann", "bob"]
    assert after_keys[index].digest == bytes.fromhex("ab" * 32)
    assert not after_keys[index].key
    assert after_keys[1 - index] == before_keys[1 - index]
    assert after_keys[index].models == before_keys[index].models
    again = key_edits.rehashed(after, index, "sha256:" + "cd" * 32)
    assert keys_of(again)[index].digest == bytes.fromhex("cd" * 32)
    assert after.count("#") == text.count("#")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("index", [0, 1])
def test_a_key_is_taken_out(text: str, index: int) -> None:
    after = key_edits.removed(text, index)
    assert keys_of(after) == keys_of(text)[1 - index : 2 - index]
    kept = [line for line in text.splitlines() if line.strip().startswith("#")]
    assert [line for line in kept if line not in after] == []


@pytest.mark.parametrize("name", ["no", "null", "a: b", "O'Neill", 'say "x"', "${HOME}", "日本", "-", "1e3", "a #b"])
@pytest.mark.parametrize("text", [NONE["not mentioned"], WRITTEN["as JSON"]], ids=["YAML", "JSON"])
def test_names_arrive_as_they_were_said(name: str, text: str) -> None:
    assert names_of(key_edits.added(text, name, HASH))[-1] == name


@pytest.mark.parametrize(
    "text",
    [
        MODELS + "x-k: &k {key: sk-aaaaaaaaaaaaaaaa, name: ann}\nkeys:\n  - *k\n",
        MODELS + "keys:\n  - &k {key: sk-aaaaaaaaaaaaaaaa, name: ann}\n",
        MODELS + "x-k: &k {key: sk-aaaaaaaaaaaaaaaa}\nkeys:\n  - {name: ann, <<: *k}\n",
        MODELS + "x-k: &k sk-aaaaaaaaaaaaaaaa\nkeys:\n  - name: ann\n    key: *k\n",
        "x-top: &top\n  keys: [{key: sk-aaaaaaaaaaaaaaaa, name: ann}]\n<<: *top\n" + MODELS,
    ],
)
def test_keys_that_are_written_elsewhere_are_left_to_their_author(text: str) -> None:
    with pytest.raises(CannotEditError):
        key_edits.rehashed(text, 0, HASH)


def test_a_list_of_its_own_elsewhere_is_edited_there() -> None:
    text = "x-k: &k\n  - {key: sk-aaaaaaaaaaaaaaaa, name: ann}\nkeys: *k\n" + MODELS
    assert names_of(key_edits.added(text, "eve", HASH)) == ["ann", "eve"]


def test_what_is_no_mapping_is_no_configuration() -> None:
    with pytest.raises(CannotEditError):
        key_edits.added("- a\n", "eve", HASH)
