"""What is kept of one exchange."""

from typing import Final

from msgspec import Struct

CLIENT_GONE: Final = 499  # the client hung up: nobody's error
_ERROR: Final = 400


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """time: when it began, in milliseconds since the epoch. Texts are "" and numbers None where nothing is known.

    key_hash: the first 16 hex digits of the key's SHA-256. subagent: which of a session's helpers asked.
    dialect, backend_dialect: the protocols in and out. asked: the model's name as the client said it; model: that of
    the configuration; backend_model: that the backend knows. backend: where it is, without credentials.
    problem: the kind, as in hub/problems.py. first_byte_ms: until the client heard something that means something.
    tool_runs: of the proxy for the model; searches, fetches, pages, images: what they and the pipeline came to. losses: names, separated by commas.
    """

    time: int
    request_id: str = ""
    key: str = ""
    key_hash: str = ""
    agent: str = ""
    agent_version: str = ""
    session: str = ""
    subagent: str = ""
    path: str = ""
    dialect: str = ""
    backend_dialect: str = ""
    asked: str = ""
    model: str = ""
    backend_model: str = ""
    backend: str = ""
    rail: str = ""
    status: int = 0
    problem: str = ""
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_written_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    first_byte_ms: int | None = None
    duration_ms: int = 0
    attempts: int = 0
    tool_runs: int = 0
    searches: int = 0
    fetches: int = 0
    pages: int = 0
    images: int = 0
    losses: str = ""

    @property
    def is_cancelled(self) -> bool:
        return self.status == CLIENT_GONE

    @property
    def is_error(self) -> bool:
        """A stream that broke off has begun with status 200, and failed all the same."""
        return not self.is_cancelled and (self.status >= _ERROR or bool(self.problem))


FIELDS: Final = Line.__struct_fields__
