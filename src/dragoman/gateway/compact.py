"""Compaction for backends that have none: any model can write the summary.

A compaction item holds the summary in an envelope of ours (protocols/seals.py), which the client brings back in the
place of what it summarises. Compaction of another service cannot be read here, and is refused with words that say so.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from dragoman.gateway.attempts import ask_in_turn
from dragoman.gateway.converse import gathered_with_losses, with_defaults
from dragoman.gateway.gateway import stamp
from dragoman.gateway.parties import Parties
from dragoman.gateway.relay import why_not
from dragoman.gateway.sources import problem_of
from dragoman.hub.answer import Answer
from dragoman.hub.events import Ended, Event, Noted, Reason, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Opaque, Part, Request, Seal, Text, Turn
from dragoman.hub.route import Backend, Route
from dragoman.protocols import BACKENDS
from dragoman.protocols.openai_responses.usage import write_usage
from dragoman.protocols.seals import PREFIX, Sealer
from dragoman.routing.refused_seals import seals_in
from dragoman.wire import jsons

_log: Final = logging.getLogger("dragoman.gateway")
_replace: Final = msgspec.structs.replace
_DIALECT: Final = "openai-responses"
_HEAD: Final = "[summary of the earlier conversation]\n"
_ASK: Final = """\
Write a handover note about this conversation for a colleague who goes on with the work and sees nothing but this note.
Say: what the user wants, in his own terms, with every constraint he gave; what was done, file by file, with paths,
names and the lines of code that matter; what was found out, with error messages word for word; what is left, and what
comes next. Leave out nothing that would have to be asked for again. Answer with the note alone and call no tool."""
# Ends of a summary that is none, and why.
_CUT: Final[Mapping[Reason, str]] = {
    "length": "let its backend give longer answers",
    "context_full": "its window is full; let the agent compact earlier",
    "filtered": "a content filter ended it",
}
_ROOM: Final = 8_192  # tokens: more than most summaries have, and no more than most models can say
_MAX_ANSWER: Final = 64 * 2**20


def asks_for_compaction(request: Request) -> bool:
    """Whether the client ends its input with `compaction_trigger`: the answer is to be a compaction item."""
    parts = request.turns[-1].parts if request.turns else ()
    return bool(parts) and isinstance(last := parts[-1], Opaque) and last.kind == "compaction_trigger"


def with_summaries(request: Request, route: Route, sealer: Sealer) -> Request:
    """The request with our compaction items as the text they hold.

    Raise Problem("bad_request") for another's, unless the backend speaks this dialect: then it may be its own. A
    lenient model goes on with a placeholder in its place.
    """
    if not _holds_compaction(request.turns):
        return request
    native = all(backend.dialect == _DIALECT for backend in route.backends)
    passes = native or route.on_loss == "lenient"
    keeps = native and all(backend.profile.keeps_envelopes for backend in route.backends)
    turns = (
        _replace(
            turn, parts=tuple(_summary(part, turn.path, sealer, passes=passes, keeps=keeps) for part in turn.parts)
        )
        for turn in request.turns
    )
    return _replace(request, turns=tuple(turns))


def _holds_compaction(turns: Iterable[Turn]) -> bool:
    for turn in turns:
        for part in turn.parts:
            if type(part) is Opaque and _is_compaction(part):
                return True
    return False


def _is_compaction(part: Opaque) -> bool:
    return part.dialect == _DIALECT and part.kind in ("compaction", "compaction_summary")


def _summary(part: Part, path: str, sealer: Sealer, *, passes: bool, keeps: bool) -> Part:
    """passes: another's is left as it is, for the backend or for the writer of its dialect. keeps: so is that of another
    Dragoman, which is the backend.
    """
    if not isinstance(part, Opaque) or not _is_compaction(part):
        return part
    raw: Any = part.raw
    envelope = raw.get("encrypted_content") if isinstance(raw, dict) else None
    inside = sealer.unwrap(envelope) if isinstance(envelope, str) and envelope.startswith(PREFIX) else None
    if inside is None and passes and (keeps or not str(envelope).startswith(PREFIX)):
        return part
    if inside is None:
        raise Problem(
            "bad_request",
            f"{path}: this compaction was made elsewhere and cannot be read by this model; compact again, or go back to"
            " the model that made it",
            param=path,
            code="invalid_prompt",
        )
    return Text(_HEAD + inside.text)


async def summarised(request: Request, route: Route, parties: Parties) -> tuple[Answer, dict[str, Any]]:
    """Have the conversation summarised by the model itself. Return its answer and the compaction item."""
    turns = [turn for turn in request.turns if not _is_trigger(turn)]
    asking = _replace(
        with_defaults(request, route.defaults),
        turns=(*turns, Turn("user", (Text(_ASK),))),
        tools=(),
        tool_choice=None,
        output_format=None,
        stream=False,
        max_tokens=None,  # what is set for answers would cut it
    )
    answer = await _with_room(asking, route, parties)
    if answer.reason in _CUT:
        said = "the model was asked for a summary of the conversation, which was cut off before its end"
        raise Problem("backend_failed", f"{said}: {_CUT[answer.reason]}")
    text = "".join(part.text for part in answer.parts if isinstance(part, Text)).strip()
    if not text:
        raise Problem("backend_failed", "the model was asked for a summary of the conversation and wrote none")
    mark = stamp(parties.entry.id)
    envelope = parties.gateway.sealer.wrap(Seal(_DIALECT, "dragoman", "summary", "encrypted"), text)
    return answer, {"type": "compaction", "id": f"cmp_{mark.id}", "encrypted_content": envelope}


async def _with_room(asking: Request, route: Route, parties: Parties) -> Answer:
    """Backends have limits of their own for answers that ask for none: what meets one is asked for with more room."""
    answer, losses = await gathered_with_losses(asking, route, parties)
    parties.entry.hear([Noted(answer.usage)])
    if answer.reason == "length":
        cut, room = answer.usage, max(2 * (answer.usage.output or 0), _ROOM)
        _log.info("%s: a summary was cut off; asked for once more, with %d tokens", parties.entry.id, room)
        answer, losses = await gathered_with_losses(_replace(asking, max_tokens=room), route, parties)
        answer = _replace(answer, usage=cut.plus(answer.usage))
        parties.entry.hear([Noted(answer.usage)])
    parties.describe(losses)
    return answer


def _is_trigger(turn: Turn) -> bool:
    return any(isinstance(part, Opaque) and part.kind == "compaction_trigger" for part in turn.parts)


async def compact(request: Request, members: jsons.Members, route: Route, parties: Parties) -> None:
    """`POST /v1/responses/compact`: by the backend where it speaks this dialect and knows how, else by summary."""
    if (
        not why_not(parties.client, route, jsons.patch(members, {}))
        and (body := await _natively(members, route, parties)) is not None
    ):
        parties.responder.whole(200, body)
        return
    request = with_summaries(request, route, parties.gateway.sealer)
    answer, item = await summarised(request, route, parties)
    mark = stamp(parties.entry.id)
    said = {
        "id": f"resp_{mark.id}",
        "object": "response.compaction",
        "created_at": mark.at,
        "output": [*_user_messages(members, mark.id), item],
        "usage": write_usage(answer.usage),
    }
    parties.responder.whole(200, jsons.write(said))


def _user_messages(members: jsons.Members, mark: str) -> list[Any]:
    """What the user himself said stays word for word, as whole items: clients may leave out what these have."""
    given = jsons.value_of(members.get("input"))
    items = given if isinstance(given, list) else [{"role": "user", "content": given}]
    said = (item for item in items if isinstance(item, dict) and item.get("role") == "user")
    return [
        {"type": "message", "id": f"msg_{mark}{number:08x}", "status": "completed", **item, "content": _parts(item)}
        for number, item in enumerate(said)
    ]


def _parts(item: dict[str, Any]) -> Any:
    content = item.get("content")
    return [{"type": "input_text", "text": content}] if isinstance(content, str) else content


async def _natively(members: jsons.Members, route: Route, parties: Parties) -> bytes | None:
    """None = the backend does not know the endpoint, or cannot read what another has sealed."""
    body = jsons.patch(members, {"model": route.backend_model})
    answers: list[bytes | None] = []

    async def ask(backend: Backend) -> None:
        answers.append(await _ask(body, route, backend, parties))

    await ask_in_turn(route, parties, ask, lambda: False)
    return answers[-1]


async def _ask(body: bytes, route: Route, backend: Backend, parties: Parties) -> bytes | None:
    side = BACKENDS[backend.dialect]
    headers = [("content-type", "application/json"), *side.headers(backend)]
    reply = await parties.gateway.net.send("POST", f"{side.url(backend)}/compact", headers, body, route.timeouts)
    try:
        if reply.status in (404, 405, 501):
            return None
        if reply.status != 200:
            problem = await problem_of(backend, reply)
            if parties.gateway.knowledge.refused_seals.learn(problem, (backend.url, backend.key), seals_in(body)):
                return None
            raise problem
        return await reply.read_all(_MAX_ANSWER)
    finally:
        reply.close()


async def compacted(request: Request, route: Route, parties: Parties) -> list[Event]:
    """An answer whose only output is the compaction item."""
    answer, item = await summarised(request, route, parties)
    return [Showed(0, Opaque(_DIALECT, "compaction", item)), Noted(answer.usage), Ended("compacted")]
