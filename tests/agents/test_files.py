"""What each agent's own file says, by what was chosen."""

from typing import Any, Final

import msgspec
import pytest

from dragoman.agents import AGENTS, BY_NAME
from dragoman.agents.agent import Agent, Choice, Model
from dragoman.wire import jsons
from tests.agents.install import PACKAGES

LARGE: Final = Model("large", 131_072, 65_536, True, True, ("low", "medium", "high"))
SMALL: Final = Model("small", 32_768, reasons=False)
PLAIN: Final = Model("plain")
CHOICE: Final = Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(LARGE, SMALL, PLAIN))


def values(name: str, choice: Choice = CHOICE, **changes: Any) -> dict[str, Any]:
    return dict(BY_NAME[name].file(msgspec.structs.replace(choice, **changes)).values)


def claude(**changes: Any) -> dict[str, str]:
    environment: dict[str, str] = values("claude", **changes)["env"]
    return environment


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_where_they_are_and_where_they_come_from(agent: Agent) -> None:
    assert agent.file(CHOICE).path.startswith("~/.")
    assert agent.package == PACKAGES[agent.name]
    assert agent.slots
    assert not agent.slots[0].optional
    assert agent.start(CHOICE).command[0] == agent.name


def test_claude_code_has_a_model_for_each_slot() -> None:
    said = claude(slots={"haiku": "small", "opus": "plain", "subagent": "small"})
    assert said["ANTHROPIC_MODEL"] == said["ANTHROPIC_DEFAULT_SONNET_MODEL"] == "large"
    assert said["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == said["CLAUDE_CODE_SUBAGENT_MODEL"] == "small"
    assert said["ANTHROPIC_DEFAULT_OPUS_MODEL"] == said["ANTHROPIC_DEFAULT_FABLE_MODEL"] == "plain"
    assert "CLAUDE_CODE_SUBAGENT_MODEL" not in claude()


def test_of_claude_codes_models_the_smallest_window_counts() -> None:
    assert claude()["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"
    assert "CLAUDE_CODE_MAX_OUTPUT_TOKENS" not in claude()
    assert claude(slots={"haiku": "small"})["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "131072"
    small = claude(slots={"opus": "small"})
    assert small["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "32768"
    assert small["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "8192"
    assert "CLAUDE_CODE_MAX_CONTEXT_TOKENS" not in claude(models=(PLAIN,))
    assert claude(models=(Model("m", max_output=4096),))["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] == "4096"


def test_claude_code_is_told_what_cannot_be_asked_to_think() -> None:
    assert "CLAUDE_CODE_MODEL_CAPABILITIES" not in claude()
    assert "CLAUDE_CODE_MODEL_CAPABILITIES" not in claude(models=(PLAIN,))  # of which nothing is known
    assert claude(slots={"haiku": "small"})["CLAUDE_CODE_MODEL_CAPABILITIES"] == "small=-effort"
    assert "CLAUDE_CODE_MODEL_CAPABILITIES" not in claude(models=(Model("a;b", reasons=False),))


def test_claude_codes_switches() -> None:
    said = claude()
    assert said["CLAUDE_CODE_ATTRIBUTION_HEADER"] == "0"
    assert said["ENABLE_TOOL_SEARCH"] == "auto"
    assert said["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC" not in claude(quiet=False)


def test_claude_code_goes_to_none_of_its_vendors_clouds() -> None:
    said = claude()
    clouds = {name: value for name, value in said.items() if name.startswith("CLAUDE_CODE_USE_")}
    assert {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"} <= clouds.keys()
    assert set(clouds.values()) == {"0"}


def test_opencode_is_started_with_our_provider_whatever_its_own_lists_say() -> None:
    start = BY_NAME["opencode"].start(Choice(origin="http://127.0.0.1:8080", key="sk-k", models=(PLAIN,)))
    said = jsons.read(start.environment["OPENCODE_CONFIG_CONTENT"])
    assert (said["enabled_providers"], said["disabled_providers"]) == (["dragoman"], [])


def test_codex() -> None:
    said = values("codex", effort="high", search=True)
    assert (said["model"], said["model_context_window"]) == ("large", 131_072)
    assert (said["model_reasoning_effort"], said["web_search"]) == ("high", "live")
    provider = said["model_providers"][said["model_provider"]]
    assert provider["base_url"] == "http://127.0.0.1:8080/v1"
    assert provider["experimental_bearer_token"] == "sk-k"
    plain = values("codex", models=(PLAIN,), quiet=False)
    assert set(plain) == {"model", "model_provider", "model_providers"}
    assert values("codex", slots={"model": "small"})["model_context_window"] == 32_768


def test_opencode_has_every_model_and_its_agents() -> None:
    said = values("opencode", slots={"plan": "small", "small": "plain"})
    assert said["model"] == said["agent"]["build"]["model"] == "dragoman/large"
    assert said["agent"]["plan"]["model"] == "dragoman/small"
    assert said["small_model"] == "dragoman/plain"
    models = said["provider"]["dragoman"]["models"]
    assert models["large"]["limit"] == {"context": 131_072, "output": 32_768}
    assert models["large"]["modalities"]["input"] == ["text", "image"]
    assert models["large"]["reasoning"]
    assert models["small"]["limit"] == {"context": 32_768, "output": 8_192}
    assert "modalities" not in models["small"]
    assert models["plain"]["limit"]["context"] == 128_000


def test_qwen_code_has_every_model() -> None:
    said = values("qwen", slots={"model": "small"})
    assert said["model"]["name"] == "small"
    large, small, plain = said["modelProviders"]["openai"]
    assert large["generationConfig"] == {"contextWindowSize": 131_072, "modalities": {"image": True}}
    assert small["generationConfig"] == {"contextWindowSize": 32_768}
    assert "generationConfig" not in plain
    assert said["env"][large["envKey"]] == "sk-k"


@pytest.mark.parametrize("name", ["opencode", "qwen"])
def test_search_is_reached_at_the_proxys_own_endpoint(name: str) -> None:
    place = {"opencode": "mcp", "qwen": "mcpServers"}[name]
    assert place not in values(name)
    server = values(name, search=True)[place]["dragoman"]
    assert "http://127.0.0.1:8080/mcp" in server.values()
    assert server["headers"] == {"Authorization": "Bearer sk-k"}


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_who_is_to_be_quiet_is_told_more(agent: Agent) -> None:
    loud = agent.file(msgspec.structs.replace(CHOICE, quiet=False)).values
    assert len(str(agent.file(CHOICE).values)) > len(str(loud))


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_the_key_is_said_in_every_way_to_start(agent: Agent) -> None:
    start = agent.start(CHOICE)
    assert "sk-k" in repr([start.environment, start.overlay])
    assert "sk-k" not in repr(start.command)
