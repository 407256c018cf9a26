"""What Anthropic's own blocks come down to in plain text."""

from typing import Any

import pytest

from dragoman.protocols.anthropic_messages.gists import gist


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "tool_reference", "tool_name": "X"}, "The tool X is now available."),
        (
            {"type": "search_result", "title": "T", "source": "s", "content": [{"text": "a"}, 7, {"text": "b"}]},
            "[T](s)\na\nb",
        ),
        ({"type": "search_result", "content": []}, "[]()\n"),
        ({"type": "compaction", "content": "a"}, "[summary of the earlier conversation]\na"),
        ({"type": "compaction", "encrypted_content": "x"}, None),
        ({"type": "mcp_tool_use", "name": "f", "input": {"a": 1}}, '[f: {"a":1}]'),
        ({"type": "mcp_tool_use", "name": "f"}, "[f: {}]"),
        ({"type": "mcp_tool_result", "content": [{"type": "text", "text": "a"}]}, "[result of mcp]\na"),
        ({"type": "mcp_tool_listing"}, ""),
        ({"type": "fallback"}, ""),
        ({"type": "tool_addition"}, ""),
        ({"type": "tool_removal"}, ""),
        ({"type": "tool_addition", "tool": {"type": "tool_reference", "name": "X"}}, "The tool X is now available."),
        (
            {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "X"}}},
            "The tool X is now available.",
        ),
        (
            {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "X"}},
            "The tool X is no longer available.",
        ),
        (
            {"type": "web_search_tool_result", "content": {"error_code": "max_uses_exceeded"}},
            "[web_search failed: max_uses_exceeded]",
        ),
        (
            {"type": "web_search_tool_result", "content": [{"title": "T", "url": "u"}, 7]},
            "[web search results]\n- T: u",
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {"url": "u", "content": {"source": {"type": "text", "data": "a"}}},
            },
            "[page u]\na",
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "content": {"url": "u", "content": {"source": {"type": "base64", "data": "a"}}},
            },
            "[page u]",
        ),
        (
            {"type": "bash_code_execution_tool_result", "content": {"stdout": "a\n", "stderr": "b"}},
            "[output of bash_code_execution]\na\nb",
        ),
        (
            {"type": "bash_code_execution_tool_result", "content": {"stdout": "a", "stderr": "b"}},
            "[output of bash_code_execution]\na\nb",
        ),
        ({"type": "code_execution_tool_result", "content": {"stdout": ""}}, "[output of code_execution]"),
        (
            {
                "type": "tool_search_tool_result",
                "content": {"tool_references": [{"tool_name": "X"}, {"tool_name": "Y"}, 7]},
            },
            "[found tools: X, Y]",
        ),
        ({"type": "advisor_tool_result", "content": "a"}, "[result of advisor]\na"),
        ({"type": "advisor_tool_result"}, "[result of advisor]"),
        ({"type": "hologram"}, None),
    ],
)
def test_gists(block: dict[str, Any], said: str | None) -> None:
    assert gist(block["type"], block) == said
