"""Before a request is written for a backend: what that backend cannot read is put into text.

What none of a model's backends can read is so before any of them is asked: it may take minutes, and who waits for that
keeps nobody else from a place at a backend. What is left is done for each that is asked, since one may see what the next
does not.
"""

import functools
import logging
import re
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.gateway import demo
from dragoman.gateway.outside import Ask, Outside
from dragoman.gateway.parties import Parties
from dragoman.hub.losses import Losses
from dragoman.hub.pipeline import Needs, Pipeline
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Backend, Route
from dragoman.processors import PROCESSORS
from dragoman.processors.reading import Reading, Tally

_log: Final = logging.getLogger("dragoman.gateway")
_CHARACTERS_OF_HALF_A_TOKEN: Final = 2

# How the dialects say that there is something to read: types of parts, and PDFs in the place of an image.
_IMAGES: Final[dict[Dialect, str]] = {
    "anthropic-messages": "image",
    "openai-chat": "image_url",
    "openai-responses": "input_image",
}
_DOCUMENTS: Final[dict[Dialect, str]] = {
    "anthropic-messages": "document",
    "openai-chat": "file",
    "openai-responses": "input_file",
}


def wants(body: bytes, dialect: Dialect, route: Route) -> bool:
    """Whether a request that could be relayed holds what one of the backends cannot read. body: as it came.

    Its bytes tell, at 0.4 ms per MiB: where they stand in a text, there is a backslash before the quotation marks.
    """
    images = documents = False
    for backend in route.backends:
        images, documents = images or backend.needs.images, documents or backend.needs.documents
    return (images or documents) and _sign(dialect, images=images, documents=documents).search(body) is not None


@functools.cache
def _sign(dialect: Dialect, *, images: bool, documents: bool) -> re.Pattern[bytes]:
    types = [_IMAGES[dialect]] * images + [_DOCUMENTS[dialect]] * documents
    pattern = rf'"type"\s*:\s*"(?:{"|".join(types)})"'
    if documents and dialect != "anthropic-messages":
        pattern += '|"data:application/pdf'
    return re.compile(pattern.encode())


async def made_readable(
    request: Request, route: Route, backends: Sequence[Backend], parties: Parties, losses: Losses, ask: Ask
) -> Request:
    """The request with nothing in it that all of these backends cannot read, as far as there are means.

    losses: of the request towards them. What stays unread is one that is warned of, and so refused where the
    model's policy is strict; else no Problem is raised.
    """
    needs: Needs | None = None
    for backend in backends:
        if backend.url != demo.URL:
            needs = backend.needs if needs is None else needs.both(backend.needs)
    if needs is None:
        return request
    for processor in PROCESSORS:
        if processor.wants(request, needs):
            return await _processed(request, route, needs, parties, losses, ask)
    return request


async def _processed(
    request: Request, route: Route, needs: Needs, parties: Parties, losses: Losses, ask: Ask
) -> Request:
    entry, tally, began = parties.entry, Tally(), time.monotonic()
    reading = Reading(entry.id, _within_window(route), Outside(parties, ask), tally)
    for processor in PROCESSORS:
        if processor.wants(request, needs):
            request = await processor.apply(request, needs, reading)
    for path, what in reading.unread:
        losses.warn(path, f"{what} could not be read; a note stands in its place")
    entry.read(tally.images, tally.pages, tally.reused)
    _log.info(
        "%s: for %s: %d images and %d pages put into text, %d results known before, %.1f s",
        entry.id, route.backend_model, tally.images, tally.pages, tally.reused, time.monotonic() - began,
    )  # fmt: skip
    return request


def _within_window(route: Route) -> Pipeline:
    """No document may fill more than half of the model's window: a conversation that overflows is lost to its agent."""
    pipeline, window = route.pipeline, route.context_window
    if window is None or pipeline.characters <= window * _CHARACTERS_OF_HALF_A_TOKEN:
        return pipeline
    return msgspec.structs.replace(pipeline, characters=window * _CHARACTERS_OF_HALF_A_TOKEN)
