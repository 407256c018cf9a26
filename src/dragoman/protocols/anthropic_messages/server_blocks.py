"""Searches and fetched pages as blocks of a Messages answer: a call of the server's own tool, and its result."""

from datetime import UTC, datetime
from typing import Any, Final

from dragoman.hub.request import Fetched, Hit, Searched
from dragoman.protocols.fields import Object

CALL_PREFIX: Final = "srvtoolu_"


def server_blocks(part: Searched | Fetched, id_: str) -> tuple[Object, Object]:
    """Return the call and the result. id_: for a part that has none."""
    call_id = CALL_PREFIX + (part.id or id_)
    name, given = ("web_fetch", part.url) if isinstance(part, Fetched) else ("web_search", " | ".join(part.queries))
    kind = f"{name}_tool_result"
    if part.problem is not None:
        found: Any = {"type": f"{kind}_error", "error_code": part.problem}
    else:
        found = _page(part) if isinstance(part, Fetched) else [_hit(hit) for hit in part.hits]
    said = {"url" if name == "web_fetch" else "query": given}
    return (
        {"type": "server_tool_use", "id": call_id, "name": name, "input": said},
        {"type": kind, "tool_use_id": call_id, "content": found},
    )


def _hit(hit: Hit) -> Object:
    """The SDK (2.12) takes a result without `encrypted_content` for an error; the AI SDK refuses it."""
    return {
        "type": "web_search_result",
        "url": hit.url,
        "title": hit.title or hit.url,
        "encrypted_content": hit.sealed,
        "page_age": hit.age,
    }


def _page(page: Fetched) -> Object:
    source = {"type": "text", "media_type": "text/plain", "data": page.text}
    return {
        "type": "web_fetch_result",
        "url": page.url,
        "content": {"type": "document", "source": source, "title": page.title or None},
        "retrieved_at": datetime.fromtimestamp(page.at, UTC).isoformat() if page.at else None,
    }
