"""Floor 1: the coding agents. One file each; pure functions, nothing is run or written here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dragoman.agents import claude_code, codex, opencode, qwen_code
from dragoman.agents.agent import Agent

AGENTS: Final[tuple[Agent, ...]] = (claude_code.AGENT, codex.AGENT, opencode.AGENT, qwen_code.AGENT)
BY_NAME: Final[Mapping[str, Agent]] = MappingProxyType({agent.name: agent for agent in AGENTS})
