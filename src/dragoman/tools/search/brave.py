"""Brave Search."""

import re
from typing import Final
from urllib.parse import urlencode

from dragoman.hub.problems import Kind, Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import (
    answer_of,
    items_in,
    refusal,
    said_in,
    seconds_in,
    text_in,
    tidy,
    unstressed,
    with_sites,
)
from dragoman.tools.search.engine import JSON, Heard, Query, Question

_MOST: Final = 20
_MOST_WORDS: Final = 50
# `country` takes no others; the headers about the place do.
_COUNTRIES: Final = re.compile(
    "AR|AU|AT|BE|BR|CA|CL|DK|FI|FR|DE|GR|HK|IN|ID|IT|JP|KR|MY|MX|NL|NZ|NO|CN|PL|PT|PH|RU|SA|ZA|ES|SE|CH|TW|TR|GB|US"
)
_KINDS: Final[dict[str, Kind]] = {
    "SUBSCRIPTION_TOKEN_INVALID": "backend_refused_us",
    "SUBSCRIPTION_NOT_FOUND": "backend_refused_us",
    "OPTION_NOT_IN_PLAN": "backend_refused_us",
    "RESOURCE_NOT_ALLOWED": "backend_refused_us",
    "QUOTA_LIMITED": "out_of_credit",
    "RATE_LIMITED": "rate_limited",
}


class Brave:
    name: Final = "brave"
    home: Final = "https://api.search.brave.com"
    needs_key: Final = True
    longest: Final = 400

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        if len(query.text.split()) > _MOST_WORDS:
            raise Problem("bad_request", f"{self.name} takes {_MOST_WORDS} words at most", code="query_too_long")
        said = {
            "q": with_sites(query.text, query.allowed, query.blocked, self.longest),
            "count": str(min(query.count, _MOST)),
            "result_filter": "web",
            "text_decorations": "false",
        }
        if _COUNTRIES.fullmatch(query.country):
            said["country"] = query.country
        place = {
            "x-loc-country": query.country,
            "x-loc-state-name": query.region,
            "x-loc-city": query.city,
            "x-loc-timezone": query.timezone,
        }
        headers = [("x-subscription-token", key.reveal()), JSON]
        headers += [(name, value) for name, value in place.items() if value.isascii() and value.isprintable() and value]
        return Question("GET", f"{url}/res/v1/web/search?{urlencode(said)}", tuple(headers))

    def hear(self, heard: Heard) -> list[Hit]:
        """A key that is wrong is told of as 422, like a query that is."""
        if heard.status >= 400:
            said = said_in(heard)
            error = said.get("error") if isinstance(said, dict) else None
            code = error.get("code") if isinstance(error, dict) else None
            kind = _KINDS.get(code) if isinstance(code, str) else None
            month_is_over, wait = _limits(heard) if heard.status == 429 else (False, None)
            raise refusal(self.name, heard, "out_of_credit" if month_is_over else kind, wait)
        results = items_in(answer_of(self.name, heard), "web", "results")
        return [
            Hit(
                text_in(item, "url"),
                unstressed(text_in(item, "title")),
                "\n".join([unstressed(text_in(item, "description")), *_more(item.get("extra_snippets"))]).strip(),
                text_in(item, "age", "page_age") or None,
            )
            for item in results
        ]


def _more(snippets: object) -> list[str]:
    return [tidy(unstressed(text)) for text in snippets if isinstance(text, str)] if isinstance(snippets, list) else []


def _limits(heard: Heard) -> tuple[bool, float | None]:
    """Whether the month's share is used up, and the seconds until there is more.

    The headers have a number for each window, the shortest first: "1, 15000".
    """
    left = [part.strip() for part in heard.headers.get("x-ratelimit-remaining", "").split(",")]
    resets = [seconds_in(part) for part in heard.headers.get("x-ratelimit-reset", "").split(",")]
    used_up = [number for number, remaining in enumerate(left) if remaining == "0"]
    longest = used_up[-1] if used_up else 0
    return longest > 0, resets[longest] if longest < len(resets) else None
