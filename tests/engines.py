"""A local stand-in for search engines: it speaks the shapes and the errors of each, and finds what a test lets it find.

`with Engines() as engines:` serves all of them, each below `engines.url(name)`. `engines.config("tavily", "brave")` is
the section `processors` that leads to them. `engines.plight["tavily"] = "quota"` and it is in trouble from then on.
"""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qsl, quote

from aiohttp import web

from dragoman.wire import jsons

SECONDS_TO_START: Final = 30

# nothing: found, in good order. key: not known. quota: used up. busy: too many requests at the moment. dead: the
# engine behind it does not answer. rubbish: not what was asked for.
Plight = Literal["well", "nothing", "key", "quota", "busy", "dead", "rubbish"]

KEYS: Final[Mapping[str, str]] = {
    "tavily": "tvly-stand-in-0123456789",
    "brave": "BSAstandin0123456789",
    "searxng": "",
    "exa": "exa-stand-in-0123456789",
    "serper": "serper-stand-in-0123456789",
    "kagi": "kagi-stand-in-0123456789",
    "duckduckgo": "",
}


@dataclasses.dataclass(frozen=True)
class Page:
    url: str
    title: str
    text: str
    age: str = ""


PAGES: Final = (
    Page("https://llama.example/care", "The care of llamas", "Llamas want <hay> & water, twice a day.", "2 days ago"),
    Page("https://docs.llama.example/api/hay", "hay() - Llama API", "hay(kind: str) -> Bale", "3 weeks ago"),
    Page("https://news.example/llama-wins", "Llama wins race", "A llama named Dolly has won.", ""),
)


@dataclasses.dataclass(frozen=True)
class Question:
    """What an engine was asked. said: the members of a JSON body, of a form or of a query."""

    engine: str
    method: str
    path: str
    headers: Mapping[str, str]
    said: Mapping[str, Any]

    @property
    def query(self) -> str:
        return str(self.said.get("q", self.said.get("query", "")))


