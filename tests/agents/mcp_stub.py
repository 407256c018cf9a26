"""A small MCP server over standard input and output: the tools `echo` and `pic`.

A program of its own that agents start, so it needs nothing but the standard library.
"""

import json  # noqa: TID251 - runs without Dragoman
import sys
from collections.abc import Mapping
from typing import Any, Final

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
TOOLS: Final = [
    {
        "name": "echo",
        "description": "echo text back",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    },
    {"name": "pic", "description": "returns a picture", "inputSchema": {"type": "object", "properties": {}}},
]


def answer(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the reply, None where there is none to give (notifications)."""
    method, given = message.get("method"), message.get("params") or {}
    match method:
        case "initialize":
            version = given.get("protocolVersion", "2025-06-18")
            server = {"name": "lab", "version": "1"}
            return _result(message, protocolVersion=version, capabilities={"tools": {}}, serverInfo=server)
        case "tools/list":
            return _result(message, tools=TOOLS)
        case "tools/call":
            return _result(message, content=_call(given))
    if message.get("id") is None:
        return None
    return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": f"no method {method}"}}


def _call(given: Mapping[str, Any]) -> list[dict[str, str]]:
    if given.get("name") == "echo":
        return [{"type": "text", "text": f"MCPECHO {(given.get('arguments') or {}).get('text')}"}]
    return [{"type": "text", "text": "pic:"}, {"type": "image", "data": PIXEL, "mimeType": "image/png"}]


def _result(message: Mapping[str, Any], **result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": result}


def main() -> None:
    for line in sys.stdin:
        reply = answer(json.loads(line))
        if reply is not None:
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
