"""What items that only Responses knows come down to in plain text."""

from typing import Any

import pytest

from dragoman.protocols.openai_responses.gists import gist


def told(*content: dict[str, Any]) -> dict[str, Any]:
    """What Codex (0.169) tells an agent."""
    return {"type": "agent_message", "author": "/lead", "recipient": "/lead/one", "content": list(content)}


def sealed(text: str) -> dict[str, Any]:
    return {"type": "encrypted_content", "encrypted_content": text}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"type": "web_search_call", "action": {"type": "search", "query": "q"}}, "[searched the web for: q]"),
        ({"type": "web_search_call", "action": {"type": "open_page", "url": "u"}}, "[searched the web for: u]"),
        ({"type": "web_search_call", "action": {}}, "[searched the web for: ]"),
        ({"type": "web_search_call", "action": None}, "[web_search_call]"),
        ({"type": "mcp_call", "name": "echo", "output": "LAB"}, "[echo: LAB]"),
        ({"type": "mcp_call", "name": "echo", "error": "gone"}, "[echo: gone]"),
        ({"type": "image_generation_call", "result": "iVBO"}, "[image_generation_call]"),
        ({"type": "configuration_update", "reasoning": {"effort": "low"}}, ""),
        ({"type": "compaction", "encrypted_content": "x"}, None),
        ({"type": "quantum_call"}, None),
        (told({"type": "input_text", "text": "Payload:\n"}), "Payload:\n"),
        (told({"type": "input_text", "text": "Payload:\n"}, sealed("Count.")), "Payload:\nCount."),
        (told({"type": "input_text", "text": "Payload:\n"}, sealed("gAAAAABo3x")), None),
        (told({"type": "input_image", "image_url": "u"}), None),
    ],
)
def test_what_stands_for_an_item(item: dict[str, Any], said: str | None) -> None:
    assert gist(item["type"], item) == said
