"""Qwen Code 0.24. It speaks all three dialects."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.claude import read_stream_json
from tests.agents.launch import MCP_SERVER, Launch, Told, Turn, bearer, command, environment
from tests.agents.scenarios import Scenario, Wire

TYPES: Final[Mapping[Wire, str]] = {"chat": "openai", "messages": "anthropic", "responses": "openai-responses"}


class Qwen:
    wires: tuple[Wire, ...] = ("chat", "messages", "responses")

    def launch(self, turn: Turn) -> Launch:
        folder = turn.home / ".qwen"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "settings.json").write_bytes(jsons.write(_settings(turn)))
        prompt = f"{turn.prompt} @red.png" if turn.scenario == "userimage" else turn.prompt
        options = ["-p", prompt, "--yolo", "--auth-type", TYPES[turn.wire], "-m", turn.model]
        own = {"LAB_KEY": turn.key, "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"}
        return Launch((*command("qwen"), *options, "--output-format", "stream-json"), {**environment(turn.home), **own})

    def read(self, lines: Iterable[Mapping[str, Any]]) -> Told:
        return read_stream_json(lines)


def _settings(turn: Turn) -> dict[str, Any]:
    # Its Messages library adds /v1 by itself.
    url = turn.base_url if turn.wire == "messages" else f"{turn.base_url}/v1"
    model = {
        "id": turn.model,
        "name": turn.model,
        "envKey": "LAB_KEY",
        "baseUrl": url,
        "generationConfig": {"contextWindowSize": turn.context, "modalities": {"image": True, "pdf": True}},
    }
    servers: dict[Scenario, dict[str, Any]] = {
        "mcp": {"command": sys.executable, "args": [str(MCP_SERVER)], "trust": True},
        "mcpsearch": {"httpUrl": f"{turn.base_url}/mcp", "headers": bearer(turn), "trust": True},
    }
    return {
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "memory": {"enableManagedAutoMemory": False},  # a second agent, on the same model, after every turn
        "modelProviders": {TYPES[turn.wire]: [model]},
        "security": {"auth": {"selectedType": TYPES[turn.wire]}},
        "model": {"name": turn.model},
        **({"mcpServers": {"lab": servers[turn.scenario]}} if turn.scenario in servers else {}),
    }
