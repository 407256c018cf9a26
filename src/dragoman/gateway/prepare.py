"""Before a request is written for a backend: what that backend cannot read is put into text.

Once for every backend that is asked, since one may see what the next does not. What was read is known the second time,
so that costs little.
"""

import logging
import re
import time
from typing import Final

from dragoman.gateway import demo
from dragoman.gateway.outside import Ask, Outside
from dragoman.gateway.parties import Parties
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Route
from dragoman.processors import PROCESSORS
from dragoman.processors.needs import Needs, needs_of
from dragoman.processors.reading import Reading, Tally

_log: Final = logging.getLogger("dragoman.gateway")

# How the dialects say that there is something to read. The bytes are looked for first: that costs a millisecond for
# ten megabytes. Where they stand in a text, a backslash stands before the quotation marks, so few requests go further.
_IMAGES: Final[dict[Dialect, tuple[bytes, ...]]] = {
    "anthropic-messages": (b'"image"',),
    "openai-chat": (b'"image_url"',),
    "openai-responses": (b'"input_image"',),
}
_DOCUMENTS: Final[dict[Dialect, tuple[bytes, ...]]] = {
    "anthropic-messages": (b'"document"',),
    "openai-chat": (b'"file"', b'"data:application/pdf'),
    "openai-responses": (b'"input_file"', b'"data:application/pdf'),
}
# The same as types of parts, and not as names or values that tools and schemas have too.
_PART: Final = re.compile(rb'"type"\s*:\s*"(?:image|image_url|input_image|document|file|input_file)"')


def wants(body: bytes, dialect: Dialect, route: Route) -> bool:
    """Whether a request that could be relayed holds what one of the backends cannot read. body: as it came."""
    needs = [needs_of(route.pipeline, backend) for backend in route.backends]
    marks: tuple[bytes, ...] = ()
    if any(need.images for need in needs):
        marks += _IMAGES[dialect]
    if any(need.documents for need in needs):
        marks += _DOCUMENTS[dialect]
    return any(mark in body for mark in marks) and _PART.search(body) is not None


async def made_readable(request: Request, route: Route, backend: Backend, parties: Parties, ask: Ask) -> Request:
    """The request with nothing in it that the backend cannot read, as far as there are means. Never raises a Problem."""
    needs = needs_of(route.pipeline, backend)
    if not needs.any or backend.url == demo.URL:
        return request
    if not any(processor.wants(request, needs) for processor in PROCESSORS):
        return request
    return await _processed(request, route, needs, parties, ask)


async def _processed(request: Request, route: Route, needs: Needs, parties: Parties, ask: Ask) -> Request:
    entry, tally, began = parties.entry, Tally(), time.monotonic()
    reading = Reading(entry.id, route.pipeline, Outside(parties, ask), tally)
    for processor in PROCESSORS:
        if processor.wants(request, needs):
            request = await processor.apply(request, needs, reading)
    entry.read(tally.images, tally.pages, tally.reused)
    _log.info(
        "%s: for %s: %d images and %d pages put into text, %d results known before, %.1f s",
        entry.id, route.backend_model, tally.images, tally.pages, tally.reused, time.monotonic() - began,
    )  # fmt: skip
    return request
