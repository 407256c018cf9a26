"""DuckDuckGo's page for browsers without scripts: no key, and no promise that it answers programs.

The package `ddgs` was considered: it reads the same page, with a browser's TLS fingerprint, by threads and sockets of
its own that know nothing of our timeouts. Whoever is refused here is better off with SearXNG.
"""

from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from dragoman.hub.problems import Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.pages.tags import End, Start, tokens
from dragoman.tools.search.answers import quoted, refusal, with_sites
from dragoman.tools.search.engine import Heard, Query, Question

_LINK: Final = "result__a"
_SNIPPET: Final = "result__snippet"
_ADVERTISEMENT: Final = "/y.js"
_BROWSER: Final = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
_FORM: Final = ("content-type", "application/x-www-form-urlencoded")


class DuckDuckGo:
    name: Final = "duckduckgo"
    home: Final = "https://html.duckduckgo.com"
    needs_key: Final = False
    longest: Final = 490

    def ask(self, query: Query, url: str, key: Secret) -> Question:
        del key  # it knows none
        said = {"q": with_sites(query.text, query.allowed, query.blocked, self.longest), "b": "", "kl": _region(query)}
        headers = (_BROWSER, _FORM, ("accept", "text/html"), ("referer", f"{url}/"))
        return Question("POST", f"{url}/html/", headers, urlencode(said).encode())

    def hear(self, heard: Heard) -> list[Hit]:
        """It answers programs that it does not like with 202 and a riddle."""
        page = heard.body.decode("utf-8", "replace")
        if heard.status == 202 or "anomaly-modal" in page or heard.status == 403:
            raise Problem("rate_limited", f"{self.name} asks whether we are human", private=quoted(heard))
        if heard.status != 200:
            raise refusal(self.name, heard)
        hits = _hits(page)
        if not hits and "no-results" not in page:
            raise Problem("backend_failed", f"{self.name} answered with a page of another kind", private=quoted(heard))
        return hits


def _region(query: Query) -> str:
    """ "us-en": the language is a guess that only sets preferences."""
    return f"{query.country.lower()}-en" if query.country in {"US", "GB", "CA", "AU", "IE", "NZ", "IN", "ZA"} else ""


def _hits(page: str) -> list[Hit]:
    """Each link of class result__a, with the result__snippet after it, if one follows."""
    hits: list[Hit] = []
    inside, said = Start("", {}), list[str]()
    for token in tokens(page):
        if isinstance(token, str):
            said.append(token)
        elif isinstance(token, Start) and (kind := _kind(token)):
            inside, said = token, []
            if kind == _LINK:
                hits.append(Hit(_target(token.attributes.get("href", ""))))
        elif isinstance(token, End) and token.name == inside.name and hits:
            text = " ".join("".join(said).split())
            if _kind(inside) == _LINK:
                hits[-1] = Hit(hits[-1].url, text)
            else:
                hits[-1] = Hit(hits[-1].url, hits[-1].title, text)
            inside = Start("", {})
    return [hit for hit in hits if hit.url]


def _kind(tag: Start) -> str:
    classes = tag.attributes.get("class", "").split()
    return next((kind for kind in (_LINK, _SNIPPET) if kind in classes), "")


def _target(href: str) -> str:
    """Links lead through a counter: //duckduckgo.com/l/?uddg=<the URL>. "" for advertisements."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return ""
    if parts.path == _ADVERTISEMENT:
        return ""
    wrapped = parse_qs(parts.query).get("uddg")
    target = wrapped[0] if parts.path == "/l/" and wrapped else href
    return "" if "duckduckgo.com/y.js" in target else target
