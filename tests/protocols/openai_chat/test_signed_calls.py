"""Proofs that come with calls. (Through clients of other dialects and back: tests/gateway/test_memory.py.)"""

from typing import Any, Final

import pytest

from dragoman.hub.request import Seal, Thinking
from dragoman.protocols import tool_ids
from dragoman.protocols.openai_chat.signed_calls import MEMBER, detail, proofs_in, with_proofs, without_proofs

PROOF: Final = {"google": {"thought_signature": "AY89a18I+/=="}}
ENCRYPTED: Final = {"type": "reasoning.encrypted", "data": "x"}


def sealed(*details: Any, origin: str = "gemini") -> Thinking:
    return Thinking("", Seal("openai-chat", origin, list(details), "details"))


def call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_other_details_are_left_alone() -> None:
    details = [ENCRYPTED, detail("a", PROOF), "odd", {"type": MEMBER}]
    assert proofs_in(details) == {"a": PROOF}
    assert without_proofs(details) == [ENCRYPTED, "odd"]


def test_each_call_gets_its_own() -> None:
    thoughts = [sealed(detail("a", PROOF)), sealed(ENCRYPTED, detail("c", 1)), Thinking("hm")]
    said = with_proofs([call("a"), call("b"), call("c")], thoughts, "gemini", "openai")
    assert said == [{**call("a"), MEMBER: PROOF}, call("b"), {**call("c"), MEMBER: 1}]


def test_an_id_that_is_said_otherwise_is_still_that_call() -> None:
    fitted = tool_ids.fit("not legal!", "openai")
    (said,) = with_proofs([call(fitted)], [sealed(detail("not legal!", PROOF))], "gemini", "openai")
    assert said[MEMBER] == PROOF


@pytest.mark.parametrize("thought", [sealed(detail("a", PROOF), origin="other"), Thinking("hm")])
def test_nobody_else_gets_it(thought: Thinking) -> None:
    assert with_proofs([call("a")], [thought], "gemini", "openai") == [call("a")]
