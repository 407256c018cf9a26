"""Exa. Shapes as in exa-py 2.28."""

from typing import Any, Final

from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import answer_of, items_in, text_in, tidy
from dragoman.tools.search.engine import JSON, JSON_BODY, Heard, Query, Question
from dragoman.wire import jsons

_MOST: Final = 25


class Exa:
    name: Final = "exa"
    home: Final = "https://api.exa.ai"
    needs_key: Final = True
    longest: Final = 2000

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        said: dict[str, Any] = {
            "query": query.text,
            "type": "auto",
            "numResults": min(query.count, _MOST),
            "contents": {"highlights": {"maxCharacters": query.length}},
        }
        if query.allowed:
            said["includeDomains"] = list(query.allowed)
        if query.blocked:
            said["excludeDomains"] = list(query.blocked)
        if query.country:
            said["userLocation"] = query.country
        return Question("POST", f"{url}/search", (("x-api-key", key.reveal()), JSON, JSON_BODY), jsons.write(said))

    def hear(self, heard: Heard) -> list[Hit]:
        return [
            Hit(
                text_in(item, "url"),
                text_in(item, "title"),
                _highlights(item.get("highlights")) or text_in(item, "text", "summary"),
                text_in(item, "publishedDate") or None,
            )
            for item in items_in(answer_of(self.name, heard), "results")
        ]


def _highlights(said: object) -> str:
    return "\n".join(tidy(text) for text in said if isinstance(text, str)) if isinstance(said, list) else ""
