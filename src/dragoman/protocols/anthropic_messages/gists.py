"""What blocks that only Anthropic knows come down to in plain text, for models of other makes."""

from collections.abc import Iterator
from typing import Any

from dragoman.protocols.fields import Object
from dragoman.wire import jsons


def gist(kind: str, of: Object) -> str | None:
    """Return the text; "" where the block may be left out, None where nothing can stand for it."""
    match of:
        case {"type": "tool_reference", "tool_name": str(name)}:
            return f"The tool {name} is now available."
        case {"type": "search_result", "content": list(content)}:
            text = "\n".join(_texts(content))
            return f"[{of.get('title') or ''}]({of.get('source') or ''})\n{text}"
        case {"type": "compaction", "content": str(content)}:
            return f"[summary of the earlier conversation]\n{content}"
        case {"type": "mcp_tool_use", "name": str(name)}:
            return f"[{name}: {jsons.write_text(of.get('input') or {})}]"
        case {
            "type": "tool_addition" | "tool_removal",
            "tool": {"name": str(name)} | {"definition": {"name": str(name)}},
        }:
            return f"The tool {name} is {'now' if kind == 'tool_addition' else 'no longer'} available."
        case {"type": "fallback" | "tool_addition" | "tool_removal" | "mcp_tool_listing"}:
            return ""
    return _result(kind.removesuffix("_tool_result"), of.get("content")) if kind.endswith("_tool_result") else None


def _result(tool: str, content: Any) -> str:
    """What a tool that the vendor ran has returned."""
    match content:
        case {"error_code": str(code)}:
            return f"[{tool} failed: {code}]"
        case {"tool_references": list(references)}:
            names = ", ".join(str(r.get("tool_name")) for r in references if isinstance(r, dict))
            return f"[found tools: {names}]"
        case {"url": str(url), "content": {"source": {"data": str(data), "type": "text"}}}:
            return f"[page {url}]\n{data}"
        case {"url": str(url), "content": {"source": {"type": "base64"}}}:
            return f"[page {url}]"
        case {"stdout": str(stdout)}:
            said = (f"[output of {tool}]", stdout.removesuffix("\n"), str(content.get("stderr") or ""))
            return "\n".join(line for line in said if line)
        case list() if tool == "web_search":
            hits = [f"- {hit.get('title')}: {hit.get('url')}" for hit in content if isinstance(hit, dict)]
            return "\n".join(("[web search results]", *hits))
        case list():
            return "\n".join((f"[result of {tool}]", *_texts(content)))
        case str():
            return f"[result of {tool}]\n{content}"
    return f"[result of {tool}]"


def _texts(content: list[Any]) -> Iterator[str]:
    return (block["text"] for block in content if isinstance(block, dict) and isinstance(block.get("text"), str))
