"""Searches and fetched pages as blocks of a Messages answer."""

import pytest

from dragoman.hub.request import Fetched, Hit, Searched
from dragoman.protocols.anthropic_messages.server_blocks import server_blocks


def test_a_search() -> None:
    hits = (Hit("https://x.example", "X", "text", "2 days", "SEALED"), Hit("https://y.example"))
    call, result = server_blocks(Searched("openai-chat", ("a", "b"), hits), "1")
    assert call == {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "a | b"}}
    head = {"type": "web_search_result"}
    assert result == {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": [
            {**head, "url": "https://x.example", "title": "X", "encrypted_content": "SEALED", "page_age": "2 days"},
            {
                **head,
                "url": "https://y.example",
                "title": "https://y.example",
                "encrypted_content": "",
                "page_age": None,
            },
        ],
    }


def test_a_page() -> None:
    page = Fetched("https://x.example", "X", "text", "text/html", 1_000_000_000.0, id="own")
    call, result = server_blocks(page, "1")
    given = {"url": "https://x.example"}
    assert call == {"type": "server_tool_use", "id": "srvtoolu_own", "name": "web_fetch", "input": given}
    source = {"type": "text", "media_type": "text/plain", "data": "text"}
    assert result["content"] == {
        "type": "web_fetch_result",
        "url": "https://x.example",
        "content": {"type": "document", "source": source, "title": "X"},
        "retrieved_at": "2001-09-09T01:46:40+00:00",
    }


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (Searched("openai-chat", ("q",), problem="unavailable"), "web_search_tool_result"),
        (Fetched("https://x.example", problem="unavailable"), "web_fetch_tool_result"),
    ],
)
def test_a_failure(part: Searched | Fetched, kind: str) -> None:
    _, result = server_blocks(part, "1")
    assert result["type"] == kind
    assert result["content"] == {"type": f"{kind}_error", "error_code": "unavailable"}
