"""DuckDuckGo's page for browsers without scripts: no key, and no promise that it answers programs.

The package `ddgs` was considered: it reads the same page, with a browser's TLS fingerprint, by threads and sockets of
its own that know nothing of our timeouts. Whoever is refused here is better off with SearXNG.
"""

from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from dragoman.hub.problems import Problem
from dragoman.hub.request import Hit
from dragoman.hub.route import Secret
from dragoman.tools.search.answers import quoted, refusal, with_sites
from dragoman.tools.search.engine import Heard, Query, Question

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
        reader = _Results()
        reader.feed(page)
        reader.close()
        if not reader.hits and not reader.says_nothing_found:
            raise Problem("backend_failed", f"{self.name} answered with a page of another kind", private=quoted(heard))
        return reader.hits


def _region(query: Query) -> str:
    """ "us-en": the language is a guess that only sets preferences."""
    return f"{query.country.lower()}-en" if query.country in {"US", "GB", "CA", "AU", "IE", "NZ", "IN", "ZA"} else ""


class _Results(HTMLParser):
    """Collects links of class result__a, and the result__snippet after each."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hits: list[Hit] = []
        self.says_nothing_found = False
        self._url = ""
        self._title = ""
        self._said: list[str] = []
        self._inside = ""  # class of what is being read
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if "no-results" in classes:
            self.says_nothing_found = True
        for name in ("result__a", "result__snippet"):
            if name in classes:
                self._inside, self._tag, self._said = name, tag, []
                if name == "result__a":
                    self._take()
                    self._url = _target(given.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if not self._inside or tag != self._tag:
            return
        said = " ".join("".join(self._said).split())
        if self._inside == "result__a":
            self._title = said
        else:
            self._take(said)
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self._said.append(data)

    def close(self) -> None:
        super().close()
        self._take()

    def _take(self, snippet: str = "") -> None:
        if self._url:
            self.hits.append(Hit(self._url, self._title, snippet))
        self._url = self._title = ""


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
