"""The built-in demo model: it needs no backend and no network, and says so.

It streams reasoning, text and one tool call, so that the wiring of an agent can be tried on an empty machine.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from dragoman.gateway.sources import Made
from dragoman.hub.estimate import tokens_in_request, tokens_in_text
from dragoman.hub.events import Began, Closed, Ended, Event, Grew, Noted, Opened
from dragoman.hub.request import FunctionTool, Request, Text, Thinking, ToolCall, ToolResult
from dragoman.hub.usage import Usage
from dragoman.wire import jsons

URL: Final = "demo:"
NAME: Final = "dragoman-demo"
_PAUSE: Final = 0.01  # seconds between two words
_ECHO: Final = "echo Hello from the Dragoman demo model"
_HOW: Final = """\
This is Dragoman's built-in demo model. There is no language model behind it: it only shows that your agent and \
Dragoman understand each other.

To talk to a real model, start one (Ollama, vLLM, llama-server, SGLang, LM Studio) or export OPENAI_API_KEY, \
ANTHROPIC_API_KEY or OPENROUTER_API_KEY, and restart `dragoman serve`. Or write a config.yaml:

models:
  - name: my-model
    backends:
      - url: http://127.0.0.1:11434/v1
        api_key: ${BACKEND_KEY:-}

and run `dragoman serve --config config.yaml`."""

# The harmless command in the words of each agent's shell tool (CLIENTS.md 4-7).
_SHELLS: Final[dict[str, dict[str, Any]]] = {
    "Bash": {"command": _ECHO, "description": "Say hello"},  # Claude Code
    "bash": {"command": _ECHO, "description": "Say hello"},  # OpenCode
    "run_shell_command": {"command": _ECHO, "description": "Say hello", "is_background": False},  # Qwen Code
    "exec_command": {"cmd": _ECHO},  # Codex
}


class Demo(Made):
    """A Source of events that no backend said."""

    def __init__(self, request: Request) -> None:
        self._steps: Final = _script(request)
        self._pause: Final = _PAUSE if request.stream else 0.0

    async def read(self) -> list[Event]:
        await asyncio.sleep(self._pause)
        return next(self._steps)


def _script(request: Request) -> Iterator[list[Event]]:
    yield [Began(), Opened(0, Thinking(""))]
    thought = "The user wants to see whether the wiring works. "
    call = None if _has_results(request) else _tool_call(request)
    thought += "I shall call a tool." if call else "I shall answer in words."
    yield from _words(0, thought)
    text = "Let me try one of your tools." if call else _HOW
    yield [Closed(0), Opened(1, Text(""))]
    yield from _words(1, text)
    said = tokens_in_text(thought) + tokens_in_text(text)
    yield [Closed(1)]
    if call is not None:
        name, arguments = call
        yield [Opened(2, ToolCall(f"call_demo{len(request.turns)}", name)), Grew(2, arguments), Closed(2)]
        said += tokens_in_text(arguments)
    asked = tokens_in_request(request, jsons.write_text)
    usage = Usage(input=asked, output=said, reasoning=tokens_in_text(thought))
    yield [Noted(usage), Ended("tool_calls" if call else "stop")]


def _words(block: int, text: str) -> Iterator[list[Event]]:
    for word in text.split(" "):
        yield [Grew(block, word + " ")]


def _has_results(request: Request) -> bool:
    return any(isinstance(part, ToolResult) for turn in request.turns for part in turn.parts)


def _tool_call(request: Request) -> tuple[str, str] | None:
    offered = {tool.name for tool in request.tools if isinstance(tool, FunctionTool)}
    return next(((name, jsons.write_text(said)) for name, said in _SHELLS.items() if name in offered), None)
