"""OpenCode 1.18. It has a library for each dialect and speaks all three."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dragoman.wire import jsons
from tests.agents.launch import MCP_SERVER, Launch, Told, Turn, bearer, command, environment
from tests.agents.scenarios import Scenario, Wire

LIBRARIES: Final[Mapping[Wire, str]] = {
    "chat": "@ai-sdk/openai-compatible",
    "messages": "@ai-sdk/anthropic",
    "responses": "@ai-sdk/openai",
}


class OpenCode:
    wires: tuple[Wire, ...] = ("chat", "messages", "responses")

    def launch(self, turn: Turn) -> Launch:
        folder = turn.home / ".config" / "opencode"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "opencode.json").write_bytes(jsons.write(_configuration(turn)))
        options = ["run", "--format", "json", "--thinking", "-m", f"lab/{turn.model}"]
        if turn.scenario == "userimage":
            options += ["-f", str(turn.folder / "red.png"), "--"]
        quiet = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "SHARE")
        own = {f"OPENCODE_DISABLE_{name}": "1" for name in quiet}
        return Launch((*command("opencode"), *options, turn.prompt), {**environment(turn.home), **own})

    def read(self, lines: Iterable[Mapping[str, Any]]) -> Told:
        told = Told()
        for line in lines:
            _read_line(told, line, line.get("part") or {})
        return told


def _configuration(turn: Turn) -> dict[str, Any]:
    model = {
        "name": turn.model,
        "attachment": True,
        "reasoning": True,
        "tool_call": True,
        "modalities": {"input": ["text", "image", "pdf"], "output": ["text"]},
        "limit": {"context": turn.context, "output": 8192},
    }
    provider = {
        "npm": LIBRARIES[turn.wire],
        "name": "Lab",
        "options": {"baseURL": f"{turn.base_url}/v1", "apiKey": turn.key},
        "models": {turn.model: model},
    }
    servers: dict[Scenario, dict[str, Any]] = {
        "mcp": {"type": "local", "command": [sys.executable, str(MCP_SERVER)], "enabled": True},
        "mcpsearch": {"type": "remote", "url": f"{turn.base_url}/mcp", "headers": bearer(turn), "oauth": False},
    }
    return {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": ["lab"],
        "permission": "allow",
        "provider": {"lab": provider},
        "model": f"lab/{turn.model}",
        "small_model": f"lab/{turn.model}",
        **({"mcp": {"lab": servers[turn.scenario]}} if turn.scenario in servers else {}),
    }


def _read_line(told: Told, line: Mapping[str, Any], part: Mapping[str, Any]) -> None:
    match line.get("type"):
        case "text":
            told.text = part.get("text", "")
        case "reasoning":
            told.thinking += part.get("text", "")
        case "tool_use":
            told.results.append(jsons.write_text((part.get("state") or {}).get("output")))
        case "step_finish":
            tokens = part.get("tokens") or {}
            told.input_tokens = tokens.get("input", 0) + (tokens.get("cache") or {}).get("read", 0)
        case "error":
            told.error = jsons.write_text(line.get("error"))
