"""What one backend cannot do itself.

What is known decides: the configuration, then what the backend told, then the table of families. Of a backend of which
nothing is known a Chat server is taken for one that does not see as soon as somebody is there to describe images, as
go-llm-proxy takes it; one that is asked in a vendor's own dialect (Messages, Responses) is left alone.
"""

from __future__ import annotations

from typing import Final

from dragoman.hub.pipeline import Needs, Pipeline
from dragoman.hub.route import Backend

_UNKNOWN_MAKE: Final = frozenset({"generic", "anthropic-like"})


def needs_of(pipeline: Pipeline, backend: Backend) -> Needs:
    return Needs(
        images=(pipeline.vision is not None or pipeline.reads) and not _sees(pipeline, backend),
        documents=pipeline.documents and not _reads_files(pipeline, backend),
    )


def _sees(pipeline: Pipeline, backend: Backend) -> bool:
    if pipeline.asked:
        return True
    if pipeline.sees is not None:
        return pipeline.sees
    if pipeline.forced and pipeline.vision is not None:
        return False
    if backend.profile.vision is not None:
        return backend.profile.vision
    return backend.dialect != "openai-chat" or pipeline.vision is None


def _reads_files(pipeline: Pipeline, backend: Backend) -> bool:
    if pipeline.forced:
        return False
    if backend.profile.files:
        return True
    native = backend.dialect != "openai-chat" and backend.profile.family in _UNKNOWN_MAKE
    return native and backend.profile.vision is not False
