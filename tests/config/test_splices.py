"""Changes spliced into the text of a configuration: whatever way it is written, it then says what was meant."""

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import pytest
from ruamel.yaml import YAML

from dragoman.config import splices
from dragoman.config.load import load_bytes
from dragoman.config.schema import BackendConfig, KeyConfig
from dragoman.config.splices import CannotEditError, Value, Verbatim

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


def with_key(text: str, name: str, key_hash: str = HASH, models: Sequence[str] = ()) -> str:
    item: dict[str, Value] = {"name": name, "key_hash": key_hash}
    return splices.appended(text, "keys", item | ({"models": models} if models else {}))


def rehashed(text: str, index: int, key_hash: str = HASH) -> str:
    return splices.put(text, ("keys", index), "key_hash", key_hash, instead_of=("key",))


def keys_of(text: str) -> tuple[KeyConfig, ...]:
    loaded = load_bytes(text.encode(), {})
    assert loaded.config is not None, loaded.findings
    return loaded.config.keys


def backends_of(text: str, env: Mapping[str, str] = MappingProxyType({})) -> tuple[BackendConfig, ...]:
    loaded = load_bytes(text.encode(), env)
    assert loaded.config is not None, loaded.findings
    return loaded.config.models[0].backends


def names_of(text: str) -> list[str]:
    return [key.name for key in keys_of(text)]


def taken_out(before: str, after: str) -> list[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line.startswith("- ")]


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("models", [[], ["m"]], ids=["all", "one"])
def test_a_key_is_added_behind_the_others(text: str, models: list[str]) -> None:
    after = with_key(text, "eve", HASH, models)
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
    once = with_key(text, "ann", HASH, ["m"])
    assert names_of(once) == ["ann"]
    twice = with_key(once, "bob", "sha256:" + "cd" * 32)
    assert names_of(twice) == ["ann", "bob"]
    assert [line for line in text.splitlines() if line.startswith("#") and line not in twice] == []
    assert twice.count("# none") == text.count("# none")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("index", [0, 1])
def test_a_key_is_renewed_in_its_place(text: str, index: int) -> None:
    after = rehashed(text, index)
    before_keys, after_keys = keys_of(text), keys_of(after)
    assert names_of(after) == ["ann", "bob"]
    assert after_keys[index].digest == bytes.fromhex("ab" * 32)
    assert not after_keys[index].key
    assert after_keys[1 - index] == before_keys[1 - index]
    assert after_keys[index].models == before_keys[index].models
    again = rehashed(after, index, "sha256:" + "cd" * 32)
    assert keys_of(again)[index].digest == bytes.fromhex("cd" * 32)
    assert after.count("#") == text.count("#")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("index", [0, 1])
def test_a_key_is_taken_out(text: str, index: int) -> None:
    after = splices.removed(text, "keys", index)
    assert keys_of(after) == keys_of(text)[1 - index : 2 - index]
    kept = [line for line in text.splitlines() if line.strip().startswith("#")]
    assert [line for line in kept if line not in after] == []


@pytest.mark.parametrize(
    "text", ["keys: [{key: sk-a}, ]\n", "keys: [\n  {key: sk-a} ,\n]\n", '{"keys": [{"key": "sk-a"}]}']
)
def test_the_only_one_of_a_list_goes_with_its_comma(text: str) -> None:
    after = splices.removed(text, "keys", 0)
    assert YAML(typ="safe", pure=True).load(after) == {"keys": []}


@pytest.mark.parametrize("name", ["no", "null", "a: b", "O'Neill", 'say "x"', "${HOME}", "日本", "-", "1e3", "a #b"])
@pytest.mark.parametrize("text", [NONE["not mentioned"], WRITTEN["as JSON"]], ids=["YAML", "JSON"])
def test_names_arrive_as_they_were_said(name: str, text: str) -> None:
    assert names_of(with_key(text, name))[-1] == name


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
        rehashed(text, 0)


def test_a_list_of_its_own_elsewhere_is_edited_there() -> None:
    text = "x-k: &k\n  - {key: sk-aaaaaaaaaaaaaaaa, name: ann}\nkeys: *k\n" + MODELS
    assert names_of(with_key(text, "eve")) == ["ann", "eve"]


