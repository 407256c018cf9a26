"""Qwen Code (0.24): speaks Chat Completions here; configured by JSON, and in part by environment variables."""

from typing import Any, Final

from dragoman.agents.agent import KEY_VARIABLE, PROVIDER, Agent, Choice, File, Model, Overlay, Slot, Start
from dragoman.agents.shells import line

_SEARCH_SECONDS: Final = 60


def settings(choice: Choice) -> dict[str, Any]:
    said: dict[str, Any] = {
        "env": {KEY_VARIABLE: choice.key},
        "modelProviders": {"openai": [_model(model, choice) for model in choice.models]},
        "security": {"auth": {"selectedType": "openai"}},
        "model": {"name": choice.at("model")},
        "memory": {"enableManagedAutoMemory": False},  # a second agent on the same model, after every turn
    }
    if choice.search:
        said["mcpServers"] = {
            PROVIDER: {
                "httpUrl": f"{choice.origin}/mcp",
                "headers": {"Authorization": f"Bearer {choice.key}"},
                "timeout": _SEARCH_SECONDS * 1000,
            }
        }
    if choice.quiet:
        said |= {"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}
    return said


def _model(model: Model, choice: Choice) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": model.name,
        "name": model.name,
        "envKey": KEY_VARIABLE,
        "baseUrl": f"{choice.origin}/v1",
    }
    generation: dict[str, Any] = {}
    if model.context_window is not None:
        generation["contextWindowSize"] = model.context_window
    if model.vision:  # else it says in words that there was an image
        generation["modalities"] = {"image": True}
    if generation:
        said["generationConfig"] = generation
    return said


def _file(choice: Choice) -> File:
    return File("~/.qwen", ("settings.json",), "json", settings(choice), moved_by="QWEN_HOME")


def _start(choice: Choice) -> Start:
    """What is the system's goes before what is the user's."""
    values = {name: value for name, value in settings(choice).items() if name != "env"}
    overlay = Overlay(values, variable="QWEN_CODE_SYSTEM_SETTINGS_PATH")
    return Start(("qwen",), {KEY_VARIABLE: choice.key}, overlay)


def _connect(choice: Choice) -> str:
    environment = {"OPENAI_BASE_URL": f"{choice.origin}/v1", "OPENAI_API_KEY": choice.key}
    # A model that the user's own settings name goes before a variable, and has an address of its own there.
    return line(environment, "qwen", "--auth-type", "openai", "-m", choice.at("model"))


AGENT: Final = Agent(
    "qwen",
    "Qwen Code",
    "@qwen-code/qwen-code",
    (Slot("model", "Model", "The model it starts with; `/model` lists the others."),),
    _file,
    _start,
    _connect,
    notes=("It needs Node.js 22 or newer.",),
    several=True,
    search_by_mcp=True,
)
