"""Kagi. Shapes as in kagiapi 0.2.1."""

from typing import Final
from urllib.parse import urlencode

from dragoman.hub.problems import Kind
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import answer_of, items_in, refusal, said_in, text_in, unstressed, with_sites
from dragoman.tools.search.engine import JSON, Heard, Query, Question

_RESULT: Final = 0  # `t` of what was found; related searches have another
# Codes of its errors that the status does not tell apart: https://help.kagi.com/kagi/api/overview.html
_KINDS: Final[dict[int, Kind]] = {
    1: "bad_request",
    2: "backend_refused_us",
    100: "out_of_credit",  # no billing information
    101: "out_of_credit",
}


class Kagi:
    name: Final = "kagi"
    home: Final = "https://kagi.com"
    needs_key: Final = True
    longest: Final = 2000

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        said = {
            "q": with_sites(query.text, query.allowed, query.blocked, self.longest),
            "limit": str(query.count),
        }
        return Question(
            "GET", f"{url}/api/v0/search?{urlencode(said)}", (("authorization", f"Bot {key.reveal()}"), JSON)
        )

    def hear(self, heard: Heard) -> list[Hit]:
        """Errors may come with status 200."""
        said = said_in(heard)
        errors = items_in(said, "error")
        results = [item for item in items_in(said, "data") if item.get("t", _RESULT) == _RESULT]
        if errors and not results:
            code = errors[0].get("code")
            kind = _KINDS.get(code) if isinstance(code, int) else None
            raise refusal(self.name, heard, kind or (None if heard.status >= 400 else "backend_failed"))
        answer_of(self.name, heard)
        return [
            Hit(
                text_in(item, "url"),
                unstressed(text_in(item, "title")),
                unstressed(text_in(item, "snippet")),
                text_in(item, "published") or None,
            )
            for item in results
        ]