def test_what_is_no_mapping_is_no_configuration() -> None:
    with pytest.raises(CannotEditError):
        with_key("- a\n", "eve")


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("models", [["m"], []], ids=["one", "all"])
def test_a_list_is_said_anew_or_for_the_first_time(text: str, index: int, models: list[str]) -> None:
    after = splices.put(text, ("keys", index), "models", models)
    before_keys, after_keys = keys_of(text), keys_of(after)
    assert after_keys[index].models == tuple(models)
    assert after_keys[1 - index] == before_keys[1 - index]
    assert (after_keys[index].name, after_keys[index].digest) == (before_keys[index].name, before_keys[index].digest)


# The same backend, as people and programs write it.
BACKENDS: Final = {
    "a text in a flow": "models:\n  - {name: m, backends: [http://127.0.0.1:9/v1]}\n",
    "a text in a list": "models:\n  - name: m\n    backends:\n      - http://127.0.0.1:9/v1  # the only one\n",
    "a text in quotes": 'models:\n  - name: m\n    backends:\n      - "http://127.0.0.1:9/v1"\n',
    "a mapping": "models:\n  - name: m\n    backends:\n      - url: http://127.0.0.1:9/v1  # the only one\n    # tail\n",
    "a mapping that says more": "models:\n  - name: m\n    backends:\n    - weight: 9\n      disabled: false\n      url: http://127.0.0.1:9/v1\n",
    "a flow": "models:\n  - name: m\n    backends: [{url: http://127.0.0.1:9/v1}]\n",
    "JSON": '{"models": [{"name": "m", "backends": [{"url": "http://127.0.0.1:9/v1"}]}]}',
    "JSON, a text": '{"models": [{"name": "m", "backends": ["http://127.0.0.1:9/v1"]}]}',
}


@pytest.mark.parametrize("text", BACKENDS.values(), ids=BACKENDS)
def test_members_of_what_lies_deeper(text: str) -> None:
    for name, value in (("weight", 3), ("disabled", False), ("weight", 5), ("max_inflight", 2)):
        text = splices.put(text, ("models", 0, "backends", 0), name, value, bare="url")
    (backend,) = backends_of(text)
    assert (backend.url, backend.weight, backend.disabled, backend.max_inflight) == (
        "http://127.0.0.1:9/v1",
        5,
        False,
        2,
    )
    assert "#" not in text or "# the only one" in text


def test_a_variable_in_a_bare_text_stays_one() -> None:
    text = splices.put(
        "models:\n  - {name: m, backends: ['${URL}']}\n", ("models", 0, "backends", 0), "weight", 2, bare="url"
    )
    (backend,) = backends_of(text, {"URL": "http://127.0.0.1:9/v1"})
    assert backend.url == "http://127.0.0.1:9/v1"


@pytest.mark.parametrize("text", [NONE["not mentioned"], BACKENDS["a mapping"], BACKENDS["a flow"], BACKENDS["JSON"]])
def test_an_item_with_items_of_its_own(text: str) -> None:
    backends = [{"url": "http://127.0.0.1:7/v1", "api_key": Verbatim("${K}")}, {"url": "http://127.0.0.1:8/v1"}]
    after = splices.appended(text, "models", {"name": "new", "context_window": 4096, "backends": backends})
    loaded = load_bytes(after.encode(), {"K": "sk-k"})
    assert loaded.config is not None, loaded.findings
    model = loaded.config.models[-1]
    assert (model.name, model.context_window) == ("new", 4096)
    assert [(one.url, one.api_key.reveal()) for one in model.backends] == [
        ("http://127.0.0.1:7/v1", "sk-k"),
        ("http://127.0.0.1:8/v1", ""),
    ]
    assert taken_out(text, after) == [] or "[{" in text or "{" in text.splitlines()[0]


def test_members_that_are_written_elsewhere_are_left_to_their_author() -> None:
    for text in (
        "x-b: &b {url: http://127.0.0.1:9/v1}\nmodels:\n  - name: m\n    backends: [*b]\n",
        "x-b: &b {url: http://127.0.0.1:9/v1}\nmodels:\n  - name: m\n    backends: [{<<: *b}]\n",
        "x-w: &w 3\nmodels:\n  - name: m\n    backends: [{url: http://127.0.0.1:9/v1, weight: *w}]\n",
        "models:\n  - name: m\n    backend: http://127.0.0.1:9/v1\n",
    ):
        with pytest.raises(CannotEditError):
            splices.put(text, ("models", 0, "backends", 0), "weight", 2, bare="url")


def test_a_text_where_no_text_is_expected() -> None:
    with pytest.raises(CannotEditError, match=r"does not write `models\[0\]` as a mapping"):
        splices.put("models: [m]\n", ("models", 0), "name", "n")
