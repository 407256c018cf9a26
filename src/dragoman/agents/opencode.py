"""OpenCode (1.18): speaks Chat Completions here; configured by JSON, which may come in an environment variable."""

from typing import Any, Final

from dragoman.agents.agent import Agent, Choice, line
from dragoman.wire import jsons

_DEFAULT_WINDOW: Final = 128_000
_OUTPUT: Final = 32_000


def settings(choice: Choice) -> dict[str, Any]:
    window = choice.context_window or _DEFAULT_WINDOW
    model = {"name": choice.model, "tool_call": True, "limit": {"context": window, "output": min(_OUTPUT, window // 4)}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Dragoman",
        "options": {"baseURL": f"{choice.origin}/v1", "apiKey": choice.key},
        "models": {choice.model: model},
    }
    return {
        "$schema": "https://opencode.ai/config.json",
        "provider": {"dragoman": provider},
        "model": f"dragoman/{choice.model}",
        "small_model": f"dragoman/{choice.model}",
    }


def _connect(choice: Choice) -> str:
    return line({"OPENCODE_CONFIG_CONTENT": jsons.write_text(settings(choice))}, "opencode")


AGENT: Final = Agent("OpenCode", _connect)
