"""Tavily. Shapes and errors as in tavily-python 0.8.5."""

from typing import Any, Final

from dragoman.hub.problems import Kind
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import answer_of, items_in, refusal, said_in, seconds_in, text_in
from dragoman.tools.search.engine import JSON, JSON_BODY, Heard, Query, Question
from dragoman.wire import jsons

_MOST: Final = 20
# 432: the plan's limit. 433: the limit of what is paid as it goes.
_KINDS: Final[dict[int, Kind]] = {432: "out_of_credit", 433: "out_of_credit"}


class Tavily:
    name: Final = "tavily"
    home: Final = "https://api.tavily.com"
    needs_key: Final = True
    longest: Final = 400

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        said: dict[str, Any] = {"query": query.text, "max_results": min(query.count, _MOST), "search_depth": "basic"}
        if query.allowed:
            said["include_domains"] = list(query.allowed)
        if query.blocked:
            said["exclude_domains"] = list(query.blocked)
        authorization = ("authorization", f"Bearer {key.reveal()}")
        return Question("POST", f"{url}/search", (authorization, JSON, JSON_BODY), jsons.write(said))

    def hear(self, heard: Heard) -> list[Hit]:
        if heard.status in _KINDS:
            raise refusal(self.name, heard, _KINDS[heard.status])
        if heard.status == 429:
            raise refusal(self.name, heard, retry_after=_wait(heard))
        answer = answer_of(self.name, heard)
        return [
            Hit(
                text_in(item, "url"),
                text_in(item, "title"),
                text_in(item, "content"),
                text_in(item, "published_date") or None,
            )
            for item in items_in(answer, "results")
        ]


def _wait(heard: Heard) -> float | None:
    """The envelope of limits says it where no header does."""
    said = said_in(heard)
    error = said.get("error") if isinstance(said, dict) else None
    wait = error.get("retry_after_seconds") if isinstance(error, dict) else None
    return float(wait) if isinstance(wait, int | float) else seconds_in(heard.headers.get("retry-after"))
