"""Claude Code (2.1): speaks Messages, configured by environment variables."""

from typing import Final

from dragoman.agents.agent import Agent, Choice, line


def environment(choice: Choice) -> dict[str, str]:
    said = {
        "ANTHROPIC_BASE_URL": choice.origin,
        "ANTHROPIC_AUTH_TOKEN": choice.key,
        "ANTHROPIC_MODEL": choice.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": choice.model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": choice.model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": choice.model,
    }
    if choice.context_window is not None:
        # Of a model it does not know it believes that 1,000,000 tokens fit, and never compacts.
        said["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] = str(choice.context_window)
    return said


def _connect(choice: Choice) -> str:
    return line(environment(choice), "claude")


AGENT: Final = Agent("Claude Code", _connect)
