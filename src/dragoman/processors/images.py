"""Images for models that cannot see: described by one that can, or read where text is what matters.

What a tool brings is mostly a screenshot or a page, so its text is read first; what the user shows is described. Where
nobody here can describe images, their text is better than nothing.
"""

import asyncio
from typing import Final

from dragoman.hub.pipeline import Needs
from dragoman.hub.problems import Problem
from dragoman.hub.request import Document, Image, Inline, Part, Request, Stored
from dragoman.processors import notes, places
from dragoman.processors.content import Content
from dragoman.processors.places import Place
from dragoman.processors.reading import Reading

ENOUGH: Final = 50  # characters of text in a tool's image that make a description needless


class Images:
    def wants(self, request: Request, needs: Needs) -> bool:
        return needs.images and places.has(request, _is_image)

    async def apply(self, request: Request, needs: Needs, reading: Reading) -> Request:  # noqa: ARG002 - as every processor
        """The newest first: where there are too many new ones, they matter most."""
        waiting = list(places.find(request, _is_image))[::-1]
        replaced: dict[int, tuple[Part, ...]] = {}
        while waiting:
            some = waiting[
                : reading.room or len(waiting)
            ]  # where there is no room, what is known is known all the same
            waiting = waiting[len(some) :]
            texts = await asyncio.gather(*(_in_words(place, reading) for place in some))
            for place, words in zip(some, texts, strict=True):
                assert isinstance(place.part, Image | Document)
                replaced[id(place.part)] = places.in_place_of(place.part, words)
        return places.with_(request, replaced)


def _is_image(part: Part) -> bool:
    """A picture that can be had. One that only its vendor holds is left to the codecs, which have words for it."""
    match part:
        case Image(source=source):
            return not isinstance(source, Stored)
        case Document(source=Inline(media_type=media_type)):
            return media_type.startswith("image/")
        case _:
            return False


async def _in_words(place: Place, reading: Reading) -> list[str]:
    assert isinstance(place.part, Image | Document)
    source = place.part.source
    assert not isinstance(source, Stored)
    async with reading.slots:
        try:
            content = await Content.of(source, reading.ports)  # type: ignore[arg-type] # `_is_image` lets no other through
            words = await _read(content, place, reading)
        except Problem as problem:
            reading.unread.append((place.path, "an image"))
            return [notes.unread_image(problem)]
        reading.tally.images += 1
        return words


async def _read(content: Content, place: Place, reading: Reading) -> list[str]:
    if reading.pipeline.vision is None:
        text = (await reading.read_image(content)).text
        return [notes.page_text(text)] if text.strip() else [notes.empty_image()]
    if not place.of_tool or not reading.pipeline.reads:
        return [notes.description(await reading.describe(content, place.question))]
    return await _of_tool(content, reading)


async def _of_tool(content: Content, reading: Reading) -> list[str]:
    """Its text, and a description where there is little of it. Raise Problem where there is neither."""
    try:
        text = (await reading.read_image(content)).text.strip()
    except Problem:
        text = ""
    if len(text) >= ENOUGH:
        return [notes.page_text(text)]
    try:
        words = [notes.description(await reading.describe(content, ""))]
    except Problem as problem:
        if not text:
            raise
        words = [notes.unread_image(problem)]
    return [notes.page_text(text), *words] if text else words
