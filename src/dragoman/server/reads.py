"""Everything that asks no model: what there is, whether we are well, and the paths that lead nowhere."""

import logging
from typing import Any, Final

from dragoman.gateway.call import Call
from dragoman.gateway.entry import Entry
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.responder import Responder
from dragoman.hub.problems import Problem, WrongMethod
from dragoman.protocols import CLIENTS
from dragoman.protocols.codec import ClientSide
from dragoman.server import stored
from dragoman.server.models import codex_catalog, list_models, one_model
from dragoman.server.status import status_of
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.server")
_MESSAGES: Final = CLIENTS["anthropic-messages"]
_CHAT: Final = CLIENTS["openai-chat"]
_RESPONSES: Final = CLIENTS["openai-responses"]
_READS: Final = ("GET", "HEAD")
# Claude Code (2.1) asks /api/hello whether the line works.
_HEALTH: Final = frozenset({"/healthz", "/api/hello"})
_MODELS: Final = "/v1/models"
_ROOT: Final = "/"  # where people look first; the page is there, if it is switched on
_STATUS: Final = "/v1/models/status"


async def read(call: Call, gateway: Gateway, posts: frozenset[str]) -> None:
    """posts: the paths that take POST and are not for us. What is refused is one line in the log."""
    client = _envelope(call)
    responder = Responder(call.outlet, call.id)
    try:
        said = await _found(call, gateway, posts)
    except Problem as problem:
        _refuse(problem, client, responder, call)
    except Exception as error:  # noqa: BLE001 - a bug of ours: the client learns that, and the log learns which
        _log.exception("%s: %s", call.id, type(error).__name__)
        internal = Problem("internal", f"internal error of the proxy; its log has it as {call.id}")
        _refuse(internal, client, responder, call)
    else:
        responder.whole(200, b"" if call.method == "HEAD" else jsons.write(said))


def _refuse(problem: Problem, client: ClientSide, responder: Responder, call: Call) -> None:
    entry = Entry(call.id, call.path, client.dialect)
    entry.failed(problem)
    refused = client.write_problem(problem, call.id)
    entry.status = refused.status
    entry.write()
    responder.fail(problem, refused)


async def _found(call: Call, gateway: Gateway, posts: frozenset[str]) -> Any:
    if call.path in posts:
        raise WrongMethod(f"{call.path} takes POST, not {call.method}", "POST")
    if call.path.startswith(stored.PREFIX):
        return await stored.stored(call, gateway, await call.admit(gateway.config.current))
    is_one = call.path.startswith(f"{_MODELS}/")
    if not (is_one or call.path in (_MODELS, _ROOT) or call.path in _HEALTH):
        raise Problem("unknown_path", f"there is no {call.method} {call.path[:200]} here")
    if call.method not in _READS:
        raise WrongMethod(f"{call.path[:200]} takes GET, not {call.method}", "GET, HEAD")
    if call.path in _HEALTH:
        return {"status": "ok"}
    if call.path == _ROOT:
        return {"dragoman": "a proxy between coding agents and models; GET /v1/models lists them"}
    snapshot = gateway.config.current
    key = await call.admit(snapshot)
    if call.path == _STATUS:
        return status_of(snapshot, key, gateway.router)
    if is_one:
        return one_model(call.path.removeprefix(f"{_MODELS}/"), snapshot, key, gateway.router)
    listed = codex_catalog if "client_version=" in call.query else list_models
    return listed(snapshot, key, gateway.router)


def _envelope(call: Call) -> ClientSide:
    """In whose words to complain where the path alone does not tell."""
    if call.path.startswith("/v1/responses"):
        return _RESPONSES
    messages = "/messages" in call.path or "anthropic-version" in call.headers
    return _MESSAGES if messages else _CHAT
