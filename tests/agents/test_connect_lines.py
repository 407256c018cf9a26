"""The shell lines that run agents against this proxy: valid, whole, and true to the choice."""

import shlex
import tomllib
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.agents import AGENTS
from dragoman.agents.agent import Agent, Choice, Model
from dragoman.wire import jsons

# What shells could trip over; names of models and keys may hold any of it.
texts = st.text(st.sampled_from("ab/-:.@ '\"\\$`!#&;|*?~(){}[]<>=%é日\t"), min_size=1, max_size=20)
models = st.builds(Model, name=texts, context_window=st.none() | st.integers(min_value=1000, max_value=10**7))
choices = st.builds(
    Choice,
    origin=st.sampled_from(["http://127.0.0.1:8080", "http://[::1]:9"]),
    key=texts,
    models=st.tuples(models),
)
PLAIN: Final = Choice(origin="http://127.0.0.1:8080", key="k", models=(Model("m", 65536),))


def agent(name: str) -> Agent:
    return next(agent for agent in AGENTS if agent.title == name)


def read(line: str) -> tuple[dict[str, str], list[str]]:
    """The variables a POSIX shell would set, and the command it would run with them."""
    words = shlex.split(line)
    count = next(n for n, word in enumerate(words) if "=" not in word)
    return dict(word.split("=", 1) for word in words[:count]), words[count:]


@pytest.mark.parametrize("name", [agent.title for agent in AGENTS])
@given(choices)
def test_a_line_is_one_command_of_a_shell(name: str, choice: Choice) -> None:
    line = agent(name).connect(choice)
    assert "\n" not in line
    variables, command = read(line)
    assert variables
    assert all(variable.replace("_", "").isalnum() for variable in variables)
    assert command[0] in {"claude", "codex", "opencode", "qwen"}
    said = repr([*variables.values(), *command])
    assert choice.origin in said


@given(choices)
def test_claude_code(choice: Choice) -> None:
    variables, command = read(agent("Claude Code").connect(choice))
    assert variables == {"ANTHROPIC_AUTH_TOKEN": choice.key}
    assert command[:2] == ["claude", "--settings"]  # what stands in the user's own goes before variables
    (settings,) = map(jsons.read, command[2:])
    said = settings["env"]
    models = {value for name, value in said.items() if name.endswith("MODEL")}
    assert models == {choice.main.name}
    assert len([name for name in said if name.endswith("MODEL")]) == 4
    assert said["ANTHROPIC_BASE_URL"] == choice.origin
    assert {said[name] for name in said if name.startswith("CLAUDE_CODE_USE_")} == {"0"}
    window = said.get("CLAUDE_CODE_MAX_CONTEXT_TOKENS")
    assert window == (None if choice.main.context_window is None else str(choice.main.context_window))


@given(choices)
def test_codex(choice: Choice) -> None:
    variables, command = read(agent("Codex").connect(choice))
    assert command[:3] == ["codex", "-m", choice.main.name]
    assert command[3::2] == ["-c"] * (len(command[3:]) // 2)
    settings: dict[str, Any] = {}
    for setting in command[4::2]:
        name, _, value = setting.partition("=")
        try:
            settings[name] = tomllib.loads(f"x={value}")["x"]
        except tomllib.TOMLDecodeError:
            settings[name] = value  # as Codex: what is no TOML is a string
    assert settings["model_provider"] == "dragoman"
    assert settings["model_providers.dragoman.base_url"] == f"{choice.origin}/v1"
    assert settings["model_providers.dragoman.wire_api"] == "responses"
    assert variables[settings["model_providers.dragoman.env_key"]] == choice.key
    assert settings.get("model_context_window") == choice.main.context_window


@given(choices)
def test_opencode(choice: Choice) -> None:
    variables, command = read(agent("OpenCode").connect(choice))
    assert command == ["opencode"]
    settings = jsons.read(variables["OPENCODE_CONFIG_CONTENT"])
    provider = settings["provider"]["dragoman"]
    assert provider["options"] == {"baseURL": f"{choice.origin}/v1", "apiKey": choice.key}
    limit = provider["models"][choice.main.name]["limit"]
    assert limit["context"] == choice.main.context_window or choice.main.context_window is None
    assert 0 < limit["output"] < limit["context"]
    assert settings["model"] == settings["small_model"] == f"dragoman/{choice.main.name}"
    # What the user's own file says of providers and of its agents' models would lead past us.
    assert (settings["enabled_providers"], settings["disabled_providers"]) == (["dragoman"], [])
    assert settings["agent"]["build"]["model"] == settings["agent"]["plan"]["model"] == settings["model"]


@given(choices)
def test_qwen_code(choice: Choice) -> None:
    variables, command = read(agent("Qwen Code").connect(choice))
    assert command == ["qwen", "--auth-type", "openai", "-m", choice.main.name]
    assert variables == {"OPENAI_BASE_URL": f"{choice.origin}/v1", "OPENAI_API_KEY": choice.key}


def test_plain_names_need_no_quotes() -> None:
    assert agent("Qwen Code").connect(PLAIN) == (
        "OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=k qwen --auth-type openai -m m"
    )
