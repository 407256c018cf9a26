"""The README's table of what works with what, made of the tests there are: `python -m tests.golden.table` prints it.

An agent's row counts what tests/agents drives it to do; an SDK's row what the golden matrix lets it hear, and whether
a picture it sends arrives.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from dragoman.hub.request import Dialect
from tests.agents.scenarios import CASES, Scenario, Wire
from tests.golden.matrix import CELLS, QUESTIONS

Feature = Literal["text", "streaming", "tools", "parallel", "reasoning", "images", "errors"]
FEATURES: Final[tuple[Feature, ...]] = ("text", "streaming", "tools", "parallel", "reasoning", "images", "errors")

BACKENDS: Final[Mapping[Dialect, str]] = {
    "openai-chat": "Chat Completions backend",
    "anthropic-messages": "Messages backend",
    "openai-responses": "Responses backend",
}
WIRES: Final[Mapping[Dialect, Wire]] = {
    "openai-chat": "chat",
    "anthropic-messages": "messages",
    "openai-responses": "responses",
}
_SPOKEN: Final[Mapping[Wire, str]] = {"chat": "Chat Completions", "messages": "Messages", "responses": "Responses"}
_AGENTS: Final[Mapping[str, str]] = {
    "claude": "Claude Code",
    "codex": "Codex",
    "opencode": "OpenCode",
    "qwen": "Qwen Code",
}
_SDKS: Final[Mapping[str, Dialect]] = {
    "Anthropic SDK": "anthropic-messages",
    "OpenAI SDK, Chat Completions": "openai-chat",
    "OpenAI SDK, Responses": "openai-responses",
}
# Every agent streams whatever it does, and every scenario but that of the wrong key ends in a word that must be heard.
_SHOWN: Final[Mapping[Scenario, tuple[Feature, ...]]] = {
    "text": ("text", "streaming"),
    "reason": ("text", "streaming", "reasoning"),
    "tool": ("text", "streaming", "tools"),
    "saidtool": ("text", "streaming", "tools"),
    "parallel": ("text", "streaming", "tools", "parallel"),
    "multi": ("text", "streaming", "tools"),
    "edit": ("text", "streaming", "tools"),
    "image": ("text", "streaming", "tools", "images"),
    "userimage": ("text", "streaming", "images"),
    "mcp": ("text", "streaming", "tools"),
    "compact": ("text", "streaming"),
    "badkey": ("errors",),
    "websearch": ("text", "streaming", "tools"),
    "mcpsearch": ("text", "streaming", "tools"),
    "seenimage": ("text", "streaming", "tools"),
    "seenuser": ("text", "streaming"),
    "pdf": ("text", "streaming", "tools"),
    "scan": ("text", "streaming", "tools"),
}


def table() -> str:
    """The table in Markdown, its last line ended."""
    head, *rows = [f"| {' | '.join(row)} |\n" for row in (["Client", *BACKENDS.values()], *_rows())]
    return "".join([head, "|---" * (len(BACKENDS) + 1), "|\n", *rows])


def _rows() -> Iterator[list[str]]:
    for agent, name in _AGENTS.items():
        for wire in dict.fromkeys(case.wire for case in CASES if case.agent == agent):
            yield [f"{name}, {_SPOKEN[wire]}", *(_cell(_by_agent(agent, wire, behind)) for behind in BACKENDS)]
    for name, client in _SDKS.items():
        yield [name, *(_cell(_by_sdk(client, backend)) for backend in BACKENDS)]


def _cell(shown: set[Feature]) -> str:
    missing = [feature for feature in FEATURES if feature not in shown]
    if len(missing) <= 2:
        return f"all but {' and '.join(missing)}" if missing else "all"
    return ", ".join(feature for feature in FEATURES if feature in shown) or "not tested"


def _by_agent(agent: str, wire: Wire, backend: Dialect) -> set[Feature]:
    behind = WIRES[backend]
    done = [case.scenario for case in CASES if (case.agent, case.wire, case.behind) == (agent, wire, behind)]
    return {feature for scenario in done for feature in _SHOWN[scenario]}


def _by_sdk(client: Dialect, backend: Dialect) -> set[Feature]:
    heard = {
        feature for cell in CELLS if (cell.client, cell.backend) == (client, backend) for feature in _heard(cell.said)
    }
    seen = any((q.client, q.backend) == (client, backend) and q.shows_picture() for q in QUESTIONS)
    return heard | {"images"} if seen else heard


def _heard(said: Mapping[str, Any]) -> Iterator[Feature]:
    """Every transcript is told streamed and whole."""
    yield "streaming"
    if "error" in said:
        yield "errors"
    if said.get("text"):
        yield "text"
    if said.get("thinking"):
        yield "reasoning"
    if said.get("calls"):
        yield "tools"
    if len(said.get("calls", ())) > 1:
        yield "parallel"


if __name__ == "__main__":
    sys.stdout.write(table())
