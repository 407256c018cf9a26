"""`POST /layout-parsing`: the service that reads pages here, for clients that want more of it than text."""

from dragoman.config.snapshot import Key, Snapshot
from dragoman.gateway.parties import Parties
from dragoman.hub.problems import Problem


async def parse_layout(parties: Parties, snapshot: Snapshot, key: Key, body: bytes) -> None:  # noqa: ARG001 - as every endpoint
    """The answer passes as it is."""
    settings = snapshot.config.documents.paddleocr
    parties.entry.model = "layout-parsing"
    parties.entry.rail = "relay"
    if settings is None or not settings.backends:
        raise Problem("unknown_path", "there is no layout service here; `documents.paddleocr` names one")
    reply = await parties.gateway.layout.ask(settings, body)
    try:
        parties.entry.spoke()
        parties.responder.begin(200, [("content-type", reply.headers.get("content-type") or "application/json")])
        while data := await reply.read():
            await parties.responder.piece(data)
        parties.responder.end()
    finally:
        reply.close()