@dataclasses.dataclass(frozen=True)
class Answer:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _json(said: Any, status: int = 200, /, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(jsons.write(said), status, {"content-type": "application/json", **given})


def tavily(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    def refused(status: int, why: str, **headers: str) -> Answer:
        return _json({"detail": {"error": why}}, status, **headers)

    if plight == "key" or question.headers.get("authorization") != f"Bearer {KEYS['tavily']}":
        return refused(401, "Unauthorized: missing or invalid API key.")
    if plight == "quota":
        return refused(432, "This request exceeds your plan's set usage limit. Please upgrade your plan.")
    if plight == "busy":
        return refused(429, "Your request has been blocked due to excessive requests.", retry_after="7")
    if plight == "dead":
        return refused(500, "Internal Server Error")
    if not question.query or question.method != "POST" or len(question.query) > 400:
        return refused(400, "Query is too long. Max query length is 400 characters.")
    results = [
        {"title": page.title, "url": page.url, "content": page.text, "score": 0.9 - n / 10, "raw_content": None}
        | ({"published_date": page.age} if page.age else {})
        for n, page in enumerate(pages[: question.said.get("max_results", 5)])
    ]
    return _json(
        {
            "query": question.query,
            "follow_up_questions": None,
            "answer": None,
            "images": [],
            "results": results,
            "response_time": 0.5,
            "request_id": "00000000-0000-0000-0000-000000000000",
        }
    )


def brave(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    limits = {"x_ratelimit_limit": "1, 15000", "x_ratelimit_policy": "1;w=1, 15000;w=2592000"}

    def refused(status: int, code: str, detail: str, **headers: str) -> Answer:
        error = {"id": "0", "status": status, "code": code, "detail": detail, "meta": {}}
        return _json({"type": "ErrorResponse", "error": error, "time": 1_790_000_000}, status, **headers)

    if plight == "key" or question.headers.get("x-subscription-token") != KEYS["brave"]:
        return refused(422, "SUBSCRIPTION_TOKEN_INVALID", "The provided subscription token is invalid.")
    if plight == "quota":
        limits |= {"x_ratelimit_remaining": "1, 0", "x_ratelimit_reset": "1, 1419704"}
        return refused(429, "QUOTA_LIMITED", "Request quota limit exceeded for plan.", **limits)
    if plight == "busy":
        limits |= {"x_ratelimit_remaining": "0, 14999", "x_ratelimit_reset": "1, 1419704"}
        return refused(429, "RATE_LIMITED", "Request rate limit exceeded for plan.", **limits)
    if plight == "dead":
        return refused(500, "INTERNAL", "Internal server error")
    if not question.query or len(question.query) > 400 or len(question.query.split()) > 50:
        return refused(422, "VALIDATION", "Unable to validate request parameter(s)")
    results = [
        {"title": page.title, "url": page.url, "description": _escaped(page.text), "type": "search_result"}
        | ({"age": page.age, "page_age": "2026-11-20T10:00:00"} if page.age else {})
        for page in pages[: int(question.said.get("count", 20))]
    ]
    said: dict[str, Any] = {"type": "search", "query": {"original": question.query}}
    if results:
        said["web"] = {"type": "search", "results": results, "family_friendly": True}
    limits |= {"x_ratelimit_remaining": "0, 14999", "x_ratelimit_reset": "1, 1419704"}
    return _json(said, **limits)


def searxng(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    if plight == "key" or question.said.get("format") != "json":
        return Answer(b"<!doctype html><title>403 Forbidden</title>", 403, {"content-type": "text/html"})
    if plight in ("busy", "quota"):
        return Answer(b"Too Many Requests", 429, {"content-type": "text/plain"})
    if not question.query:
        return _json({"error": "No query"}, 400)
    dead = [["duckduckgo", "CAPTCHA"], ["brave", "timeout"]] if plight == "dead" else []
    results = [
        {
            "url": page.url,
            "title": page.title,
            "content": page.text,
            "publishedDate": None,
            "engine": "stand-in",
            "engines": ["stand-in"],
            "positions": [n + 1],
            "score": 1 / (n + 1),
            "category": "general",
        }
        for n, page in enumerate([] if dead else pages)
    ]
    others: dict[str, Any] = {"answers": [], "corrections": [], "infoboxes": [], "suggestions": []}
    return _json(
        {"query": question.query, "number_of_results": 0, "results": results, **others, "unresponsive_engines": dead}
    )


def exa(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    def refused(status: int, tag: str, why: str, **headers: str) -> Answer:
        return _json({"requestId": "0", "error": why, "tag": tag}, status, **headers)

    if plight == "key" or question.headers.get("x-api-key") != KEYS["exa"]:
        return refused(401, "INVALID_API_KEY", "Invalid API key")
    if plight == "quota":
        return refused(402, "NO_MORE_CREDITS", "You have exceeded your credits limit.")
    if plight == "busy":
        return refused(429, "RATE_LIMITED", "You've exceeded your Exa rate limit.")
    if plight == "dead":
        return refused(500, "DEFAULT_ERROR", "An unexpected error occurred.")
    results = [
        {
            "id": page.url,
            "url": page.url,
            "title": page.title,
            "publishedDate": "2026-11-20T10:00:00.000Z" if page.age else None,
            "author": None,
            "highlights": [page.text],
            "highlightScores": [0.5],
        }
        for page in pages[: question.said.get("numResults", 10)]
    ]
    return _json(
        {"requestId": "0", "resolvedSearchType": "neural", "results": results, "costDollars": {"total": 0.005}}
    )


def serper(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    def refused(status: int, why: str) -> Answer:
        return _json({"message": why, "statusCode": status}, status)

    if plight == "key" or question.headers.get("x-api-key") != KEYS["serper"]:
        return refused(403, "Unauthorized.")
    if plight == "quota":
        return refused(400, "Not enough credits")
    if plight == "busy":
        return refused(429, "Too many requests")
    if plight == "dead":
        return refused(500, "Internal server error")
    if not question.query:
        return refused(400, "Missing query parameter")
    organic = [
        {"title": page.title, "link": page.url, "snippet": page.text, "position": n + 1}
        | ({"date": page.age} if page.age else {})
        for n, page in enumerate(pages[: question.said.get("num", 10)])
    ]
    return _json(
        {
            "searchParameters": {"q": question.query, "type": "search", "engine": "google"},
            "organic": organic,
            "credits": 1,
        }
    )


def kagi(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    meta = {"id": "0", "node": "us-east4", "ms": 100, "api_balance": 5.0}

    def refused(status: int, code: int, why: str) -> Answer:
        return _json({"meta": meta, "data": None, "error": [{"code": code, "msg": why, "ref": None}]}, status)

    if plight == "key" or question.headers.get("authorization") != f"Bot {KEYS['kagi']}":
        return refused(401, 2, "Unauthorized")
    if plight == "quota":
        return refused(402, 101, "Insufficient credit to perform this request.")
    if plight == "busy":
        return refused(429, 0, "Too many requests")
    if plight == "dead":
        return refused(200, 0, "Internal error")
    data: list[dict[str, Any]] = [
        {"t": 0, "rank": n + 1, "url": page.url, "title": page.title, "snippet": _escaped(page.text)}
        | ({"published": "2026-11-20T10:00:00Z"} if page.age else {})
        for n, page in enumerate(pages[: int(question.said.get("limit", 10))])
    ]
    return _json({"meta": meta, "data": [*data, {"t": 1, "list": ["llama food"]}]})


def duckduckgo(question: Question, pages: Sequence[Page], plight: Plight) -> Answer:
    html = {"content-type": "text/html; charset=UTF-8"}
    if plight in ("busy", "quota", "key"):
        return Answer(b'<html><div class="anomaly-modal__title">Unfortunately, bots ...</div></html>', 202, html)
    if plight == "dead":
        return Answer(b"<html>Error</html>", 500, html)
    if not pages:
        return Answer(b'<html><div class="no-results">No results.</div></html>', 200, html)
    results = "".join(
        f'<div class="result results_links results_links_deep web-result "><div class="links_main links_deep'
        f' result__body"><h2 class="result__title"><a rel="nofollow" class="result__a"'
        f' href="//duckduckgo.com/l/?uddg={quote(page.url, safe="")}&amp;rut=0123">{_escaped(page.title)}</a></h2>'
        f'<div class="result__extras"><a class="result__url" href="//duckduckgo.com/l/?uddg=x"> llama.example </a></div>'
        f'<a class="result__snippet" href="//duckduckgo.com/l/?uddg=x">{_stressed(page.text)}</a></div></div>'
        for page in pages
    )
    advertisement = (
        '<div class="result result--ad"><h2 class="result__title"><a class="result__a"'
        ' href="https://duckduckgo.com/y.js?ad_domain=shop.example">Buy llamas</a></h2>'
        '<a class="result__snippet" href="https://duckduckgo.com/y.js?x">Cheap</a></div>'
    )
    return Answer(f'<html><div id="links">{advertisement}{results}</div></html>'.encode(), 200, html)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stressed(text: str) -> str:
    return _escaped(text).replace("llama", "<b>llama</b>").replace("Llama", "<b>Llama</b>")


ENGINES: Final[Mapping[str, Callable[[Question, Sequence[Page], Plight], Answer]]] = {
    "tavily": tavily,
    "brave": brave,
    "searxng": searxng,
    "exa": exa,
    "serper": serper,
    "kagi": kagi,
    "duckduckgo": duckduckgo,
}


def answer(question: Question, pages: Sequence[Page] = PAGES, plight: Plight = "well") -> Answer:
    """What the engine says."""
    if plight == "rubbish":
        return Answer(b"<html>We are down for maintenance</html>", 200, {"content-type": "text/html"})
    return ENGINES[question.engine](question, () if plight == "nothing" else pages, plight)


class Engines:
    """Serves in a thread of its own between `with` and its end. asked: everything, in order."""

    def __init__(self, pages: Sequence[Page] = PAGES) -> None:
        self.pages = list(pages)
        self.plight: dict[str, Plight] = {}
        self.asked: list[Question] = []
        self._origin = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engines")

    def url(self, engine: str) -> str:
        return f"{self._origin}/{engine}"

    def config(self, *engines: str) -> dict[str, Any]:
        """The section `processors` that leads to these engines, in this order."""
        return {"web_search": [self.account(engine) for engine in engines]}

    def account(self, engine: str) -> dict[str, str]:
        key = {"key": KEYS[engine]} if KEYS[engine] else {}
        return {"provider": engine, "url": self.url(engine), **key}

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(SECONDS_TO_START):
            raise TimeoutError(f"the search engines did not start within {SECONDS_TO_START} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{engine}/{rest:.*}", self._hear)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _hear(self, request: web.Request) -> web.Response:
        engine = request.match_info["engine"]
        if engine not in ENGINES:
            return web.Response(status=404)
        said: dict[str, Any] = dict(request.query)
        body = await request.read()
        if request.content_type == "application/json":
            said |= jsons.read(body)
        elif body:
            said |= dict(parse_qsl(body.decode(), keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers.items()}
        question = Question(engine, request.method, f"/{request.match_info['rest']}", headers, said)
        self.asked.append(question)
        given = answer(question, self.pages, self.plight.get(engine, "well"))
        return web.Response(body=given.body, status=given.status, headers=given.headers)
