"""SearXNG, and searx before it: a search engine of one's own, which asks others."""

from typing import Any, Final
from urllib.parse import urlencode

from dragoman.hub.problems import Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import answer_of, items_in, quoted, said_in, text_in, with_sites
from dragoman.tools.search.engine import JSON, Heard, Query, Question

_REMEDY: Final = "add `json` to `search.formats` in its settings.yml"


class SearXNG:
    name: Final = "searxng"
    home: Final = ""
    needs_key: Final = False
    longest: Final = 2000

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        said = {"q": with_sites(query.text, query.allowed, query.blocked, self.longest), "format": "json"}
        headers = (("authorization", f"Bearer {key.reveal()}"), JSON) if key else (JSON,)
        return Question("GET", f"{url}/search?{urlencode(said)}", headers)

    def hear(self, heard: Heard) -> list[Hit]:
        if heard.status == 403:
            raise Problem("backend_failed", f"{self.name} gives out no JSON: {_REMEDY}", private=quoted(heard))
        if heard.status == 200 and said_in(heard) is None:
            raise Problem("backend_failed", f"{self.name} did not answer in JSON: {_REMEDY}", private=quoted(heard))
        answer = answer_of(self.name, heard)
        results = items_in(answer, "results")
        if not results and (dead := _dead(answer.get("unresponsive_engines"))):
            raise Problem("backend_failed", f"none of the engines that {self.name} asks has answered: {dead}")
        return [
            Hit(
                text_in(item, "url"),
                text_in(item, "title"),
                text_in(item, "content"),
                text_in(item, "publishedDate", "pubdate") or None,
            )
            for item in results
        ]


def _dead(engines: Any) -> str:
    """Which engines did not answer, and why: pairs of a name and a reason."""
    pairs = [pair for pair in engines if isinstance(pair, list) and pair] if isinstance(engines, list) else []
    return ", ".join(" ".join(str(part)[:80] for part in pair[:2]) for pair in pairs[:5])
