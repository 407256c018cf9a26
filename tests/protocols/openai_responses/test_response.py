"""The response object around every answer of the Responses dialect."""

import pytest

from dragoman.protocols.openai_responses.response import ResponseObject
from dragoman.wire import jsons
from tests.laws.recorded import STAMP


@pytest.mark.parametrize("status", ["in_progress", "completed", "incomplete", "failed"])
def test_only_what_is_completed_has_a_time_of_completion(status: str) -> None:
    """As the API's reference has it: "only present when the status is `completed`"."""
    said = jsons.read(ResponseObject({}, "the-model", STAMP).write(status, []))
    assert said["completed_at"] == (STAMP.at if status == "completed" else None)


def test_a_function_is_repeated_with_all_that_the_specification_demands() -> None:
    bare = {"type": "function", "name": "look"}
    whole = {"type": "function", "name": "see", "description": "Sees.", "parameters": {}, "strict": True}
    other = {"type": "custom", "name": "exec"}
    said = jsons.read(ResponseObject({"tools": [bare, whole, other]}, "the-model", STAMP).write("completed", []))
    assert said["tools"] == [{**bare, "description": None, "parameters": None, "strict": None}, whole, other]


@pytest.mark.parametrize("asked", [None, "priority", "flex"])
def test_the_tier_that_was_served_takes_the_place_of_the_one_that_was_asked_for(asked: str | None) -> None:
    response = ResponseObject({"service_tier": asked}, "the-model", STAMP)
    assert jsons.read(response.write("in_progress", []))["service_tier"] == (asked or "default")
    for tier in ("flex", "default"):
        response.serve(tier)
        assert jsons.read(response.write("completed", []))["service_tier"] == tier
