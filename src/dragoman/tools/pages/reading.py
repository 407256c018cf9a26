"""What was fetched, as text: HTML, PDF, and whatever is text already."""

import asyncio
import codecs
import contextlib
import re
from typing import Final

from dragoman.hub.problems import Problem
from dragoman.net.fetch import Found
from dragoman.tools.pages.markdown import Page, as_markdown
from dragoman.workers.pool import Workers

PDF: Final = "application/pdf"
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
# Text by another name than text/...
_TEXT: Final = re.compile(
    r"application/(?:[\w.-]+\+)?(?:json|xml|yaml|x-yaml|toml|javascript|ecmascript|x-javascript|x-sh|x-ndjson|jsonl|sql|graphql)"
)
_UNSAID: Final = "application/octet-stream"
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_META: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_WHERE_META: Final = 2048  # bytes
_LARGE: Final = 32 * 2**10  # bytes of HTML whose reading would hold up the event loop
_MOST_HTML: Final = 1_500_000  # characters
_MOST: Final = 400_000  # characters of a page's text


async def read_page(found: Found, workers: Workers) -> Page:
    """Return the page's text, up to a limit. Raise Problem for what is none."""
    if found.media_type == PDF or found.body.startswith(b"%PDF-"):
        return await _pdf(found, workers)
    if found.media_type in _HTML:
        if len(found.body) < _LARGE:
            return _html(found)
        return await asyncio.to_thread(_html, found)
    is_text = found.media_type.startswith("text/") or _TEXT.fullmatch(found.media_type) is not None
    if is_text or (found.media_type == _UNSAID and b"\0" not in found.body):
        return Page("", decoded(found.body, found.charset)[:_MOST])
    raise Problem(
        "unsupported", f"it is {found.media_type}, which has no text to read", code="unsupported_content_type"
    )


def _html(found: Found) -> Page:
    charset = found.charset
    if not charset and (said := _META.search(found.body, 0, _WHERE_META)) is not None:
        charset = said[1].decode("ascii", "replace")
    title, text = as_markdown(decoded(found.body, charset)[:_MOST_HTML], found.url)
    return Page(title, text[:_MOST])


async def _pdf(found: Found, workers: Workers) -> Page:
    try:
        pdf = await workers.read_pdf(found.body)
    except Problem as problem:
        raise Problem(problem.kind, problem.public, private=problem.private, code="unsupported_content_type") from None
    pages = [f"[page {page.number} of {pdf.total}]\n{page.text or _note(page.problem)}" for page in pdf.pages]
    return Page(pdf.title, "\n\n".join(pages)[:_MOST])


def _note(problem: str) -> str:
    return f"(not read: {problem})" if problem else "(no text)"


def decoded(body: bytes, charset: str) -> str:
    """The text, whatever the page says of its characters: what cannot be one is shown as such."""
    for mark, coding in _BOMS:
        if body.startswith(mark):
            return body.decode(coding, "replace")
    said = _coding(charset)
    for coding in (said, "utf-8"):
        with contextlib.suppress(UnicodeError):
            return body.decode(coding)
    return body.decode("cp1252" if said == "utf-8" else said, "replace")


def _coding(charset: str) -> str:
    """The coding of that name; UTF-8 if there is none. Browsers read ISO 8859-1 as its superset."""
    try:
        found = codecs.lookup(charset)
    except (LookupError, ValueError):
        return "utf-8"
    if not found._is_text_encoding:  # noqa: SLF001 - as `bytes.decode` does
        return "utf-8"
    return "cp1252" if found.name in ("iso8859-1", "ascii") else found.name
