"""OpenCode (1.18): speaks Chat Completions here; configured by JSON, which may come in an environment variable."""

from typing import Any, Final

from dragoman.agents.agent import PROVIDER, Agent, Choice, File, Model, Slot, Start
from dragoman.agents.shells import line
from dragoman.wire import jsons

_DEFAULT_WINDOW: Final = 128_000
_OUTPUT: Final = 32_000
_SEARCH_SECONDS: Final = 60
# Of one run. The user's own lists may leave us out, and are replaced by these.
_ONLY_OURS: Final = {"enabled_providers": [PROVIDER], "disabled_providers": []}


def _essential(choice: Choice) -> dict[str, Any]:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Dragoman",
        "options": {"baseURL": f"{choice.origin}/v1", "apiKey": choice.key},
        "models": {model.name: _model(model) for model in choice.models},
    }
    return {
        "$schema": "https://opencode.ai/config.json",
        "provider": {PROVIDER: provider},
        "model": _ref(choice, "build"),
        "small_model": _ref(choice, "small"),
        "agent": {"build": {"model": _ref(choice, "build")}, "plan": {"model": _ref(choice, "plan")}},
    }


def settings(choice: Choice) -> dict[str, Any]:
    said = _essential(choice)
    if choice.search:
        said["mcp"] = {
            PROVIDER: {
                "type": "remote",
                "url": f"{choice.origin}/mcp",
                "headers": {"Authorization": f"Bearer {choice.key}"},
                "enabled": True,
                "oauth": False,
                "timeout": _SEARCH_SECONDS * 1000,
            }
        }
    if choice.quiet:
        said |= {"autoupdate": False, "share": "disabled"}
    return said


def _model(model: Model) -> dict[str, Any]:
    window = model.context_window or _DEFAULT_WINDOW
    said: dict[str, Any] = {"name": model.name, "tool_call": True}
    if model.reasons:
        said["reasoning"] = True
    if model.vision:  # else it is not sent what it cannot see
        said |= {"attachment": True, "modalities": {"input": ["text", "image"], "output": ["text"]}}
    said["limit"] = {"context": window, "output": min(model.max_output or _OUTPUT, window // 4)}
    return said


def _ref(choice: Choice, slot: str) -> str:
    return f"{PROVIDER}/{choice.at(slot)}"


def _file(choice: Choice) -> File:
    return File(
        "~/.config/opencode",
        ("opencode.json", "opencode.jsonc"),
        "json",
        settings(choice),
        moved_by="XDG_CONFIG_HOME",
        moved_to="opencode",
        listed={"enabled_providers": PROVIDER},
        barred={"disabled_providers": PROVIDER},
    )


def _start(choice: Choice) -> Start:
    said = settings(choice) | _ONLY_OURS
    environment = {"OPENCODE_CONFIG_CONTENT": jsons.write_text(said)}
    if choice.quiet:
        environment["OPENCODE_DISABLE_MODELS_FETCH"] = "1"
    return Start(("opencode",), environment)


def _connect(choice: Choice) -> str:
    return line({"OPENCODE_CONFIG_CONTENT": jsons.write_text(_essential(choice) | _ONLY_OURS)}, "opencode")


AGENT: Final = Agent(
    "opencode",
    "OpenCode",
    "opencode-ai",
    (
        Slot("build", "Build", "The agent that changes files; the model it starts with."),
        Slot("plan", "Plan", "The agent that only reads and plans (Tab)."),
        Slot("small", "Small", "Names sessions and sums up, beside the conversation."),
    ),
    _file,
    _start,
    _connect,
    notes=("`/models` lists every model of the proxy that is in the file.",),
    several=True,
    search_by_mcp=True,
)
