"""Requests on their way from a client to a backend, in tests: what is asked on the left, what is sent on the right."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from dragoman.hub.losses import Losses, Policy
from dragoman.hub.request import EFFORTS, Dialect, Request
from dragoman.hub.route import Backend, Profile, Route, Secret
from dragoman.protocols import BACKENDS, CLIENTS
from dragoman.wire import jsons

M: Final[Dialect] = "anthropic-messages"
C: Final[Dialect] = "openai-chat"
R: Final[Dialect] = "openai-responses"

# Backends that take everything their dialect has.
PLAIN: Final[dict[Dialect, Profile]] = {
    M: Profile(
        accounting=True,
        family="anthropic",
        system_anywhere=True,
        efforts=EFFORTS,
        thinking_types=("adaptive", "budget", "disabled", "between_tools"),
        prefill="native",
    ),
    C: Profile(
        family="plain",
        reasoning_history="all",
        system_anywhere=True,
        developer_role=True,
        limit_fields=("max_completion_tokens",),
        efforts=EFFORTS,
        tool_ids="any",
        sampling_extras=frozenset({"top_k", "min_p", "repetition_penalty"}),
        prefill="native",
        files=True,
    ),
    R: Profile(family="plain", reasoning_history="all", efforts=EFFORTS, tool_ids="any", files=True),
}


class Sent(NamedTuple):
    """What reached the backend, and what was lost: path -> whether it was warned of."""

    body: dict[str, Any]
    losses: dict[str, bool]

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages


def read(dialect: Dialect, body: object, headers: Mapping[str, str] | None = None) -> Request:
    return CLIENTS[dialect].read_request(body if isinstance(body, bytes) else jsons.write(body), headers or {})


def route_to(
    dialect: Dialect,
    profile: Profile,
    *,
    policy: Policy = "honest",
    context_window: int | None = None,
    max_output: int | None = None,
) -> Route:
    backend = Backend("http://127.0.0.1:9", Secret(""), dialect, profile)
    return Route(
        model="asked-model",
        backend_model="backend-model",
        backends=(backend,),
        on_loss=policy,
        context_window=context_window,
        max_output=max_output,
    )


def write(request: Request, route: Route) -> Sent:
    losses, backend = Losses(route.on_loss), route.backends[0]
    if request.dialect != backend.dialect:
        CLIENTS[request.dialect].note_losses(request, losses)
    written = BACKENDS[backend.dialect].write_request(request, route, backend, losses)
    noted = {loss.path: loss.warned for loss in sorted(losses.noted, key=lambda loss: loss.warned)}
    return Sent(jsons.read(written), noted)


def asked(
    client: Dialect,
    body: object,
    backend: Dialect,
    profile: Profile | None = None,
    *,
    policy: Policy = "honest",
    context_window: int | None = None,
    max_output: int | None = None,
) -> Sent:
    """Read as this client's dialect, written as that backend's. A body without `model` gets one."""
    whole = {"model": "asked-model", **body} if isinstance(body, dict) else body
    route = route_to(
        backend,
        PLAIN[backend] if profile is None else profile,
        policy=policy,
        context_window=context_window,
        max_output=max_output,
    )
    return write(read(client, whole), route)
