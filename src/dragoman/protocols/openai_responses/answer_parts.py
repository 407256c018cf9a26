"""What single things in an answer of this dialect come to in the hub's words."""

from typing import Any, Final

from dragoman.hub.request import Citation, Extra, Hit, Searched

_DIALECT: Final = "openai-responses"


def citation_of(annotation: Any, offset: int) -> Citation | None:
    """offset: code points of the answer's text before the part that it counts in."""
    if not isinstance(annotation, dict) or not isinstance(annotation.get("url"), str):
        return None
    start, end = annotation.get("start_index"), annotation.get("end_index")
    return Citation(
        annotation["url"],
        _text(annotation.get("title")),
        "",
        start + offset if isinstance(start, int) else None,
        end + offset if isinstance(end, int) else None,
    )


def search_of(raw: dict[str, Any]) -> Searched | None:
    """The search that an item tells of. Pages that were opened or searched through are none."""
    action = _object(raw, "action")
    if raw.get("type") != "web_search_call" or action.get("type") != "search":
        return None
    queries = action.get("queries")
    found = [query for query in queries if isinstance(query, str)] if isinstance(queries, list) else []
    sources = action.get("sources")
    hits = tuple(
        Hit(source["url"], _text(source.get("title")))
        for source in (sources if isinstance(sources, list) else ())
        if isinstance(source, dict) and isinstance(source.get("url"), str)
    )
    return Searched(_DIALECT, tuple(found) or (_text(action.get("query")),), hits, raw)


def phase_of(raw: dict[str, Any]) -> Extra:
    """Newer models want it back, and do worse without it."""
    return {"phase": raw["phase"]} if isinstance(raw.get("phase"), str) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(of: dict[str, Any], key: str) -> dict[str, Any]:
    value = of.get(key)
    return value if isinstance(value, dict) else {}
