"""A request's whole way from a client to a backend, in tests: read, its envelopes opened, its tools lowered, written."""

from collections.abc import Mapping
from typing import NamedTuple

from dragoman.hub.losses import Losses
from dragoman.hub.request import Dialect, Request
from dragoman.hub.route import Profile
from dragoman.protocols.call_kinds import Original, lowered
from dragoman.protocols.seals import Sealer, opened
from tests.asking import PLAIN, R, Sent, read, route_to, write

SEALER = Sealer(b"the proxy's secret")


class Crossed(NamedTuple):
    """request: as it was written. originals: what the lowered tools were."""

    sent: Sent
    request: Request
    originals: Mapping[str, Original]


def crossed(client: Dialect, body: object, backend: Dialect, profile: Profile | None = None) -> Crossed:
    """As gateway/sources.py does it. A body without `model` gets one."""
    whole = {"model": "asked-model", **body} if isinstance(body, dict) else body
    return on(read(client, whole), backend, profile)


def on(request: Request, backend: Dialect, profile: Profile | None = None) -> Crossed:
    route = route_to(backend, PLAIN[backend] if profile is None else profile)
    request, originals = opened(request, SEALER, Losses()), dict[str, Original]()
    if backend != R:
        request, originals = lowered(request, custom_tools=route.backends[0].profile.openai_fields)
    return Crossed(write(request, route), request, originals)
