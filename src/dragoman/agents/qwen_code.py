"""Qwen Code (0.24): speaks Chat Completions here; configured by environment variables."""

from typing import Final

from dragoman.agents.agent import Agent, Choice, line


def _connect(choice: Choice) -> str:
    environment = {
        "OPENAI_BASE_URL": f"{choice.origin}/v1",
        "OPENAI_API_KEY": choice.key,
        "OPENAI_MODEL": choice.model,
    }
    return line(environment, "qwen", "--auth-type", "openai")


AGENT: Final = Agent("Qwen Code", _connect)
