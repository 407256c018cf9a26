"""Claude Code 2.1."""

import base64
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.wire import jsons
from tests.agents.launch import MCP_SERVER, Launch, Told, Turn, command, environment
from tests.agents.scenarios import Wire


class Claude:
    wires: tuple[Wire, ...] = ("messages",)

    def launch(self, turn: Turn) -> Launch:
        options = ["-p", "--dangerously-skip-permissions", "--output-format", "stream-json", "--verbose"]
        if turn.scenario == "mcp":
            server = {"command": sys.executable, "args": [str(MCP_SERVER)]}
            options += ["--mcp-config", jsons.write_text({"mcpServers": {"lab": server}})]
        if turn.resume:
            options += ["--continue"]
        if turn.scenario in {"userimage", "seenuser"}:
            options += ["--input-format", "stream-json"]
            return Launch((*command("claude"), *options), _environment(turn), _prompt_with_image(turn))
        return Launch((*command("claude"), *options, "--", turn.prompt), _environment(turn))

    def read(self, lines: Iterable[Mapping[str, Any]]) -> Told:
        return read_stream_json(lines)


def _environment(turn: Turn) -> dict[str, str]:
    return {
        **environment(turn.home),
        "ANTHROPIC_BASE_URL": turn.base_url,
        "ANTHROPIC_AUTH_TOKEN": turn.key,
        "ANTHROPIC_MODEL": turn.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": turn.model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": turn.model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": turn.model,
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS": str(turn.context),
        "CLAUDE_CODE_MAX_RETRIES": "1",  # by itself it tries a wrong key for more than a minute
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "IS_SANDBOX": "1",  # without it root may not skip permissions
    }


def _prompt_with_image(turn: Turn) -> str:
    data = base64.b64encode((turn.folder / "red.png").read_bytes()).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "text", "text": turn.prompt}, {"type": "image", "source": source}]
    return jsons.write_text({"type": "user", "message": {"role": "user", "content": content}}) + "\n"


def read_stream_json(lines: Iterable[Mapping[str, Any]]) -> Told:
    """Read `--output-format stream-json`, which Qwen Code writes too."""
    told = Told()
    for line in lines:
        match line.get("type"):
            case "assistant" | "user":
                _read_message(told, line.get("message") or {})
            case "system":
                told.compacted |= line.get("subtype") == "compact_boundary"
            case "result":
                _read_result(told, line)
    return told


def _read_message(told: Told, message: Mapping[str, Any]) -> None:
    content = message.get("content")
    for block in content if isinstance(content, list) else []:
        if block.get("type") == "thinking":
            told.thinking += block.get("thinking") or ""
        if block.get("type") == "tool_result":
            told.results.append(jsons.write_text(block.get("content")))


def _read_result(told: Told, line: Mapping[str, Any]) -> None:
    usage = line.get("usage") or {}
    told.input_tokens = usage.get("input_tokens", 0) + usage.get("cache_read_input_tokens", 0)
    if line.get("is_error"):
        told.error = str(line.get("result") or line.get("error"))
    else:
        told.text = str(line.get("result") or "")
