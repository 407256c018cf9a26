"""What the proxy remembers for clients and backends that do not: responses by their id, reasoning by what was said.

Chat clients drop the proof a backend attached to its reasoning, and echo the text and the calls; by these it is found
again and put back. Responses clients may send the id of an earlier response in the place of the conversation so far,
or the ids of its items (the AI SDK 3.0 does, where `store` is not false).
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

from dragoman.gateway.parties import Parties
from dragoman.hub.answer import fold
from dragoman.hub.events import Closed, Ended, Event, Opened, Showed
from dragoman.hub.problems import Problem
from dragoman.hub.request import Request, Seal, Thinking, Turn
from dragoman.hub.route import Backend
from dragoman.protocols.openai_responses.response import response_of
from dragoman.protocols.seals import Sealer, envelope_in
from dragoman.protocols.vault_keys import keys_of, keys_of_answer
from dragoman.store.response_tables import StoredResponse
from dragoman.store.responses import joined
from dragoman.store.vault import Vault
from dragoman.wire import jsons

_replace: Final = msgspec.structs.replace
_DIALECT: Final = "openai-chat"
_REFERENCE: Final = b'"item_reference"'


def reminded(request: Request, vault: Vault, owner: str) -> Request:
    """The request of a Chat client with the reasoning it was told and did not send back, as envelopes."""
    if request.dialect != _DIALECT:
        return request
    turns = list(request.turns)
    for place, turn in enumerate(turns):
        if turn.role == "assistant":
            turns[place] = _reminded_turn(turn, vault, owner)
    return _replace(request, turns=tuple(turns))


def _reminded_turn(turn: Turn, vault: Vault, owner: str) -> Turn:
    sealed = any(isinstance(part, Thinking) and part.seal is not None for part in turn.parts)
    keys = () if sealed else keys_of(turn)
    known = vault.recall(owner, keys) if keys else None
    if known is None:
        return turn
    thoughts = [
        Thinking("", Seal(_DIALECT, "dragoman", [{"type": "reasoning.encrypted", "data": envelope}], "details"))
        for envelope in known.split(" ")
    ]
    rest = [part for part in turn.parts if not isinstance(part, Thinking)]
    return _replace(turn, parts=(*thoughts, *rest))


class Remembered:
    """A filter over what a Chat client is told: reasoning that its backend wants back is kept under what was said with it.

    What it has not sealed is wanted by those alone that want all of it.
    """

    cut: Final = False

    def __init__(self, vault: Vault, owner: str, sealer: Sealer, backend: Backend) -> None:
        self._vault: Final = vault
        self._owner: Final = owner
        self._sealer: Final = sealer
        wants_all = backend.dialect == _DIALECT and backend.profile.reasoning_history == "all"
        self._unsealed: Final = Seal(_DIALECT, backend.profile.family, [], "details") if wants_all else None
        self._heard: Final[list[Event]] = []

    def feed(self, event: Event) -> list[Event]:
        self._heard.append(event)
        if type(event) is Ended and any(map(self._holds_reasoning, self._heard)):
            answer = fold(self._heard)
            kept = [self._envelope(part) for part in answer.parts if isinstance(part, Thinking)]
            if envelopes := [envelope for envelope in kept if envelope is not None]:
                self._vault.remember(self._owner, keys_of_answer(answer), " ".join(envelopes))
        return [event]

    def _holds_reasoning(self, event: Event) -> bool:
        if isinstance(event, Closed):
            return event.seal is not None
        part = event.part if isinstance(event, Opened | Showed) else None
        return isinstance(part, Thinking) and (part.seal or self._unsealed) is not None

    def _envelope(self, part: Thinking) -> str | None:
        seal = part.seal or self._unsealed
        return None if seal is None else envelope_in(seal) or self._sealer.wrap(seal, part.text)


async def recalled(members: jsons.Members, parties: Parties, *, native: bool) -> jsons.Members:
    """The request with the conversation that `previous_response_id` stands for in the place of it.

    native: the backend may know the id itself. Raise Problem("bad_request") where nobody knows it: a foreign id and one
    that never was are the same.
    """
    previous = jsons.value_of(members.get("previous_response_id"))
    if previous is None:
        return members
    chain = None
    if isinstance(previous, str):
        chain = await parties.gateway.responses.chain(previous, parties.entry.owner)
    if chain is None:
        if native:
            return members
        raise Problem(
            "bad_request",
            f"previous_response_id: there is no response {previous!r} here; send the whole input",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    rest = {key: value for key, value in members.items() if key != "previous_response_id"}
    return {**rest, "input": Raw(joined([chain, own_items(members)]))}


async def referred(members: jsons.Members, parties: Parties, *, native: bool) -> jsons.Members:
    """The request with the items it refers to in the place of their ids. native and what is raised: as above.

    Who has nothing stored has nothing to refer to.
    """
    if jsons.value_of(members.get("store")) is False:
        return members
    body = own_items(members)
    if body.find(_REFERENCE) < 0:
        return members
    items = jsons.elements(Raw(body)) or []
    wanted = {place: item["id"] for place, item in enumerate(map(jsons.value_of, items)) if _is_reference(item)}
    known: dict[str, Raw] = {}
    for response_id in dict.fromkeys(map(response_of, wanted.values())):
        kept = await parties.gateway.responses.get(response_id, parties.entry.owner)
        outputs = (jsons.elements(Raw(kept.output_items)) or []) if kept is not None else []
        known |= {jsons.value_of(output).get("id"): output for output in outputs}
    changed = False
    for place, item_id in wanted.items():
        if (item := known.get(item_id)) is not None:
            items[place], changed = item, True
        elif not native:
            path = f"input[{place}]"
            why = f"{path}: there is no item {item_id!r} here; send the item itself"
            raise Problem("bad_request", why, param=path, code="invalid_prompt")
    return {**members, "input": Raw(jsons.write(items))} if changed else members


def _is_reference(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "item_reference" and isinstance(item.get("id"), str)


def own_items(members: jsons.Members) -> bytes:
    """The member `input` as a JSON array of items."""
    body = bytes(members.get("input", b"null")).strip()
    if body == b"null":
        return b"[]"
    if body.startswith(b"["):
        return body
    return jsons.write([{"type": "message", "role": "user", "content": jsons.read(body)}])


def keep(response: bytes, members: jsons.Members, parties: Parties) -> None:
    """Keep a finished response. members: of the request as it came."""
    said: dict[str, Any] = {
        name: jsons.value_of(value) for name, value in jsons.members(response).items() if name in _READ
    }
    if said.get("status") not in ("completed", "incomplete"):
        return
    previous = jsons.value_of(members.get("previous_response_id"))
    parties.gateway.responses.save(
        StoredResponse(
            id=str(said["id"]),
            owner=parties.entry.owner,
            parent_id=previous if isinstance(previous, str) else None,
            model=str(said["model"]),
            created_at=int(said["created_at"]),
            input_items=own_items(members),
            output_items=bytes(jsons.members(response)["output"]),
            response=response,
            lasting=jsons.value_of(members.get("store")) is not False,
        )
    )


_READ: Final = frozenset({"id", "status", "model", "created_at"})
