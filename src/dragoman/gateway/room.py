"""Room for the prompt, where the backend would make it: Ollama cuts what does not fit, and says nothing.

What it cuts off is the beginning, so an agent forgets what it is and goes on. A refusal in the client's own words makes
it compact its conversation, or tells its user what to do.
"""

import logging
from typing import Final

from dragoman.gateway.parties import Parties
from dragoman.hub.estimate import is_at_least, rough_tokens, tokens_in_request
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request
from dragoman.hub.route import Backend, Route
from dragoman.routing.discover import running_window
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_SURELY: Final = 1.2  # an estimate of so many times the window is no error of the estimate
_FEWEST_BYTES: Final = 2  # of a token


async def demand_room(request: Request, route: Route, backend: Backend, parties: Parties) -> None:
    """Raise Problem("context_overflow") if the backend is known to cut such a prompt."""
    window = route.context_window
    if not backend.profile.cuts_prompts or window is None or parties.entry.body_bytes < window * _FEWEST_BYTES:
        return
    tokens = _tokens(request, window, route, parties)
    if tokens <= window * _SURELY:
        return
    runs = await running_window(backend, route.backend_model, parties.gateway.net)
    if runs is None:
        _log.warning(
            "%s: a prompt of about %d tokens for %s, which may be started with a window of %d, and then cuts it",
            parties.entry.id, tokens, route.backend_model, window,
        )  # fmt: skip
    elif tokens > runs * _SURELY:
        raise Problem(
            "context_overflow",
            f"prompt is too long: {tokens} tokens > {runs} maximum (about; Ollama runs this model with that context"
            " length, and would cut off the beginning without a word: start it with OLLAMA_CONTEXT_LENGTH=65536, or set"
            " num_ctx in the model's Modelfile)",
        )


def _tokens(request: Request, window: int, route: Route, parties: Parties) -> int:
    """What is much too long need not be looked at closely."""
    if is_at_least(request, 2 * window):
        return rough_tokens(request)
    estimated = tokens_in_request(request, jsons.write_text)
    return parties.gateway.calibration.apply(route.backend_model, estimated)


async def demand_room_for(body: bytes, route: Route, backend: Backend, parties: Parties) -> None:
    """The same for a request that is relayed, and read only if it may be too long."""
    window = route.context_window
    if backend.profile.cuts_prompts and window is not None and len(body) >= window * _FEWEST_BYTES:
        await demand_room(await parties.read_request(body), route, backend, parties)
