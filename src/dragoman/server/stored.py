"""Stored responses of the Responses dialect: read, listed, deleted. Another key's are like none at all."""

from typing import Any, Final

from dragoman.config.snapshot import Key
from dragoman.gateway.call import Call
from dragoman.gateway.gateway import Gateway
from dragoman.hub.problems import Problem
from dragoman.store.response_tables import StoredResponse
from dragoman.store.responses import joined
from dragoman.wire import jsons

PREFIX: Final = "/v1/responses/"
_INPUT: Final = "/input_items"
_CANCEL: Final = "/cancel"


async def stored(call: Call, gateway: Gateway, key: Key) -> Any:
    """Return what is said of `/v1/responses/{id}` and what is below it. Raise Problem."""
    path = call.path.removeprefix(PREFIX)
    response_id = path.removesuffix(_INPUT).removesuffix(_CANCEL)
    if "/" in response_id:
        raise Problem("unknown_path", f"there is no {call.method} {call.path[:200]} here")
    if call.method == "DELETE" and path == response_id:
        if not await gateway.responses.delete(response_id, key.fingerprint):
            raise _unknown(response_id)
        return {"id": response_id, "object": "response", "deleted": True}
    found = await gateway.responses.get(response_id, key.fingerprint)
    if found is None:
        raise _unknown(response_id)
    if call.method == "POST" and path.endswith(_CANCEL):
        raise Problem("bad_request", "only an answer in the background can be cancelled; this one is complete")
    if call.method != "GET" or path.endswith(_CANCEL):
        raise Problem("wrong_method", f"{call.path[:200]} does not take {call.method}")
    return await _input_items(found, gateway, key) if path.endswith(_INPUT) else jsons.read(found.response)


async def _input_items(found: StoredResponse, gateway: Gateway, key: Key) -> dict[str, Any]:
    """What the response was made from, the earliest first: its own input and the conversation before it."""
    before = None
    if found.parent_id is not None:
        before = await gateway.responses.chain(found.parent_id, key.fingerprint)
    items = jsons.read(joined([before or b"[]", found.input_items]))
    data = [{"id": f"item_{number}", **item} for number, item in enumerate(items)]
    ids = [item["id"] for item in data]
    return {
        "object": "list",
        "data": data,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": False,
    }


def _unknown(response_id: str) -> Problem:
    return Problem("unknown_path", f"there is no response {response_id[:100]!r} here", param="response_id")
