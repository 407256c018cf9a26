"""Calls that come with a proof of the thought that led to them, which their maker wants back with the call.

Gemini puts it into `extra_content` of the call, and refuses a conversation whose last calls come back without. Other
dialects have no place for it there, so that in the hub it is a detail of the reasoning, and names its call.
"""

from collections.abc import Iterable
from typing import Any, Final

from dragoman.hub.request import Thinking
from dragoman.protocols import tool_ids
from dragoman.protocols.fields import Object

MEMBER: Final = "extra_content"


def detail(call_id: str, proof: Any) -> Object:
    return {"type": MEMBER, "id": call_id, MEMBER: proof}


def proofs_in(details: Iterable[Any]) -> dict[str, Any]:
    """Of each call that has one, by its id."""
    found = (each for each in details if isinstance(each, dict) and each.get("type") == MEMBER)
    return {each["id"]: each[MEMBER] for each in found if isinstance(each.get("id"), str) and MEMBER in each}


def without_proofs(details: Iterable[Any]) -> list[Any]:
    return [each for each in details if not isinstance(each, dict) or each.get("type") != MEMBER]


def with_proofs(calls: list[Object], thoughts: Iterable[Thinking], family: str, form: tool_ids.Form) -> list[Object]:
    """Calls as this dialect says them, with what their maker gave them. form: that of their ids."""
    proofs: dict[str, Any] = {}
    for thought in thoughts:
        seal = thought.seal
        if seal is not None and seal.form == "details" and seal.origin == family and isinstance(seal.value, list):
            proofs |= proofs_in(seal.value)
    by_id = {tool_ids.fit(call_id, form): proof for call_id, proof in proofs.items()}
    return [{**call, MEMBER: by_id[call["id"]]} if call["id"] in by_id else call for call in calls]
