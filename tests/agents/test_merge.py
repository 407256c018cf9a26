"""Files of agents that hold something already."""

import tomllib
from typing import Any, Final

import pytest

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import Agent, Choice, File, Model
from dragoman.agents.jsonc import UnreadableError
from dragoman.agents.merge import merged
from dragoman.agents.undone import undone
from dragoman.wire import jsons

CHOICE: Final = Choice(
    origin="http://127.0.0.1:8080",
    key="sk-k",
    models=(Model("m", 65536, 8192, True, True, ("low", "high")), Model('odd "name"', 32768)),
    search=True,
)
CODEX: Final = """\
# Mine.
model = "gpt-x"  # the usual one
approval_policy = "on-request"

[model_providers.other]  # keep
name = "Other"

[tui]
theme = "dark"
"""


def read(file: File, text: str) -> dict[str, Any]:
    value: dict[str, Any] = tomllib.loads(text) if file.form == "toml" else jsons.read(text)
    return value


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_an_empty_file_becomes_what_is_wanted_and_stays_so(agent: Agent) -> None:
    file = agent.file(CHOICE)
    text = merged(file)
    assert read(file, text) == file.values
    assert merged(file, text) == text
    assert text.endswith("\n")


def test_what_stands_in_codex_settings_stays() -> None:
    file = BY_NAME["codex"].file(CHOICE)
    text = merged(file, CODEX)
    said = read(file, text)
    assert said["approval_policy"] == "on-request"
    assert set(said["model_providers"]) == {"other", "dragoman"}
    assert said["model"] == "m"
    assert said["tui"] == {"theme": "dark"}
    assert {**said, **dict(file.values), "model_providers": said["model_providers"]} == said
    for comment in ("# Mine.", "# the usual one", "# keep"):
        assert comment in text
    assert merged(file, text) == text


@pytest.mark.parametrize(
    "text", ["model_providers = {other = {name = 'O'}}\n", "[model_providers]\n[a.b]\nc=1\n", "a=1"]
)
def test_other_ways_to_write_toml(text: str) -> None:
    file = BY_NAME["codex"].file(CHOICE)
    after = merged(file, text)
    said, was = read(file, after), tomllib.loads(text)
    assert said["model_providers"] == {**was.get("model_providers", {}), **file.values["model_providers"]}
    assert said["model"] == "m"
    assert all(said[key] == value for key, value in was.items() if key != "model_providers")
    assert merged(file, after) == after


def test_the_variable_of_a_codex_key_makes_way_for_the_key() -> None:
    """As the line of `serve` has it. Codex (0.171) looks at nothing else then: "Missing environment variable"."""
    file = BY_NAME["codex"].file(CHOICE)
    before = "[model_providers.dragoman]\nenv_key = 'DRAGOMAN_KEY'\nstream_max_retries = 9\n"
    after = merged(file, before)
    provider = tomllib.loads(after)["model_providers"]["dragoman"]
    assert provider == {"stream_max_retries": 9, **file.values["model_providers"]["dragoman"]}
    assert tomllib.loads(undone(file, after + "[new]\n", after, before)) == {**tomllib.loads(before), "new": {}}


def test_a_switch_is_no_number() -> None:
    file = File("~", ("f",), "toml", {"a": True})
    assert read(file, merged(file, "a = 1\n")) == {"a": True}


def test_other_models_of_qwen_code_stay() -> None:
    file = BY_NAME["qwen"].file(CHOICE)
    text = merged(file, '{"modelProviders": {"openai": [{"id": "theirs", "envKey": "X"}]}, "ui": {"theme": "x"}}')
    said = jsons.read(text)
    assert [model["id"] for model in said["modelProviders"]["openai"]] == ["theirs", "m", 'odd "name"']
    assert said["ui"] == {"theme": "x"}


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ('["other"]', ["dragoman", "other"]),
        ("[ // none\n]", ["dragoman"]),
        ('["other", "dragoman"]', ["other", "dragoman"]),
        ("null", None),
    ],
)
def test_a_list_of_opencodes_providers_has_ours_too(there: str, after: list[str] | None) -> None:
    file = BY_NAME["opencode"].file(CHOICE)
    text = merged(file, f'{{"enabled_providers": {there}}}')
    assert jsons.read(text.replace("// none", ""))["enabled_providers"] == after
    assert merged(file, text) == text


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ('["other", "dragoman", "third"]', ["other", "third"]),
        ('[\n  "dragoman", // mine\n]', []),
        ('["other"]', ["other"]),
        ("null", None),
    ],
)
def test_a_list_of_what_opencode_leaves_out_has_not_ours(there: str, after: list[str] | None) -> None:
    file = BY_NAME["opencode"].file(CHOICE)
    text = merged(file, f'{{"disabled_providers": {there}}}')
    assert jsons.read(text)["disabled_providers"] == after
    assert merged(file, text) == text
    assert "disabled_providers" not in merged(file)


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_what_cannot_be_read_is_left(agent: Agent) -> None:
    with pytest.raises(UnreadableError):
        merged(agent.file(CHOICE), "= nonsense [")
