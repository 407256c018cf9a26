"""Stored responses of the Responses dialect: read, listed, deleted. Another key's are like none at all."""

from typing import Any, Final
from urllib.parse import parse_qs

from dragoman.config.snapshot import Key
from dragoman.gateway.call import Call
from dragoman.gateway.gateway import Gateway
from dragoman.hub.problems import Problem, WrongMethod, bad_request
from dragoman.store.response_tables import StoredResponse
from dragoman.store.responses import joined
from dragoman.wire import jsons

PREFIX: Final = "/v1/responses/"
_INPUT: Final = "/input_items"
_CANCEL: Final = "/cancel"
_USUAL_PAGE: Final = 20
_LARGEST_PAGE: Final = 100


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
        allow = "POST" if path.endswith(_CANCEL) else "GET" if path.endswith(_INPUT) else "GET, DELETE"
        raise WrongMethod(f"{call.path[:200]} does not take {call.method}", allow)
    return await _input_items(found, call.query, gateway, key) if path.endswith(_INPUT) else jsons.read(found.response)


async def _input_items(found: StoredResponse, query: str, gateway: Gateway, key: Key) -> dict[str, Any]:
    """A page of what the response was made from, its own input and the conversation before it; the latest first, if
    `order` does not say otherwise.
    """
    before = None
    if found.parent_id is not None:
        before = await gateway.responses.chain(found.parent_id, key.fingerprint)
    items = jsons.read(joined([before or b"[]", found.input_items]))
    data = [_listed(f"item_{number}", item) for number, item in enumerate(items)]
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    if asked.get("order") != "asc":
        data.reverse()
    after = asked.get("after")
    start = next((place + 1 for place, item in enumerate(data) if item["id"] == after), 0)
    page = data[start : start + _limit(asked.get("limit"))]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + len(page) < len(data),
    }


def _listed(item_id: str, item: dict[str, Any]) -> dict[str, Any]:
    """An item as the SDK (3.54) reads it: with an id, and the content of a message as parts."""
    content = item.get("content")
    if not isinstance(content, str):
        return {"id": item_id, **item}
    own = item.get("role") == "assistant"
    part = (
        {"type": "output_text", "text": content, "annotations": []} if own else {"type": "input_text", "text": content}
    )
    return {"id": item_id, "type": "message", **item, "content": [part]}


def _limit(said: str | None) -> int:
    if said is None:
        return _USUAL_PAGE
    if not (said.isdecimal() and said.isascii() and 1 <= int(said[:9]) <= _LARGEST_PAGE):
        raise bad_request("limit", f"must be a number from 1 to {_LARGEST_PAGE}")
    return int(said)


def _unknown(response_id: str) -> Problem:
    return Problem("unknown_path", f"there is no response {response_id[:100]!r} here", param="response_id")
