"""How many tokens would this be? Asked of the backend's own tokenizer where it has one, else estimated.

Claude Code (2.1) asks this 25 to 35 times at once for `/context`, so an answer must be cheap and never an error where
an estimate would do.
"""

import asyncio
import logging
from typing import Any, Final

import msgspec

from dragoman.gateway.call import passed_headers, with_query
from dragoman.gateway.converse import gathered
from dragoman.gateway.gateway import Gateway
from dragoman.gateway.parties import Parties
from dragoman.gateway.prepare import made_readable
from dragoman.gateway.relay import JSON
from dragoman.gateway.server_tools import prepared
from dragoman.gateway.sources import way_to
from dragoman.hub.estimate import TOKENS_PER_IMAGE, tokens_in_request
from dragoman.hub.losses import Losses
from dragoman.hub.problems import Problem
from dragoman.hub.request import Document, Image, Inline, Part, Request, Text, ToolResult, Turn
from dragoman.hub.route import Backend, Route, Timeouts
from dragoman.protocols import BACKENDS
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_TIMEOUTS: Final = Timeouts(connect=2.0, first_byte=10.0, idle=10.0)
_MAX_ANSWER: Final = 64 * 2**20  # llama.cpp lists every token


async def count_tokens(request: Request, members: jsons.Members, route: Route, parties: Parties) -> int:
    """members: of the client's body, for a backend that counts in the client's own dialect.

    What the backend cannot read is counted as what it will be told in its place.
    """
    gateway = parties.gateway
    backend = route.backends[0]
    request = prepared(request, route, backend, parties).request
    try:
        async with asyncio.timeout(_TIMEOUTS.first_byte):
            readable = await made_readable(request, route, (backend,), parties, Losses("lenient"), gathered)
            if readable is not request:
                request, members = readable, _rewritten(readable, members, route, backend)
            counted = await _counted(request, members, route, backend, parties)
    except (Problem, TimeoutError, jsons.JSONError) as error:
        _log.info("%s: the backend's tokenizer did not answer (%s); estimated instead", parties.call.id, error)
        counted = None
    if counted is not None:
        return counted
    return gateway.calibration.apply(route.backend_model, tokens_in_request(request, jsons.write_text))


async def _counted(
    request: Request, members: jsons.Members, route: Route, backend: Backend, parties: Parties
) -> int | None:
    """None = this backend has no way to count."""
    if backend.dialect == "anthropic-messages" == parties.client.dialect:
        return await _natively(members, route, backend, parties)
    if backend.profile.tokenizer is None or backend.dialect != "openai-chat":
        return None
    bare, images = _without_media(msgspec.structs.replace(request, stream=False, max_tokens=None))
    side = BACKENDS[backend.dialect]
    chat = jsons.read(side.write_request(bare, route, backend, Losses("lenient")))
    root = backend.url.removesuffix("/v1")
    said = {"messages": chat["messages"], **({"tools": chat["tools"]} if "tools" in chat else {})}
    if backend.profile.tokenizer == "vllm":
        answer = await _ask(f"{root}/tokenize", {"model": route.backend_model, **said}, backend, parties.gateway)
        count = answer.get("count")
    else:
        prompt = (await _ask(f"{root}/apply-template", said, backend, parties.gateway)).get("prompt")
        answer = await _ask(f"{root}/tokenize", {"content": prompt, "add_special": True}, backend, parties.gateway)
        tokens = answer.get("tokens")
        count = len(tokens) if isinstance(tokens, list) else None
    return count + images * TOKENS_PER_IMAGE if isinstance(count, int) else None


def _rewritten(request: Request, members: jsons.Members, route: Route, backend: Backend) -> jsons.Members:
    """The members that the client sent, as they are said to this backend."""
    if backend.dialect != request.dialect:
        return members
    written = jsons.members(BACKENDS[backend.dialect].write_request(request, route, backend, Losses("lenient")))
    return {name: written.get(name, value) for name, value in members.items()}


async def _natively(members: jsons.Members, route: Route, backend: Backend, parties: Parties) -> int | None:
    side, call = BACKENDS[backend.dialect], parties.call
    body = jsons.patch(members, {"model": route.backend_model})
    url = with_query(f"{side.url(backend)}/count_tokens", call)
    headers = [*passed_headers(call, side.headers(backend)), JSON]
    reply = await parties.gateway.net.send("POST", url, headers, body, _TIMEOUTS)
    try:
        answer = jsons.read(await reply.read_all(_MAX_ANSWER)) if reply.status == 200 else {}
    finally:
        reply.close()
    count = answer.get("input_tokens") if isinstance(answer, dict) else None
    return count if isinstance(count, int) else None


async def _ask(url: str, body: dict[str, Any], backend: Backend, gateway: Gateway) -> dict[str, Any]:
    reply = await gateway.net.send("POST", url, way_to(backend).headers, jsons.write(body), _TIMEOUTS)
    try:
        if reply.status != 200:
            raise Problem("backend_failed", f"the tokenizer answered with HTTP {reply.status}")
        answer = jsons.read(await reply.read_all(_MAX_ANSWER))
    finally:
        reply.close()
    if not isinstance(answer, dict):
        raise Problem("backend_failed", "the tokenizer's answer is no object")
    return answer


def _without_media(request: Request) -> tuple[Request, int]:
    """The request without pictures and files, whose base64 would count as text, and how many there were."""
    turns: list[Turn] = []
    left_out = 0
    for turn in request.turns:
        parts, count = _bare(turn.parts)
        left_out += count
        turns.append(msgspec.structs.replace(turn, parts=parts))
    return msgspec.structs.replace(request, turns=tuple(turns)), left_out


def _bare(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], int]:
    kept: list[Part] = []
    left_out = 0
    for part in parts:
        if isinstance(part, Image) or (isinstance(part, Document) and isinstance(part.source, Inline)):
            kept.append(Text("[media]"))
            left_out += 1
        elif isinstance(part, ToolResult):
            inner, count = _bare(part.parts)
            kept.append(msgspec.structs.replace(part, parts=inner))
            left_out += count
        else:
            kept.append(part)
    return tuple(kept), left_out
