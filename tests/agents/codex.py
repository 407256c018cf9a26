"""Codex CLI 0.169. It speaks Responses only."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.wire import jsons
from tests.agents.launch import MCP_SERVER, Launch, Told, Turn, command, environment
from tests.agents.scenarios import Wire


class Codex:
    wires: tuple[Wire, ...] = ("responses",)

    def launch(self, turn: Turn) -> Launch:
        folder = turn.home / ".codex"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(_configuration(turn))
        options = ["exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"]
        if turn.scenario in {"userimage", "seenuser"}:
            options += ["-i", str(turn.folder / "red.png")]
        own = {"CODEX_HOME": str(folder), "LAB_KEY": turn.key}
        return Launch((*command("codex"), *options, "--", turn.prompt), {**environment(turn.home), **own})

    def read(self, lines: Iterable[Mapping[str, Any]]) -> Told:
        told = Told()
        for line in lines:
            match line.get("type"):
                case "item.completed":
                    _read_item(told, line.get("item") or {})
                case "turn.failed":
                    told.error = str((line.get("error") or {}).get("message"))
                case "turn.completed":
                    told.input_tokens = (line.get("usage") or {}).get("input_tokens", 0)
        return told


def _configuration(turn: Turn) -> str:
    once = turn.scenario == "badkey"
    lines = [
        f"model = {_quoted(turn.model)}",
        'model_provider = "lab"',
        f"model_context_window = {turn.context}",
        "check_for_update_on_startup = false",
        "hide_agent_reasoning = false",
        "[analytics]",
        "enabled = false",
        "[model_providers.lab]",
        'name = "Lab"',
        f"base_url = {_quoted(turn.base_url + '/v1')}",
        'env_key = "LAB_KEY"',
        'wire_api = "responses"',
        *([f"model_catalog_url = {_quoted(turn.base_url + '/v1/models')}"] if turn.manner != "plain" else []),
        *(["supports_websockets = true"] if turn.manner == "websocket" else []),
        *(["request_max_retries = 0", "stream_max_retries = 0"] if once else []),
    ]
    if turn.scenario == "websearch":
        lines.insert(0, 'web_search = "live"')
    if turn.scenario == "mcp":
        server = [f"command = {_quoted(sys.executable)}", f"args = [{_quoted(str(MCP_SERVER))}]"]
        lines += ["[mcp_servers.lab]", *server]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return jsons.write_text(text)  # JSON strings are TOML strings


def _read_item(told: Told, item: Mapping[str, Any]) -> None:
    match item.get("type"):
        case "agent_message":
            told.text = item.get("text", "")
        case "reasoning":
            told.thinking += item.get("text", "")
        case "command_execution":
            told.results.append(item.get("aggregated_output") or "")
        case "mcp_tool_call":
            told.results.append(jsons.write_text(item.get("result")))
        case "web_search":
            told.results.append(item.get("query") or "")
        case "file_change":
            told.results.append(jsons.write_text(item.get("changes")))
