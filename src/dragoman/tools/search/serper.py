"""Serper: Google's results."""

from typing import Any, Final

from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import answer_of, items_in, refusal, text_in, with_sites
from dragoman.tools.search.engine import JSON, JSON_BODY, Heard, Query, Question
from dragoman.wire import jsons

_MOST: Final = 20


class Serper:
    name: Final = "serper"
    home: Final = "https://google.serper.dev"
    needs_key: Final = True
    longest: Final = 2000

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        said: dict[str, Any] = {
            "q": with_sites(query.text, query.allowed, query.blocked, self.longest),
            "num": min(query.count, _MOST),
        }
        if query.country:
            said["gl"] = query.country.lower()
        if query.city:
            said["location"] = ", ".join(part for part in (query.city, query.region) if part)
        return Question("POST", f"{url}/search", (("x-api-key", key.reveal()), JSON, JSON_BODY), jsons.write(said))

    def hear(self, heard: Heard) -> list[Hit]:
        """An account without credit is told of as 400, like a query that makes no sense."""
        if heard.status == 400 and b"credits" in heard.body.lower():
            raise refusal(self.name, heard, "out_of_credit")
        return [
            Hit(
                text_in(item, "link"),
                text_in(item, "title"),
                text_in(item, "snippet"),
                text_in(item, "date") or None,
            )
            for item in items_in(answer_of(self.name, heard), "organic")
        ]
