"""What a backend cannot read, by all that is known of it."""

import pytest

from dragoman.hub.pipeline import Pipeline
from dragoman.hub.request import Dialect
from dragoman.hub.route import Backend, Profile, Secret
from dragoman.routing.needs import needs_of

EYES = Pipeline(vision="eyes")
NOBODY = Pipeline(engine=False)
C, M, R = "openai-chat", "anthropic-messages", "openai-responses"


def backend(dialect: Dialect = "openai-chat", **known: object) -> Backend:
    return Backend("http://b", Secret(""), dialect, Profile(**known))  # type: ignore[arg-type] # as the row says


@pytest.mark.parametrize(
    ("pipeline", "dialect", "vision", "described"),
    [
        (EYES, C, False, True),
        (EYES, C, True, False),
        (EYES, C, None, True),  # as go-llm-proxy: with a vision model there, what is not said to see does not
        (Pipeline(), C, None, False),
        (EYES, M, None, False),  # asked in its vendor's own dialect: left alone
        (EYES, R, None, False),
        (EYES, M, False, True),
        (Pipeline(), C, False, True),  # the text of an image is better than nothing
        (NOBODY, C, False, False),  # the codecs have words for it
        (Pipeline(vision="eyes", sees=True), C, None, False),
        (Pipeline(vision="eyes", sees=True), C, False, False),
        (Pipeline(vision="eyes", sees=False), M, None, True),
        (Pipeline(vision="eyes", asked=True), C, False, False),  # who describes images is taken to see
        (Pipeline(vision="eyes", forced=True), M, True, True),
        (Pipeline(vision="eyes", forced=True, sees=True), M, True, False),
        (Pipeline(forced=True), M, True, False),  # nobody is there to describe
    ],
)
def test_images(pipeline: Pipeline, dialect: Dialect, vision: bool | None, described: bool) -> None:
    assert needs_of(pipeline, backend(dialect, vision=vision)).images == described


@pytest.mark.parametrize(
    ("pipeline", "dialect", "known", "read"),
    [
        (EYES, C, {}, True),
        (EYES, C, {"files": True}, False),
        (Pipeline(documents=False), C, {}, False),
        (EYES, M, {"family": "anthropic", "files": True}, False),
        (EYES, M, {"family": "anthropic-like"}, False),  # its maker's own dialect: it may well read them
        (EYES, M, {"family": "anthropic-like", "vision": False}, True),
        (EYES, M, {"family": "llama.cpp"}, True),  # known not to
        (EYES, R, {"family": "generic"}, False),
        (EYES, R, {"family": "vllm"}, True),
        (Pipeline(forced=True), M, {"family": "anthropic", "files": True}, True),
    ],
)
def test_documents(pipeline: Pipeline, dialect: Dialect, known: dict[str, object], read: bool) -> None:
    assert needs_of(pipeline, backend(dialect, **known)).documents == read
