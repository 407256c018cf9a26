"""What every exchange has in common."""

import time
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from dragoman.config.snapshot import ConfigSource, Snapshot
from dragoman.gateway.books import Books
from dragoman.gateway.layout import Layout
from dragoman.gateway.pulses import Pulses
from dragoman.net.client import Client
from dragoman.protocols.codec import Stamp
from dragoman.protocols.seals import Sealer
from dragoman.routing.calibration import Calibration
from dragoman.routing.health import Health
from dragoman.routing.known import Knowledge
from dragoman.routing.load import Load
from dragoman.routing.resolve import Router
from dragoman.store.responses import Responses
from dragoman.store.results import Results
from dragoman.store.vault import Vault
from dragoman.tools.tool import ServerTool
from dragoman.workers.pool import Workers

# The tools that the proxy runs for the model of this name, or for whoever names none, by kind.
ToolsFor: TypeAlias = Callable[[Snapshot, str | None], Mapping[str, ServerTool]]

MAX_ANSWER: Final = 100 * 2**20  # bytes of a whole answer


class Gateway(Struct, frozen=True):
    """Made once, by the composition root."""

    config: ConfigSource
    net: Client
    knowledge: Knowledge
    router: Router
    health: Health
    load: Load
    pulses: Pulses
    calibration: Calibration
    sealer: Sealer
    responses: Responses
    vault: Vault
    results: Results
    workers: Workers
    tools: ToolsFor
    books: Books
    layout: Layout


def stamp(request_id: str) -> Stamp:
    """request_id: "req_" and 24 hex digits."""
    return Stamp(request_id[4:], int(time.time()))
