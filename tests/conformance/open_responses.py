"""What the Open Responses specification's own types make of our events and objects, as far as they know them.

They know messages, functions and reasoning; items and events beyond those are OpenAI's.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import openresponses_types as spec
from pydantic import BaseModel, ValidationError

_EVENTS: Final[Mapping[str, type[BaseModel]]] = {
    "response.created": spec.ResponseCreatedStreamingEvent,
    "response.in_progress": spec.ResponseInProgressStreamingEvent,
    "response.completed": spec.ResponseCompletedStreamingEvent,
    "response.failed": spec.ResponseFailedStreamingEvent,
    "response.incomplete": spec.ResponseIncompleteStreamingEvent,
    "response.output_item.added": spec.ResponseOutputItemAddedStreamingEvent,
    "response.output_item.done": spec.ResponseOutputItemDoneStreamingEvent,
    "response.content_part.added": spec.ResponseContentPartAddedStreamingEvent,
    "response.content_part.done": spec.ResponseContentPartDoneStreamingEvent,
    "response.output_text.delta": spec.ResponseOutputTextDeltaStreamingEvent,
    "response.output_text.done": spec.ResponseOutputTextDoneStreamingEvent,
    "response.output_text.annotation.added": spec.ResponseOutputTextAnnotationAddedStreamingEvent,
    "response.refusal.delta": spec.ResponseRefusalDeltaStreamingEvent,
    "response.refusal.done": spec.ResponseRefusalDoneStreamingEvent,
    "response.reasoning_summary_part.added": spec.ResponseReasoningSummaryPartAddedStreamingEvent,
    "response.reasoning_summary_part.done": spec.ResponseReasoningSummaryPartDoneStreamingEvent,
    "response.reasoning_summary_text.delta": spec.ResponseReasoningSummaryDeltaStreamingEvent,
    "response.reasoning_summary_text.done": spec.ResponseReasoningSummaryDoneStreamingEvent,
    "response.function_call_arguments.delta": spec.ResponseFunctionCallArgumentsDeltaStreamingEvent,
    "response.function_call_arguments.done": spec.ResponseFunctionCallArgumentsDoneStreamingEvent,
}
_ITEMS: Final = ("message", "function_call", "reasoning")


def complaints(events: list[dict[str, Any]]) -> list[str]:
    return [line for event in events for line in _complaints(event)]


def complaints_of_response(response: dict[str, Any]) -> list[str]:
    return list(_checked(spec.ResponseResource, _known_part(response)))


def _complaints(event: dict[str, Any]) -> Iterator[str]:
    model = _EVENTS.get(event["type"])
    if model is None or ("item" in event and event["item"]["type"] not in _ITEMS):
        return
    if "response" in event:
        event = {**event, "response": _known_part(event["response"])}
    yield from _checked(model, event)


def _known_part(response: dict[str, Any]) -> dict[str, Any]:
    output = [item for item in response["output"] if item["type"] in _ITEMS]
    tools = [tool for tool in response["tools"] if tool["type"] == "function"]
    return {**response, "output": output, "tools": tools, "tool_choice": "auto"}


def _checked(model: type[BaseModel], value: dict[str, Any]) -> Iterator[str]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        yield f"{value.get('type') or value.get('object')}: {error}"
